#include "seedpod.h"

#include <errno.h>
#include <string.h>
#include <sys/msg.h>

struct status {
    struct permissions permissions;
    uint64_t sent_at;
    uint64_t received_at;
    uint64_t changed_at;
    uint32_t messages;
    uint32_t bytes;
    uint32_t bytes_max;
    uint32_t last_sender;
    uint32_t last_receiver;
};
struct status_result {
    uint8_t failed;
    union {
        struct status status;
        uint8_t error;
    };
};

IMPORT("system-v-messages", "get") void sysv_queue_get(int key, uint32_t how, uint32_t mode, struct u32_result *result);
IMPORT("system-v-messages", "send")
void sysv_queue_send(int id, int kind, const void *bytes, size_t length, uint32_t no_wait, struct unit_result *result);
IMPORT("system-v-messages", "receive")
void sysv_queue_receive(int id, uint32_t max, int kind, uint32_t how, struct list_result *result);
IMPORT("system-v-messages", "status") void sysv_queue_status(int id, struct status_result *result);
IMPORT("system-v-messages", "set") void sysv_queue_set(int id, uint32_t mode, uint32_t bytes_max, struct unit_result *result);
IMPORT("system-v-messages", "remove") void sysv_queue_remove(int id, struct unit_result *result);

enum { RECEIVE_NO_WAIT = 1, RECEIVE_NO_ERROR = 2, RECEIVE_EXCEPT = 4 };

int msgget(key_t key, int flags)
{
    struct u32_result result;
    sysv_queue_get(key, seedpod_get_how(flags), (uint32_t)flags & 0777, &result);
    return seedpod_u32(&result);
}

int msgsnd(int id, const void *message, size_t size, int flags)
{
    const char *bytes = message;
    long kind;
    memcpy(&kind, bytes, sizeof kind);
    struct unit_result result;
    seedpod_release();
    sysv_queue_send(id, (int)kind, bytes + sizeof kind, size, flags & IPC_NOWAIT ? 1 : 0, &result);
    seedpod_acquire();
    return seedpod_unit(&result);
}

ssize_t msgrcv(int id, void *message, size_t size, long type, int flags)
{
    uint32_t how = (flags & IPC_NOWAIT ? RECEIVE_NO_WAIT : 0) | (flags & MSG_NOERROR ? RECEIVE_NO_ERROR : 0)
        | (flags & MSG_EXCEPT ? RECEIVE_EXCEPT : 0);
    char *bytes = message;
    struct list_result result;
    if ((ssize_t)size < 0) {
        errno = EINVAL;
        return -1;
    }
    seedpod_release();
    seedpod_receive_into(bytes + sizeof(long), size);
    sysv_queue_receive(id, size, (int)type, how, &result);
    seedpod_receive_into(NULL, 0);
    seedpod_acquire();
    if (result.failed)
        return seedpod_fail(result.error);
    long kind = result.tag;
    memcpy(bytes, &kind, sizeof kind);
    return (ssize_t)result.count;
}

static int stat_queue(int id, struct msqid_ds *status)
{
    struct status_result result;
    sysv_queue_status(id, &result);
    if (result.failed)
        return seedpod_fail(result.error);
    const struct status *of = &result.status;
    *status = (struct msqid_ds){
        .msg_perm = { .__key = of->permissions.key, .mode = of->permissions.mode, .__seq = of->permissions.id >> 15 },
        .msg_stime = (time_t)of->sent_at,
        .msg_rtime = (time_t)of->received_at,
        .msg_ctime = (time_t)of->changed_at,
        .__msg_cbytes = of->bytes,
        .msg_qnum = of->messages,
        .msg_qbytes = of->bytes_max,
        .msg_lspid = (pid_t)of->last_sender,
        .msg_lrpid = (pid_t)of->last_receiver,
    };
    return 0;
}

int msgctl(int id, int command, struct msqid_ds *status)
{
    struct unit_result result;
    switch (command) {
    case IPC_STAT:
        return stat_queue(id, status);
    case IPC_SET:
        sysv_queue_set(id, status->msg_perm.mode, status->msg_qbytes, &result);
        return seedpod_unit(&result);
    case IPC_RMID:
        sysv_queue_remove(id, &result);
        return seedpod_unit(&result);
    default:
        errno = EINVAL;
        return -1;
    }
}
