/* System V semaphore sets. */
#ifndef _SYS_SEM_H
#define _SYS_SEM_H

#include <stddef.h>
#include <sys/ipc.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEM_UNDO 0x1000

#define GETPID 11
#define GETVAL 12
#define GETALL 13
#define GETNCNT 14
#define GETZCNT 15
#define SETVAL 16
#define SETALL 17

struct sembuf {
    unsigned short sem_num;
    short sem_op;
    short sem_flg;
};

struct semid_ds {
    struct ipc_perm sem_perm;
    time_t sem_otime;
    time_t sem_ctime;
    unsigned long sem_nsems;
};

int semget(key_t key, int count, int flags);
int semop(int id, struct sembuf *operations, size_t count);
int semtimedop(int id, struct sembuf *operations, size_t count, const struct timespec *timeout);
/* The fourth argument is a union semun, which the caller defines. */
int semctl(int id, int number, int command, ...);

/*
 * WebAssembly passes a union in memory and a number or a pointer by value, so unlike on Linux a program that leaves out the
 * union would be misunderstood; this tells the two apart.
 */
#if !defined(__cplusplus) && __STDC_VERSION__ >= 201112L
int __semctl_value(int id, int number, int command, int value);
int __semctl_pointer(int id, int number, int command, const void *pointer);
#define semctl(id, number, ...) __SEMCTL(__VA_ARGS__, __SEMCTL_4, __SEMCTL_3, )(id, number, __VA_ARGS__)
#define __SEMCTL(command, argument, form, ...) form
#define __SEMCTL_3(id, number, command) (semctl)(id, number, command)
#define __SEMCTL_4(id, number, command, argument) \
    _Generic((argument), \
        char: __semctl_value, short: __semctl_value, unsigned short: __semctl_value, int: __semctl_value, \
        unsigned: __semctl_value, long: __semctl_value, unsigned long: __semctl_value, \
        void *: __semctl_pointer, unsigned short *: __semctl_pointer, struct semid_ds *: __semctl_pointer, \
        default: (semctl))(id, number, command, argument)
#endif

#ifdef __cplusplus
}
#endif
#endif
