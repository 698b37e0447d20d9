/* The header of the C library; these calls also take part in shared memory, see <sys/mman.h>. */
#ifndef _SEEDPOD_SCHED_H
#define _SEEDPOD_SCHED_H

#pragma GCC system_header
#include_next <sched.h>

#ifdef __cplusplus
extern "C" {
#endif

extern __typeof__(sched_yield) sched_yield __asm__("seedpod_sched_yield");

#ifdef __cplusplus
}
#endif
#endif
