/*
 * POSIX shared memory, guarded by POSIX semaphores.
 *
 *   posix_shm -writer N    writes N lines into a ring in shared memory
 *   posix_shm -reader      prints them, then removes everything
 *   posix_shm -half K N    adds to its half (0 or 1) of one page N times, in turn with the other half
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY "/posix_shm"
#define FREE "/posix_shm.free"
#define FILLED "/posix_shm.filled"
#define SLOTS 4
#define LINE 64
#define LAST "end"

struct ring {
    char lines[SLOTS][LINE];
};

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static void *map(const char *name, size_t size)
{
    int memory = shm_open(name, O_CREAT | O_RDWR, 0600);
    if (memory < 0)
        return MAP_FAILED;
    void *mapped = ftruncate(memory, (off_t)size) ? MAP_FAILED
                                                  : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    close(memory);
    return mapped;
}

static int writer(long count)
{
    struct ring *ring = map(MEMORY, sizeof *ring);
    sem_t *free_slots = sem_open(FREE, O_CREAT, 0600, SLOTS);
    sem_t *filled_slots = sem_open(FILLED, O_CREAT, 0600, 0);
    if (ring == MAP_FAILED || free_slots == SEM_FAILED || filled_slots == SEM_FAILED)
        return fail("open");
    for (long i = 0; i <= count; i++) {
        char *line = ring->lines[i % SLOTS];
        if (sem_wait(free_slots))
            return fail("sem_wait");
        if (i < count) {
            snprintf(line, LINE, "line %ld", i + 1);
            printf("wrote: %s\n", line);
            fflush(stdout);
        } else {
            strcpy(line, LAST);
        }
        if (sem_post(filled_slots))
            return fail("sem_post");
    }
    return 0;
}

static int reader(void)
{
    struct ring *ring = map(MEMORY, sizeof *ring);
    sem_t *free_slots = sem_open(FREE, O_CREAT, 0600, SLOTS);
    sem_t *filled_slots = sem_open(FILLED, O_CREAT, 0600, 0);
    if (ring == MAP_FAILED || free_slots == SEM_FAILED || filled_slots == SEM_FAILED)
        return fail("open");
    for (int i = 0;; i++) {
        const char *line = ring->lines[i % SLOTS];
        if (sem_wait(filled_slots))
            return fail("sem_wait");
        if (strcmp(line, LAST) == 0)
            break;
        printf("read: %s\n", line);
        fflush(stdout);
        if (sem_post(free_slots))
            return fail("sem_post");
    }
    if (munmap(ring, sizeof *ring) || shm_unlink(MEMORY) || sem_unlink(FREE) || sem_unlink(FILLED))
        return fail("unlink");
    return 0;
}

struct halves {
    sem_t turns[2];
    int ready;
    unsigned counts[2];
};

static int half(int mine, long count)
{
    struct halves *halves = map("/posix_shm.halves", sizeof *halves);
    if (halves == MAP_FAILED)
        return fail("map");
    if (mine == 0) {
        if (sem_init(&halves->turns[0], 1, 1) || sem_init(&halves->turns[1], 1, 0))
            return fail("sem_init");
        halves->ready = 1;
    }
    while (!*(volatile int *)&halves->ready)
        usleep(1000);
    for (long i = 0; i < count; i++) {
        if (sem_wait(&halves->turns[mine]))
            return fail("sem_wait");
        halves->counts[mine]++;
        if (halves->counts[mine] < halves->counts[!mine] || halves->counts[mine] > halves->counts[!mine] + 1) {
            fprintf(stderr, "%u and %u\n", halves->counts[0], halves->counts[1]);
            return 1;
        }
        if (sem_post(&halves->turns[!mine]))
            return fail("sem_post");
    }
    printf("half %d: %u\n", mine, halves->counts[mine]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "-writer") == 0)
        return writer(atol(argv[2]));
    if (argc == 2 && strcmp(argv[1], "-reader") == 0)
        return reader();
    if (argc == 4 && strcmp(argv[1], "-half") == 0)
        return half(atoi(argv[2]) != 0, atol(argv[3]));
    fprintf(stderr, "usage: %s -writer N | -reader | -half 0|1 N\n", argv[0]);
    return 2;
}
