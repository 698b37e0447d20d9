/*
 * System V message queues.
 *
 *   sysv_msg -server      answers requests until it is told to stop, then removes the queue
 *   sysv_msg -client N    sends N requests, waits for each answer, then stops the server
 *   sysv_msg              checks every rule of msgop(2) that one process can see
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#define KEY 0x6d7367
#define REQUEST 1
#define ANSWER 2
#define TEXT 128

struct message {
    long type;
    char text[TEXT];
};

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static int server(void)
{
    struct message message;
    int queue = msgget(KEY, IPC_CREAT | 0600);
    if (queue < 0)
        return fail("msgget");
    for (;;) {
        ssize_t length = msgrcv(queue, &message, TEXT - 1, REQUEST, 0);
        if (length < 0)
            return fail("msgrcv");
        message.text[length] = '\0';
        if (strcmp(message.text, "stop") == 0)
            break;
        long number = atol(message.text);
        message.type = ANSWER;
        int digits = snprintf(message.text, TEXT, "%ld", number * number);
        if (msgsnd(queue, &message, (size_t)digits, 0))
            return fail("msgsnd");
    }
    puts("stopped");
    return msgctl(queue, IPC_RMID, NULL) ? fail("msgctl") : 0;
}

static int client(long count)
{
    struct message message;
    int queue = msgget(KEY, IPC_CREAT | 0600);
    if (queue < 0)
        return fail("msgget");
    for (long i = 1; i <= count; i++) {
        message.type = REQUEST;
        int digits = snprintf(message.text, TEXT, "%ld", i);
        if (msgsnd(queue, &message, (size_t)digits, 0))
            return fail("msgsnd");
        ssize_t length = msgrcv(queue, &message, TEXT - 1, ANSWER, 0);
        if (length < 0)
            return fail("msgrcv");
        message.text[length] = '\0';
        printf("%ld squared is %s\n", i, message.text);
        fflush(stdout);
    }
    message.type = REQUEST;
    memcpy(message.text, "stop", 4);
    return msgsnd(queue, &message, 4, 0) ? fail("msgsnd") : 0;
}

static int failures;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            failures++; \
            printf("line %d: %s (%s)\n", __LINE__, #condition, strerror(errno)); \
        } \
    } while (0)

static int put(int queue, long type, const char *text)
{
    struct message message = { .type = type };
    memcpy(message.text, text, strlen(text));
    return msgsnd(queue, &message, strlen(text), IPC_NOWAIT);
}

static const char *take(int queue, long type, int flags)
{
    static struct message message;
    ssize_t length = msgrcv(queue, &message, TEXT - 1, type, flags | IPC_NOWAIT);
    if (length < 0)
        return "";
    message.text[length] = '\0';
    return message.text;
}

static void check_types(int queue)
{
    CHECK(put(queue, 3, "three") == 0);
    CHECK(put(queue, 1, "one") == 0);
    CHECK(put(queue, 2, "two") == 0);
    CHECK(put(queue, 1, "one again") == 0);
    CHECK(strcmp(take(queue, 2, 0), "two") == 0);
    CHECK(strcmp(take(queue, -2, 0), "one") == 0);
    CHECK(strcmp(take(queue, 3, MSG_EXCEPT), "one again") == 0);
    CHECK(strcmp(take(queue, 0, 0), "three") == 0);
    errno = 0;
    CHECK(strcmp(take(queue, 0, 0), "") == 0 && errno == ENOMSG);
}

static void check_sizes(int queue)
{
    struct message message = { .type = 1 };
    struct msqid_ds status;
    CHECK(put(queue, 7, "longer than four") == 0);
    CHECK(msgrcv(queue, &message, 4, 7, IPC_NOWAIT) == -1 && errno == E2BIG);
    CHECK(msgctl(queue, IPC_STAT, &status) == 0 && status.msg_qnum == 1);
    CHECK(msgrcv(queue, &message, 4, 7, IPC_NOWAIT | MSG_NOERROR) == 4 && memcmp(message.text, "long", 4) == 0);
    CHECK(msgctl(queue, IPC_STAT, &status) == 0 && status.msg_qnum == 0 && status.msg_qbytes == 16384);
    CHECK(put(queue, 0, "no type") == -1 && errno == EINVAL);
    int sent = 0;
    message.type = 1;
    while (msgsnd(queue, &message, TEXT, IPC_NOWAIT) == 0)
        sent++;
    CHECK(errno == EAGAIN && sent == 16384 / TEXT);
}

static int check(void)
{
    int queue = msgget(IPC_PRIVATE, 0600);
    CHECK(queue >= 0);
    check_types(queue);
    check_sizes(queue);
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0);
    CHECK(put(queue, 1, "gone") == -1 && (errno == EINVAL || errno == EIDRM));
    CHECK(msgget(KEY + 1, 0600) == -1 && errno == ENOENT);
    queue = msgget(KEY + 1, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(queue >= 0);
    CHECK(msgget(KEY + 1, IPC_CREAT | IPC_EXCL | 0600) == -1 && errno == EEXIST);
    CHECK(msgget(KEY + 1, 0) == queue);
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0);
    puts(failures ? "failed" : "all rules hold");
    return failures != 0;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return check();
    if (argc == 2 && strcmp(argv[1], "-server") == 0)
        return server();
    if (argc == 3 && strcmp(argv[1], "-client") == 0)
        return client(atol(argv[2]));
    fprintf(stderr, "usage: %s [-server | -client N]\n", argv[0]);
    return 2;
}
