/*
 * How fast messages pass through a POSIX queue from one process to another. Compiles for Linux and for WebAssembly.
 *
 *   mq_bench send COUNT        opens or makes the queue and sends COUNT messages of 64 bytes
 *   mq_bench receive COUNT     receives them, removes the queue and prints how long it took from the first to the last
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUEUE "/mq_bench"
#define MESSAGE_SIZE 64

static int fail(const char *what)
{
    fprintf(stderr, "%s %s: %s\n", what, QUEUE, strerror(errno));
    return 1;
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s send|receive COUNT\n", argv[0]);
        return 2;
    }
    int sends = strcmp(argv[1], "send") == 0;
    long count = strtol(argv[2], NULL, 10);
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = MESSAGE_SIZE};
    mqd_t queue = mq_open(QUEUE, O_CREAT | (sends ? O_WRONLY : O_RDONLY), 0600, &attributes);
    if (queue == (mqd_t)-1)
        return fail("mq_open");
    char message[MESSAGE_SIZE] = {0};
    long long start = 0;
    for (long i = 0; i < count; i++) {
        if (sends) {
            if (mq_send(queue, message, sizeof message, 0) == -1)
                return fail("mq_send");
        } else {
            if (mq_receive(queue, message, sizeof message, NULL) != sizeof message)
                return fail("mq_receive");
            if (i == 0)
                start = now_ns();
        }
    }
    if (!sends) {
        printf("received=%ld total_ns=%lld\n", count, now_ns() - start);
        mq_unlink(QUEUE);
    }
    return 0;
}
