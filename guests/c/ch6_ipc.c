/*
 * The program of image allingeek/ch6_ipc (Docker in Action, chapter 6): a producer and a consumer over one POSIX message
 * queue.
 *
 *   ./ipc -producer            makes the queue, sends random bytes in hexadecimal, then "done"
 *   ./ipc -consumer            waits for the queue, receives up to "done", removes the queue
 *   ./ipc -consumer -nowait    fails if there is no queue yet
 *   ./ipc -create              makes the queue and ends, as an init container does
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE "/ch6_ipc"
#define MESSAGE_SIZE 1024
#define MESSAGES 20
#define LAST "done"
#define WAIT_SECONDS 30
#define WAIT_STEP_MS 20

static int fail(const char *what)
{
    fprintf(stderr, "%s %s: %s\n", what, QUEUE, strerror(errno));
    return 1;
}

static mqd_t make_queue(void)
{
    struct mq_attr attributes = { .mq_maxmsg = 10, .mq_msgsize = MESSAGE_SIZE };
    return mq_open(QUEUE, O_CREAT | O_WRONLY, 0644, &attributes);
}

static int create(void)
{
    mqd_t queue = make_queue();
    if (queue == (mqd_t)-1)
        return fail("mq_open");
    printf("Created: %s\n", QUEUE);
    return mq_close(queue) ? fail("mq_close") : 0;
}

static int producer(void)
{
    unsigned char numbers[MESSAGES];
    char text[MESSAGE_SIZE];
    mqd_t queue = make_queue();
    if (queue == (mqd_t)-1)
        return fail("mq_open");
    if (getentropy(numbers, sizeof numbers))
        return fail("getentropy");
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(text, sizeof text, "%x", numbers[i]);
        printf("Produced: %s\n", text);
        fflush(stdout);
        if (mq_send(queue, text, strlen(text), 0))
            return fail("mq_send");
    }
    if (mq_send(queue, LAST, strlen(LAST), 0))
        return fail("mq_send");
    return mq_close(queue) ? fail("mq_close") : 0;
}

static mqd_t open_queue(int patient)
{
    const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };
    mqd_t queue = mq_open(QUEUE, O_RDONLY);
    for (int waited_ms = 0; patient && queue == (mqd_t)-1 && errno == ENOENT && waited_ms < WAIT_SECONDS * 1000;
         waited_ms += WAIT_STEP_MS) {
        nanosleep(&step, NULL);
        queue = mq_open(QUEUE, O_RDONLY);
    }
    return queue;
}

static int consumer(int patient)
{
    char text[MESSAGE_SIZE + 1];
    mqd_t queue = open_queue(patient);
    if (queue == (mqd_t)-1) {
        fail("mq_open");
        fprintf(stderr, "Either the producer has not been started or this is another IPC namespace\n");
        return 1;
    }
    do {
        ssize_t length = mq_receive(queue, text, MESSAGE_SIZE, NULL);
        if (length < 0)
            return fail("mq_receive");
        text[length] = '\0';
        printf("Consumed: %s\n", text);
        fflush(stdout);
    } while (strcmp(text, LAST) != 0);
    if (mq_close(queue))
        return fail("mq_close");
    return mq_unlink(QUEUE) ? fail("mq_unlink") : 0;
}

int main(int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "";
    if (strcmp(role, "-producer") == 0 && argc == 2)
        return producer();
    if (strcmp(role, "-create") == 0 && argc == 2)
        return create();
    if (strcmp(role, "-consumer") == 0 && argc == 2)
        return consumer(1);
    if (strcmp(role, "-consumer") == 0 && argc == 3 && strcmp(argv[2], "-nowait") == 0)
        return consumer(0);
    fprintf(stderr, "usage: %s -producer | -consumer [-nowait] | -create\n", argc ? argv[0] : "ipc");
    return 2;
}
