// SPDX-License-Identifier: ISC
#include "realtime.h"

#include "log.h"
#include "rtkit.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

// Pages are locked as they are touched: the stacks of threads, 8 MiB each, are not filled for it.
#ifdef MCL_ONFAULT
#define ONFAULT MCL_ONFAULT
#else
#define ONFAULT 0
#endif

static char refused[256]; // written before there is a second thread that reads it

void realtime_lock_memory(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return;
  if (limit.rlim_cur != RLIM_INFINITY) {
    const struct rlimit wanted = {RLIM_INFINITY, RLIM_INFINITY};
    // With a limit, locking all that is to come would make an allocation fail some day.
    if (setrlimit(RLIMIT_MEMLOCK, &wanted) != 0) {
      log_debug("memory is not locked: the limit is %llu KiB (ulimit -l, LimitMEMLOCK=)",
                (unsigned long long)limit.rlim_cur / 1024);
      return;
    }
  }
  if (mlockall(MCL_CURRENT | MCL_FUTURE | ONFAULT) == 0) log_debug("memory is locked");
  else log_debug("memory is not locked: %s", strerror(errno));
}

void realtime_keep_heap_small(void)
{
#ifdef __GLIBC__
  // Left to itself the threshold rises to the largest block ever freed.
  mallopt(M_MMAP_THRESHOLD, 1 << 18);
  mallopt(M_ARENA_MAX, 2);
#endif
}

void realtime_flush_subnormals(void)
{
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040); // results (FTZ) and operands (DAZ)
#elif defined(__aarch64__)
  uint64_t mode;
  __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode));
  mode |= UINT64_C(1) << 24; // both
  __asm__ __volatile__("msr fpcr, %0" : : "r"(mode));
#endif
}

bool realtime_ask(pid_t thread, int error)
{
  char why[128];
  if (rtkit_ask(thread, why)) {
    log_debug("priority for thread %ld by rtkit", (long)thread);
    return true;
  }
  snprintf(refused, sizeof refused, "SCHED_FIFO: %s; rtkit: %s", strerror(error), why);
  return false;
}

const char *realtime_refused(void)
{
  return *refused ? refused : NULL;
}
