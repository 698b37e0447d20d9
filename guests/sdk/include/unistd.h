/* The header of the C library; these calls also take part in shared memory, see <sys/mman.h>. */
#ifndef _SEEDPOD_UNISTD_H
#define _SEEDPOD_UNISTD_H

#pragma GCC system_header
#include_next <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

extern __typeof__(close) close __asm__("seedpod_close");
extern __typeof__(ftruncate) ftruncate __asm__("seedpod_ftruncate");
extern __typeof__(read) read __asm__("seedpod_read");
extern __typeof__(write) write __asm__("seedpod_write");
extern __typeof__(sleep) sleep __asm__("seedpod_sleep");
extern __typeof__(usleep) usleep __asm__("seedpod_usleep");
extern __typeof__(_exit) _exit __asm__("seedpod__exit");

#ifdef __cplusplus
}
#endif
#endif
