#include "seedpod.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sem.h>

#undef semctl

struct operation {
    uint16_t number;
    int16_t delta;
    uint8_t no_wait;
    uint8_t undo;
};
struct status {
    struct permissions permissions;
    uint64_t operated_at;
    uint64_t changed_at;
    uint32_t semaphores;
};
struct status_result {
    uint8_t failed;
    union {
        struct status status;
        uint8_t error;
    };
};
struct semaphore {
    uint16_t value;
    uint32_t last_process;
    uint32_t waiting_for_more;
    uint32_t waiting_for_zero;
};
struct semaphore_result {
    uint8_t failed;
    union {
        struct semaphore semaphore;
        uint8_t error;
    };
};

IMPORT("system-v-semaphores", "get")
void sysv_set_get(int key, uint32_t count, uint32_t how, uint32_t mode, struct u32_result *result);
IMPORT("system-v-semaphores", "operate")
void sysv_set_operate(int id, const struct operation *operations, size_t count, uint32_t with_timeout, uint64_t timeout,
    struct unit_result *result);
IMPORT("system-v-semaphores", "values") void sysv_set_values(int id, struct list_result *result);
IMPORT("system-v-semaphores", "set-values")
void sysv_set_set_values(int id, const uint16_t *values, size_t count, struct unit_result *result);
IMPORT("system-v-semaphores", "describe") void sysv_set_describe(int id, uint32_t number, struct semaphore_result *result);
IMPORT("system-v-semaphores", "set-value")
void sysv_set_set_value(int id, uint32_t number, int value, struct unit_result *result);
IMPORT("system-v-semaphores", "status") void sysv_set_status(int id, struct status_result *result);
IMPORT("system-v-semaphores", "set") void sysv_set_set(int id, uint32_t mode, struct unit_result *result);
IMPORT("system-v-semaphores", "remove") void sysv_set_remove(int id, struct unit_result *result);

/* SEMOPM */
#define OPERATIONS_MAX 500

int semget(key_t key, int count, int flags)
{
    struct u32_result result;
    sysv_set_get(key, (uint32_t)count, seedpod_get_how(flags), (uint32_t)flags & 0777, &result);
    return seedpod_u32(&result);
}

int semtimedop(int id, struct sembuf *operations, size_t count, const struct timespec *timeout)
{
    int64_t nanos = timeout ? seedpod_nanos(timeout) : 0;
    if (nanos < 0) {
        errno = EINVAL;
        return -1;
    }
    if (count > OPERATIONS_MAX) {
        errno = E2BIG;
        return -1;
    }
    struct operation list[OPERATIONS_MAX];
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct operation){
            .number = operations[i].sem_num,
            .delta = operations[i].sem_op,
            .no_wait = !!(operations[i].sem_flg & IPC_NOWAIT),
            .undo = !!(operations[i].sem_flg & SEM_UNDO),
        };
    }
    struct unit_result result;
    seedpod_release();
    sysv_set_operate(id, list, count, timeout != NULL, (uint64_t)nanos, &result);
    seedpod_acquire();
    return seedpod_unit(&result);
}

int semop(int id, struct sembuf *operations, size_t count)
{
    return semtimedop(id, operations, count, NULL);
}

static int stat_set(int id, struct semid_ds *status)
{
    struct status_result result;
    sysv_set_status(id, &result);
    if (result.failed)
        return seedpod_fail(result.error);
    const struct status *of = &result.status;
    *status = (struct semid_ds){
        .sem_perm = { .__key = of->permissions.key, .mode = of->permissions.mode, .__seq = of->permissions.id >> 15 },
        .sem_otime = (time_t)of->operated_at,
        .sem_ctime = (time_t)of->changed_at,
        .sem_nsems = of->semaphores,
    };
    return 0;
}

static int get_values(int id, unsigned short *values)
{
    struct list_result result;
    sysv_set_values(id, &result);
    if (result.failed)
        return seedpod_fail(result.error);
    memcpy(values, result.items, result.count * sizeof *values);
    free(result.items);
    return 0;
}

static int put_values(int id, const unsigned short *values)
{
    struct semid_ds status;
    struct unit_result result;
    if (stat_set(id, &status))
        return -1;
    sysv_set_set_values(id, values, status.sem_nsems, &result);
    return seedpod_unit(&result);
}

static int describe(int id, int number, int command)
{
    struct semaphore_result result;
    sysv_set_describe(id, (uint32_t)number, &result);
    if (result.failed)
        return seedpod_fail(result.error);
    switch (command) {
    case GETVAL:
        return result.semaphore.value;
    case GETPID:
        return (int)result.semaphore.last_process;
    case GETNCNT:
        return (int)result.semaphore.waiting_for_more;
    default:
        return (int)result.semaphore.waiting_for_zero;
    }
}

int __semctl_value(int id, int number, int command, int value)
{
    struct unit_result result;
    switch (command) {
    case GETVAL:
    case GETPID:
    case GETNCNT:
    case GETZCNT:
        return describe(id, number, command);
    case SETVAL:
        seedpod_release();
        sysv_set_set_value(id, (uint32_t)number, value, &result);
        return seedpod_unit(&result);
    case IPC_RMID:
        sysv_set_remove(id, &result);
        return seedpod_unit(&result);
    default:
        errno = EINVAL;
        return -1;
    }
}

int __semctl_pointer(int id, int number, int command, const void *pointer)
{
    struct unit_result result;
    switch (command) {
    case IPC_STAT:
        return stat_set(id, (struct semid_ds *)pointer);
    case IPC_SET:
        sysv_set_set(id, ((const struct semid_ds *)pointer)->sem_perm.mode, &result);
        return seedpod_unit(&result);
    case GETALL:
        return get_values(id, (unsigned short *)pointer);
    case SETALL:
        seedpod_release();
        return put_values(id, pointer);
    default:
        return __semctl_value(id, number, command, (int)(intptr_t)pointer);
    }
}

int semctl(int id, int number, int command, ...)
{
    union semun {
        int value;
        struct semid_ds *status;
        unsigned short *values;
    } argument = { 0 };
    if (command == SETVAL || command == SETALL || command == GETALL || command == IPC_STAT || command == IPC_SET) {
        va_list arguments;
        va_start(arguments, command);
        argument = va_arg(arguments, union semun);
        va_end(arguments);
    }
    if (command == SETVAL)
        return __semctl_value(id, number, command, argument.value);
    return __semctl_pointer(id, number, command, argument.values);
}
