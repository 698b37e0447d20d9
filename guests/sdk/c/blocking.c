/* Calls of the C library that wait for others, or that others wait for: synchronisation points of shared memory. */
#include "seedpod.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

static int result_of(__wasi_errno_t error)
{
    if (!error)
        return 0;
    errno = error;
    return -1;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *remaining)
{
    (void)remaining;
    int64_t nanos = seedpod_nanos(time);
    if ((flags & ~TIMER_ABSTIME) || nanos < 0)
        return EINVAL;
    __wasi_subscription_t subscription = {
        .u.tag = __WASI_EVENTTYPE_CLOCK,
        .u.u.clock.id = clock == CLOCK_MONOTONIC ? __WASI_CLOCKID_MONOTONIC : __WASI_CLOCKID_REALTIME,
        .u.u.clock.timeout = (__wasi_timestamp_t)nanos,
        .u.u.clock.flags = (__wasi_subclockflags_t)flags,
    };
    __wasi_event_t event;
    __wasi_size_t count;
    seedpod_release();
    __wasi_errno_t error = __wasi_poll_oneoff(&subscription, &event, 1, &count);
    seedpod_acquire();
    return error || event.error ? ENOTSUP : 0;
}

int nanosleep(const struct timespec *time, struct timespec *remaining)
{
    int error = clock_nanosleep(CLOCK_REALTIME, 0, time, remaining);
    if (!error)
        return 0;
    errno = error;
    return -1;
}

unsigned sleep(unsigned seconds)
{
    struct timespec time = { .tv_sec = (time_t)seconds };
    return nanosleep(&time, NULL) ? seconds : 0;
}

int usleep(useconds_t microseconds)
{
    struct timespec time = { .tv_sec = (time_t)(microseconds / 1000000), .tv_nsec = (long)(microseconds % 1000000) * 1000 };
    return nanosleep(&time, NULL);
}

int sched_yield(void)
{
    seedpod_release();
    __wasi_errno_t error = __wasi_sched_yield();
    seedpod_acquire();
    return result_of(error);
}

ssize_t read(int fd, void *buffer, size_t size)
{
    __wasi_iovec_t vector = { .buf = buffer, .buf_len = size };
    __wasi_size_t count;
    seedpod_release();
    __wasi_errno_t error = __wasi_fd_read((__wasi_fd_t)fd, &vector, 1, &count);
    seedpod_acquire();
    return result_of(error == ENOTCAPABLE ? EBADF : error) ? -1 : (ssize_t)count;
}

ssize_t write(int fd, const void *buffer, size_t size)
{
    __wasi_ciovec_t vector = { .buf = buffer, .buf_len = size };
    __wasi_size_t count;
    seedpod_release();
    __wasi_errno_t error = __wasi_fd_write((__wasi_fd_t)fd, &vector, 1, &count);
    seedpod_acquire();
    return result_of(error == ENOTCAPABLE ? EBADF : error) ? -1 : (ssize_t)count;
}

ssize_t recv(int socket, void *buffer, size_t size, int flags)
{
    __wasi_iovec_t vector = { .buf = buffer, .buf_len = size };
    __wasi_size_t count;
    __wasi_roflags_t flags_of_result;
    if (flags & ~(MSG_PEEK | MSG_WAITALL)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    seedpod_release();
    __wasi_errno_t error = __wasi_sock_recv((__wasi_fd_t)socket, &vector, 1, (__wasi_riflags_t)flags,
        &count, &flags_of_result);
    seedpod_acquire();
    return result_of(error) ? -1 : (ssize_t)count;
}

ssize_t send(int socket, const void *buffer, size_t size, int flags)
{
    __wasi_ciovec_t vector = { .buf = buffer, .buf_len = size };
    __wasi_size_t count;
    if (flags) {
        errno = EOPNOTSUPP;
        return -1;
    }
    seedpod_release();
    __wasi_errno_t error = __wasi_sock_send((__wasi_fd_t)socket, &vector, 1, 0, &count);
    seedpod_acquire();
    return result_of(error) ? -1 : (ssize_t)count;
}

_Noreturn void _Exit(int status)
{
    seedpod_release();
    __wasi_proc_exit((__wasi_exitcode_t)status);
}

_Noreturn void _exit(int status)
{
    _Exit(status);
}
