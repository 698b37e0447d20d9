#include "seedpod.h"

#include <errno.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

IMPORT("semaphores", "open")
void semaphore_open(const char *name, size_t length, uint32_t how, uint32_t value, struct u32_result *result);
IMPORT("semaphores", "unlink") void semaphore_unlink(const char *name, size_t length, struct unit_result *result);
IMPORT("semaphores", "create") void semaphore_create(uint32_t shared, uint32_t value, struct u64_result *result);
IMPORT("semaphores", "destroy") void semaphore_destroy(uint64_t identity, struct unit_result *result);
IMPORT("semaphores", "post") void unnamed_post(uint64_t identity, struct unit_result *result);
IMPORT("semaphores", "wait")
void unnamed_wait(uint64_t identity, uint32_t how, uint64_t nanos, struct unit_result *result);
IMPORT("semaphores", "value") void unnamed_value(uint64_t identity, struct u32_result *result);
IMPORT("semaphores", "[method]semaphore.post") void named_post(int self, struct unit_result *result);
IMPORT("semaphores", "[method]semaphore.wait")
void named_wait(int self, uint32_t how, uint64_t nanos, struct unit_result *result);
IMPORT("semaphores", "[method]semaphore.value") uint32_t named_value(int self);
IMPORT("semaphores", "[method]semaphore.identity") uint64_t named_identity(int self);
IMPORT("semaphores", "[resource-drop]semaphore") void semaphore_drop(int self);

enum { NOTHING, UNNAMED = 0x5345, NAMED };

/* Opening a semaphore again gives the same address, as sem_open(3) demands. */
struct open {
    sem_t semaphore;
    unsigned references;
    struct open *next;
};
static struct open *all;

sem_t *sem_open(const char *name, int flags, ...)
{
    unsigned value = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        (void)va_arg(arguments, int);
        value = va_arg(arguments, unsigned);
        va_end(arguments);
    }
    struct u32_result result;
    semaphore_open(name, strlen(name), seedpod_open_how(flags), value, &result);
    if (result.failed) {
        seedpod_fail(result.error);
        return SEM_FAILED;
    }
    int handle = (int)result.value;
    uint64_t identity = named_identity(handle);
    for (struct open *open = all; open; open = open->next) {
        if (open->semaphore.__identity == identity) {
            semaphore_drop(handle);
            open->references++;
            return &open->semaphore;
        }
    }
    struct open *open = malloc(sizeof *open);
    if (!open) {
        semaphore_drop(handle);
        errno = ENOMEM;
        return SEM_FAILED;
    }
    *open = (struct open){
        .semaphore = { .__identity = identity, .__kind = NAMED, .__handle = handle },
        .references = 1,
        .next = all,
    };
    all = open;
    return &open->semaphore;
}

int sem_close(sem_t *semaphore)
{
    for (struct open **link = &all; *link; link = &(*link)->next) {
        struct open *open = *link;
        if (&open->semaphore != semaphore)
            continue;
        if (--open->references == 0) {
            *link = open->next;
            semaphore_drop(open->semaphore.__handle);
            free(open);
        }
        return 0;
    }
    errno = EINVAL;
    return -1;
}

int sem_unlink(const char *name)
{
    struct unit_result result;
    semaphore_unlink(name, strlen(name), &result);
    return seedpod_unit(&result);
}

int sem_init(sem_t *semaphore, int shared, unsigned value)
{
    struct u64_result result;
    semaphore_create(shared != 0, value, &result);
    if (result.failed)
        return seedpod_fail(result.error);
    *semaphore = (sem_t){ .__identity = result.value, .__kind = UNNAMED };
    seedpod_release();
    return 0;
}

/* Another process may have initialised it just now. */
static int kind_of(sem_t *semaphore)
{
    if (semaphore->__kind != UNNAMED && semaphore->__kind != NAMED)
        seedpod_acquire();
    if (semaphore->__kind == UNNAMED || semaphore->__kind == NAMED)
        return semaphore->__kind;
    errno = EINVAL;
    return NOTHING;
}

int sem_destroy(sem_t *semaphore)
{
    if (kind_of(semaphore) != UNNAMED) {
        errno = EINVAL;
        return -1;
    }
    struct unit_result result;
    semaphore_destroy(semaphore->__identity, &result);
    return seedpod_unit(&result);
}

int sem_post(sem_t *semaphore)
{
    struct unit_result result;
    seedpod_release();
    switch (kind_of(semaphore)) {
    case NAMED:
        named_post(semaphore->__handle, &result);
        break;
    case UNNAMED:
        unnamed_post(semaphore->__identity, &result);
        break;
    default:
        return -1;
    }
    return seedpod_unit(&result);
}

static int wait_how(sem_t *semaphore, uint32_t how, uint64_t nanos)
{
    struct unit_result result;
    seedpod_release();
    switch (kind_of(semaphore)) {
    case NAMED:
        named_wait(semaphore->__handle, how, nanos, &result);
        break;
    case UNNAMED:
        unnamed_wait(semaphore->__identity, how, nanos, &result);
        break;
    default:
        return -1;
    }
    seedpod_acquire();
    return seedpod_unit(&result);
}

int sem_wait(sem_t *semaphore)
{
    return wait_how(semaphore, BLOCKING_FOREVER, 0);
}

int sem_trywait(sem_t *semaphore)
{
    return wait_how(semaphore, BLOCKING_NEVER, 0);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict deadline)
{
    int64_t until = seedpod_nanos(deadline);
    if (until < 0) {
        errno = EINVAL;
        return -1;
    }
    return wait_how(semaphore, BLOCKING_UNTIL, (uint64_t)until);
}

int sem_getvalue(sem_t *restrict semaphore, int *restrict value)
{
    struct u32_result result;
    switch (kind_of(semaphore)) {
    case NAMED:
        *value = (int)named_value(semaphore->__handle);
        return 0;
    case UNNAMED:
        unnamed_value(semaphore->__identity, &result);
        if (result.failed)
            return seedpod_fail(result.error);
        *value = (int)result.value;
        return 0;
    default:
        return -1;
    }
}
