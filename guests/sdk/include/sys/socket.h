/* The header of the C library; these calls also take part in shared memory, see <sys/mman.h>. */
#ifndef _SEEDPOD_SYS_SOCKET_H
#define _SEEDPOD_SYS_SOCKET_H

#pragma GCC system_header
#include_next <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

extern __typeof__(recv) recv __asm__("seedpod_recv");
extern __typeof__(send) send __asm__("seedpod_send");

#ifdef __cplusplus
}
#endif
#endif
