/* The header of the C library; these calls also take part in shared memory, see <sys/mman.h>. */
#ifndef _SEEDPOD_SYS_STAT_H
#define _SEEDPOD_SYS_STAT_H

#pragma GCC system_header
#include_next <sys/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

extern __typeof__(fstat) fstat __asm__("seedpod_fstat");

#ifdef __cplusplus
}
#endif
#endif
