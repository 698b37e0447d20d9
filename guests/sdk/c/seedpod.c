#include "seedpod.h"
#include "component_type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ipc.h>

static const int numbers[] = {
    EACCES,  EAGAIN, EBADF,        EEXIST, EFBIG,  EIDRM,  EINTR,  EINVAL,    EMSGSIZE, EMFILE,
    ENAMETOOLONG, ENOENT, ENOMEM, ENOMSG, ENOSPC, EOVERFLOW, EPERM, ERANGE, ETIMEDOUT, E2BIG,
};

int seedpod_fail(uint8_t error)
{
    errno = error < sizeof numbers / sizeof *numbers ? numbers[error] : EIO;
    return -1;
}

int seedpod_unit(const struct unit_result *result)
{
    return result->failed ? seedpod_fail(result->error) : 0;
}

int seedpod_u32(const struct u32_result *result)
{
    return result->failed ? seedpod_fail(result->error) : (int)result->value;
}

static void *receive_buffer;
static size_t receive_size;

void seedpod_receive_into(void *buffer, size_t size)
{
    receive_buffer = buffer;
    receive_size = size;
}

/* The canonical ABI asks for memory with this. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size)
{
    if (receive_buffer && !old && align == 1 && size <= receive_size) {
        void *buffer = receive_buffer;
        receive_buffer = NULL;
        return buffer;
    }
    if (size == 0)
        return (void *)align;
    void *memory = realloc(old_size ? old : NULL, size);
    if (!memory)
        abort();
    return memory;
}

uint32_t seedpod_open_how(int flags)
{
    uint32_t how = 0;
    if (flags & O_WRONLY)
        how |= HOW_WRITE;
    /* O_RDONLY is 0 on Linux, so programs leave it out. */
    if ((flags & O_RDONLY) || !(flags & O_WRONLY))
        how |= HOW_READ;
    if (flags & O_CREAT)
        how |= HOW_CREATE;
    if (flags & O_EXCL)
        how |= HOW_EXCLUSIVE;
    if (flags & O_TRUNC)
        how |= HOW_TRUNCATE;
    if (flags & O_NONBLOCK)
        how |= HOW_NON_BLOCK;
    return how;
}

uint32_t seedpod_get_how(int flags)
{
    return (flags & IPC_CREAT ? HOW_CREATE : 0) | (flags & IPC_EXCL ? HOW_EXCLUSIVE : 0);
}

int64_t seedpod_nanos(const struct timespec *time)
{
    int64_t nanos;
    if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= 1000000000)
        return -1;
    if (__builtin_mul_overflow((int64_t)time->tv_sec, (int64_t)1000000000, &nanos)
        || __builtin_add_overflow(nanos, (int64_t)time->tv_nsec, &nanos))
        return INT64_MAX;
    return nanos;
}

void (*seedpod_release_hook)(void);
void (*seedpod_acquire_hook)(void);
