// SPDX-License-Identifier: ISC
#define _DEFAULT_SOURCE // syscall
#include "amx.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  ARCH_REQ_XCOMP_PERM = 0x1023, // asm/prctl.h, since Linux 5.16
  XTILEDATA = 18,               // the part of a thread's state that holds tiles
  HAS_TILES = 1 << 24,          // CPUID 7.0, EDX
  HAS_INT8 = 1 << 25
};

bool cn_amx_allowed(void)
{
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if (!(d & HAS_TILES) || !(d & HAS_INT8)) return false;
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0;
}
#else
bool cn_amx_allowed(void)
{
  return false;
}
#endif
