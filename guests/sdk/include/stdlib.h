/* The header of the C library; these calls also take part in shared memory, see <sys/mman.h>. */
#ifndef _SEEDPOD_STDLIB_H
#define _SEEDPOD_STDLIB_H

#pragma GCC system_header
#include_next <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

extern __typeof__(_Exit) _Exit __asm__("seedpod__Exit");

#ifdef __cplusplus
}
#endif
#endif
