/*
 * System V semaphores.
 *
 *   sysv_sem -ping N    N times: waits for its turn, says so, gives the turn away; starts
 *   sysv_sem -pong N    the same from the other side; removes the set at the end
 *   sysv_sem -leave     takes the lock with SEM_UNDO and ends without giving it back
 *   sysv_sem -enter     takes the lock that -leave took, within a second
 *   sysv_sem            checks every rule of semop(2) that one process can see
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

#define KEY 0x73656d

/* Numbers of the semaphores of the set. */
enum { PING, PONG, LOCK, SEMAPHORES };

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static int change(int set, unsigned short number, short delta, short flags)
{
    struct sembuf operation = { .sem_num = number, .sem_op = delta, .sem_flg = flags };
    return semop(set, &operation, 1);
}

static int play(const char *word, unsigned short mine, unsigned short theirs, long count)
{
    int set = semget(KEY, SEMAPHORES, IPC_CREAT | 0600);
    if (set < 0)
        return fail("semget");
    if (mine == PING && change(set, PING, 1, 0))
        return fail("semop");
    for (long i = 1; i <= count; i++) {
        if (change(set, mine, -1, 0))
            return fail("semop");
        printf("%s %ld\n", word, i);
        fflush(stdout);
        if (change(set, theirs, 1, 0))
            return fail("semop");
    }
    return mine == PONG && semctl(set, 0, IPC_RMID) ? fail("semctl") : 0;
}

static int leave(void)
{
    union semun one = { .val = 1 };
    int set = semget(KEY + 1, 1, IPC_CREAT | 0600);
    if (set < 0 || semctl(set, 0, SETVAL, one) || change(set, 0, -1, SEM_UNDO))
        return fail("semop");
    puts("took the lock and left");
    return 0;
}

static int enter(void)
{
    const struct timespec second = { .tv_sec = 1 };
    struct sembuf take = { .sem_op = -1, .sem_flg = SEM_UNDO };
    int set = semget(KEY + 1, 1, 0600);
    if (set < 0 || semtimedop(set, &take, 1, &second))
        return fail("semtimedop");
    puts("took the lock");
    return semctl(set, 0, IPC_RMID) ? fail("semctl") : 0;
}

static int failures;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            failures++; \
            printf("line %d: %s (%s)\n", __LINE__, #condition, strerror(errno)); \
        } \
    } while (0)

static void check_values(int set)
{
    union semun argument;
    unsigned short values[SEMAPHORES] = { 1, 2, 3 };
    argument.array = values;
    CHECK(semctl(set, 0, SETALL, argument) == 0);
    memset(values, 0, sizeof values);
    CHECK(semctl(set, 0, GETALL, argument) == 0 && values[PING] == 1 && values[PONG] == 2 && values[LOCK] == 3);
    argument.val = 9;
    CHECK(semctl(set, LOCK, SETVAL, argument) == 0 && semctl(set, LOCK, GETVAL) == 9);
    CHECK(semctl(set, LOCK, SETVAL, 4) == 0 && semctl(set, LOCK, GETVAL) == 4);
    CHECK(semctl(set, LOCK, SETVAL, 32768) == -1 && errno == ERANGE);
    CHECK(semctl(set, SEMAPHORES, GETVAL) == -1 && errno == EINVAL);
    struct semid_ds status;
    argument.buf = &status;
    CHECK(semctl(set, 0, IPC_STAT, argument) == 0 && status.sem_nsems == SEMAPHORES);
}

static void check_operations(int set)
{
    struct timespec soon = { .tv_nsec = 1000000 };
    struct sembuf both[] = {
        { .sem_num = PING, .sem_op = -1 },
        { .sem_num = PONG, .sem_op = -5, .sem_flg = IPC_NOWAIT },
    };
    CHECK(semop(set, both, 2) == -1 && errno == EAGAIN);
    CHECK(semctl(set, PING, GETVAL) == 1);
    both[1].sem_op = -2;
    CHECK(semop(set, both, 2) == 0 && semctl(set, PING, GETVAL) == 0 && semctl(set, PONG, GETVAL) == 0);
    CHECK(change(set, PING, 0, IPC_NOWAIT) == 0);
    CHECK(change(set, LOCK, 0, IPC_NOWAIT) == -1 && errno == EAGAIN);
    CHECK(change(set, SEMAPHORES, 1, 0) == -1 && errno == EFBIG);
    CHECK(change(set, LOCK, 32767, 0) == -1 && errno == ERANGE);
    both[0].sem_op = -1;
    CHECK(semtimedop(set, both, 1, &soon) == -1 && errno == EAGAIN);
}

static int check(void)
{
    int set = semget(IPC_PRIVATE, SEMAPHORES, 0600);
    CHECK(set >= 0);
    check_values(set);
    check_operations(set);
    CHECK(semctl(set, 0, IPC_RMID) == 0);
    CHECK(semctl(set, 0, GETVAL) == -1 && (errno == EINVAL || errno == EIDRM));
    puts(failures ? "failed" : "all rules hold");
    return failures != 0;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return check();
    if (argc == 3 && strcmp(argv[1], "-ping") == 0)
        return play("ping", PING, PONG, atol(argv[2]));
    if (argc == 3 && strcmp(argv[1], "-pong") == 0)
        return play("pong", PONG, PING, atol(argv[2]));
    if (argc == 2 && strcmp(argv[1], "-leave") == 0)
        return leave();
    if (argc == 2 && strcmp(argv[1], "-enter") == 0)
        return enter();
    fprintf(stderr, "usage: %s [-ping N | -pong N | -leave | -enter]\n", argv[0]);
    return 2;
}
