/*
 * Shared memory objects, and mappings of them.
 *
 * Two containers are two WebAssembly instances, and their memories cannot overlap. A mapping is a copy, kept equal to the
 * object at synchronisation points: what the program changed since the last one goes out (only the bytes it changed), what
 * others changed comes in. These are synchronisation points:
 *
 *   - every call on a POSIX or System V semaphore or message queue,
 *   - mmap, munmap, msync, shmat, shmdt,
 *   - sleep, usleep, nanosleep, clock_nanosleep, sched_yield,
 *   - read, write, send, recv,
 *   - the end of the program.
 *
 * So a program that guards shared memory by a semaphore, as it must on Linux, sees what it sees there, and one that waits in
 * a loop for a flag sees it if the loop sleeps or yields. What does not work: spinning without a pause, atomic operations
 * and process-shared mutexes as the only guard, and a last word before a crash.
 *
 * MAP_ANONYMOUS gives ordinary memory, and a MAP_PRIVATE mapping of a file a copy of it; MAP_SHARED of a file is refused.
 */
#ifndef _SYS_MMAN_H
#define _SYS_MMAN_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAP_FAILED ((void *)-1)

#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANON 0x20
#define MAP_ANONYMOUS MAP_ANON

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4

#define MS_ASYNC 1
#define MS_INVALIDATE 2
#define MS_SYNC 4

int shm_open(const char *name, int flags, mode_t mode);
int shm_unlink(const char *name);
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) __asm__("seedpod_mmap");
int munmap(void *address, size_t length) __asm__("seedpod_munmap");
int msync(void *address, size_t length, int flags) __asm__("seedpod_msync");

#ifdef __cplusplus
}
#endif
#endif
