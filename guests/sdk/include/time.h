/* The header of the C library; these calls also take part in shared memory, see <sys/mman.h>. */
#ifndef _SEEDPOD_TIME_H
#define _SEEDPOD_TIME_H

#pragma GCC system_header
#include_next <time.h>

#ifdef __cplusplus
extern "C" {
#endif

extern __typeof__(nanosleep) nanosleep __asm__("seedpod_nanosleep");
extern __typeof__(clock_nanosleep) clock_nanosleep __asm__("seedpod_clock_nanosleep");

#ifdef __cplusplus
}
#endif
#endif
