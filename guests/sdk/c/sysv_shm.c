#include "seedpod.h"

#include <errno.h>
#include <sys/shm.h>

struct status {
    struct permissions permissions;
    uint32_t size;
    uint64_t attached_at;
    uint64_t detached_at;
    uint64_t changed_at;
    uint32_t creator;
    uint32_t last_process;
    uint32_t attached;
    uint8_t removed;
};
struct status_result {
    uint8_t failed;
    union {
        struct status status;
        uint8_t error;
    };
};

IMPORT("system-v-memory", "get")
void sysv_segment_get(int key, uint32_t size, uint32_t how, uint32_t mode, struct u32_result *result);
IMPORT("system-v-memory", "attach") void sysv_segment_attach(int id, uint32_t read_only, struct u32_result *result);
IMPORT("system-v-memory", "status") void sysv_segment_status(int id, struct status_result *result);
IMPORT("system-v-memory", "set") void sysv_segment_set(int id, uint32_t mode, struct unit_result *result);
IMPORT("system-v-memory", "remove") void sysv_segment_remove(int id, struct unit_result *result);

int shmget(key_t key, size_t size, int flags)
{
    struct u32_result result;
    sysv_segment_get(key, size, seedpod_get_how(flags), (uint32_t)flags & 0777, &result);
    return seedpod_u32(&result);
}

void *shmat(int id, const void *address, int flags)
{
    if (address || (flags & SHM_REMAP)) {
        errno = EINVAL;
        return (void *)-1;
    }
    bool read_only = flags & SHM_RDONLY;
    struct u32_result result;
    sysv_segment_attach(id, read_only, &result);
    if (result.failed) {
        seedpod_fail(result.error);
        return (void *)-1;
    }
    struct object *object = seedpod_object((int)result.value, !read_only);
    if (!object)
        return (void *)-1;
    void *mapped = seedpod_map(object, 0, seedpod_object_size(object), true, !read_only);
    seedpod_object_release(object);
    return mapped;
}

int shmdt(const void *address)
{
    if (!seedpod_unmap(address, 0)) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static int stat_segment(int id, struct shmid_ds *status)
{
    struct status_result result;
    sysv_segment_status(id, &result);
    if (result.failed)
        return seedpod_fail(result.error);
    const struct status *of = &result.status;
    *status = (struct shmid_ds){
        .shm_perm = {
            .__key = of->permissions.key,
            .mode = of->permissions.mode | (of->removed ? SHM_DEST : 0),
            .__seq = of->permissions.id >> 15,
        },
        .shm_segsz = of->size,
        .shm_atime = (time_t)of->attached_at,
        .shm_dtime = (time_t)of->detached_at,
        .shm_ctime = (time_t)of->changed_at,
        .shm_cpid = (pid_t)of->creator,
        .shm_lpid = (pid_t)of->last_process,
        .shm_nattch = of->attached,
    };
    return 0;
}

int shmctl(int id, int command, struct shmid_ds *status)
{
    struct unit_result result;
    switch (command) {
    case IPC_STAT:
        return stat_segment(id, status);
    case IPC_SET:
        sysv_segment_set(id, status->shm_perm.mode, &result);
        return seedpod_unit(&result);
    case IPC_RMID:
        sysv_segment_remove(id, &result);
        return seedpod_unit(&result);
    default:
        errno = EINVAL;
        return -1;
    }
}
