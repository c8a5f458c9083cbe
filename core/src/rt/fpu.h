// SPDX-License-Identifier: ISC
// The floating-point mode of audio time: round to nearest, subnormals flushed to zero both in and
// out. A decaying state would reach subnormals, which some CPUs compute a hundred times slower; and
// the sound must not depend on the mode that a host left.
#ifndef CN_FPU_H
#define CN_FPU_H

#include <stdint.h>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

/// Set the mode; returns the caller's.
static inline uint64_t cn_fpu_enter(void)
{
#if defined(__x86_64__) || defined(__SSE2__)
  const uint64_t caller = _mm_getcsr();
  _mm_setcsr(0x9fc0); // FTZ, DAZ, all exceptions masked, nearest
  return caller;
#elif defined(__aarch64__)
  uint64_t caller;
  const uint64_t flush = UINT64_C(1) << 24;
  __asm__ __volatile__("mrs %0, fpcr" : "=r"(caller));
  __asm__ __volatile__("msr fpcr, %0" : : "r"(flush));
  return caller;
#else
  return 0;
#endif
}

/// Give the caller's mode back.
static inline void cn_fpu_leave(uint64_t caller)
{
#if defined(__x86_64__) || defined(__SSE2__)
  _mm_setcsr((unsigned)caller);
#elif defined(__aarch64__)
  __asm__ __volatile__("msr fpcr, %0" : : "r"(caller));
#else
  (void)caller;
#endif
}

#endif
