#include "seedpod.h"

#include <errno.h>
#include <mqueue.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct attributes {
    uint32_t messages_max;
    uint32_t message_size_max;
    uint8_t non_block;
    uint32_t messages;
};

IMPORT("message-queues", "open")
void queue_open(const char *name, size_t length, uint32_t how, uint32_t with_limits, uint32_t messages_max,
    uint32_t message_size_max, struct u32_result *result);
IMPORT("message-queues", "unlink")
void queue_unlink(const char *name, size_t length, struct unit_result *result);
IMPORT("message-queues", "[method]descriptor.send")
void queue_send(int self, const void *bytes, size_t length, uint32_t priority, uint32_t with_deadline, uint64_t deadline,
    struct unit_result *result);
IMPORT("message-queues", "[method]descriptor.receive")
void queue_receive(int self, uint32_t max, uint32_t with_deadline, uint64_t deadline, struct list_result *result);
IMPORT("message-queues", "[method]descriptor.attributes")
void queue_attributes(int self, struct attributes *result);
IMPORT("message-queues", "[method]descriptor.set-non-block")
void queue_set_non_block(int self, uint32_t non_block);
IMPORT("message-queues", "[resource-drop]descriptor")
void queue_drop(int self);

/* Descriptors are not those of files: a number that close(2) does not know. */
#define FIRST 0x200000

/* Handles by descriptor; 0 is free. */
static int *handles;
static int capacity;

static int handle_of(mqd_t queue)
{
    int index = queue - FIRST;
    if (index < 0 || index >= capacity || !handles[index]) {
        errno = EBADF;
        return 0;
    }
    return handles[index];
}

static mqd_t add(int handle)
{
    int index = 0;
    while (index < capacity && handles[index])
        index++;
    if (index == capacity) {
        int more = capacity ? 2 * capacity : 8;
        int *grown = realloc(handles, (size_t)more * sizeof *grown);
        if (!grown) {
            queue_drop(handle);
            errno = ENOMEM;
            return -1;
        }
        memset(grown + capacity, 0, (size_t)(more - capacity) * sizeof *grown);
        handles = grown;
        capacity = more;
    }
    handles[index] = handle;
    return FIRST + index;
}

mqd_t mq_open(const char *name, int flags, ...)
{
    const struct mq_attr *attributes = NULL;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        (void)va_arg(arguments, int);
        attributes = va_arg(arguments, const struct mq_attr *);
        va_end(arguments);
    }
    /* A negative limit is as much out of bounds as the greatest. */
    struct u32_result result;
    queue_open(name, strlen(name), seedpod_open_how(flags), attributes != NULL,
        attributes ? (uint32_t)attributes->mq_maxmsg : 0, attributes ? (uint32_t)attributes->mq_msgsize : 0, &result);
    if (result.failed)
        return seedpod_fail(result.error);
    return add((int)result.value);
}

int mq_close(mqd_t queue)
{
    int handle = handle_of(queue);
    if (!handle)
        return -1;
    handles[queue - FIRST] = 0;
    queue_drop(handle);
    return 0;
}

int mq_unlink(const char *name)
{
    struct unit_result result;
    queue_unlink(name, strlen(name), &result);
    return seedpod_unit(&result);
}

int mq_getattr(mqd_t queue, struct mq_attr *attributes)
{
    return mq_setattr(queue, NULL, attributes);
}

int mq_setattr(mqd_t queue, const struct mq_attr *attributes, struct mq_attr *old)
{
    int handle = handle_of(queue);
    if (!handle)
        return -1;
    if (attributes && (attributes->mq_flags & ~(long)O_NONBLOCK)) {
        errno = EINVAL;
        return -1;
    }
    if (old) {
        struct attributes current;
        queue_attributes(handle, &current);
        old->mq_flags = current.non_block ? O_NONBLOCK : 0;
        old->mq_maxmsg = (long)current.messages_max;
        old->mq_msgsize = (long)current.message_size_max;
        old->mq_curmsgs = (long)current.messages;
    }
    if (attributes)
        queue_set_non_block(handle, attributes->mq_flags & O_NONBLOCK ? 1 : 0);
    return 0;
}

int mq_notify(mqd_t queue, const struct sigevent *event)
{
    (void)event;
    if (handle_of(queue))
        errno = ENOSYS;
    return -1;
}

int mq_timedsend(mqd_t queue, const char *message, size_t length, unsigned priority, const struct timespec *deadline)
{
    int handle = handle_of(queue);
    if (!handle)
        return -1;
    int64_t until = deadline ? seedpod_nanos(deadline) : 0;
    if (until < 0) {
        errno = EINVAL;
        return -1;
    }
    struct unit_result result;
    seedpod_release();
    queue_send(handle, message, length, priority, deadline != NULL, (uint64_t)until, &result);
    seedpod_acquire();
    return seedpod_unit(&result);
}

int mq_send(mqd_t queue, const char *message, size_t length, unsigned priority)
{
    return mq_timedsend(queue, message, length, priority, NULL);
}

ssize_t mq_timedreceive(
    mqd_t queue, char *message, size_t size, unsigned *priority, const struct timespec *deadline)
{
    int handle = handle_of(queue);
    if (!handle)
        return -1;
    int64_t until = deadline ? seedpod_nanos(deadline) : 0;
    if (until < 0) {
        errno = EINVAL;
        return -1;
    }
    struct list_result result;
    seedpod_release();
    seedpod_receive_into(message, size);
    queue_receive(handle, size, deadline != NULL, (uint64_t)until, &result);
    seedpod_receive_into(NULL, 0);
    seedpod_acquire();
    if (result.failed)
        return seedpod_fail(result.error);
    if (priority)
        *priority = (unsigned)result.tag;
    return (ssize_t)result.count;
}

ssize_t mq_receive(mqd_t queue, char *message, size_t size, unsigned *priority)
{
    return mq_timedreceive(queue, message, size, priority, NULL);
}
