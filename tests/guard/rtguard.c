// SPDX-License-Identifier: ISC
// LD_PRELOAD library that stands between a program, its libraries and libc, and tells of each call
// that allocates, locks, waits or touches a file between rtguard_enter and rtguard_leave. It sees
// calls within libsamplerate too; calls within libc are seccomp's to catch (rtfence.h).
// Memory goes to glibc's own names, everything else to the next definition.
#define _GNU_SOURCE
#include "rtguard.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// In the thread's own block from its start: to make it later would allocate.
#define THREAD static _Thread_local __attribute__((tls_model("initial-exec")))
THREAD bool inside;
THREAD unsigned caught;

// The first backtrace loads a library, which allocates.
__attribute__((constructor)) static void warm_up(void)
{
  void *frame[1];
  backtrace(frame, 1);
}

__attribute__((visibility("default"))) void rtguard_enter(void)
{
  caught = 0;
  inside = true;
}

__attribute__((visibility("default"))) unsigned rtguard_leave(void)
{
  inside = false;
  return caught;
}

static void check(const char *name)
{
  if (!inside) return;
  inside = false; // telling may call what is guarded
  void *frame[16];
  fprintf(stderr, "rtguard: %s called in audio time\n", name);
  fflush(stderr);
  backtrace_symbols_fd(frame, backtrace(frame, 16), STDERR_FILENO);
  ++caught;
  inside = true;
}

typedef void (*Function)(void);

static Function find(_Atomic(Function) *next, const char *name)
{
  Function found = atomic_load_explicit(next, memory_order_relaxed);
  if (found) return found;
  void *symbol = dlsym(RTLD_NEXT, name);
  if (!symbol) abort();
  memcpy(&found, &symbol, sizeof found);
  atomic_store_explicit(next, found, memory_order_relaxed);
  return found;
}

#define GUARD(type, name, params, args)                                                            \
  __attribute__((visibility("default"))) type name params                                          \
  {                                                                                                \
    static _Atomic(Function) next;                                                                 \
    check(#name);                                                                                  \
    return ((type(*) params)find(&next, #name))args;                                               \
  }

#define GUARD_MEMORY(type, name, params, args)                                                     \
  extern type __libc_##name params;                                                                \
  __attribute__((visibility("default"))) type name params                                          \
  {                                                                                                \
    check(#name);                                                                                  \
    return __libc_##name args;                                                                     \
  }

GUARD_MEMORY(void *, malloc, (size_t size), (size))
GUARD_MEMORY(void *, calloc, (size_t count, size_t size), (count, size))
GUARD_MEMORY(void *, realloc, (void *old, size_t size), (old, size))
GUARD_MEMORY(void *, memalign, (size_t align, size_t size), (align, size))

extern void __libc_free(void *block);
__attribute__((visibility("default"))) void free(void *block)
{
  check("free");
  __libc_free(block);
}

GUARD(void *, aligned_alloc, (size_t align, size_t size), (align, size))
GUARD(int, posix_memalign, (void **out, size_t align, size_t size), (out, align, size))
GUARD(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
GUARD(int, pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
GUARD(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
GUARD(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
GUARD(int, pthread_cond_wait, (pthread_cond_t * cond, pthread_mutex_t *mutex), (cond, mutex))
GUARD(int, pthread_cond_signal, (pthread_cond_t * cond), (cond))
GUARD(int, pthread_cond_broadcast, (pthread_cond_t * cond), (cond))
GUARD(int, sem_wait, (sem_t * semaphore), (semaphore))
GUARD(int, sem_post, (sem_t * semaphore), (semaphore))
GUARD(int, nanosleep, (const struct timespec *time, struct timespec *left), (time, left))
GUARD(int, usleep, (useconds_t time), (time))
GUARD(int, sched_yield, (void), ())
GUARD(int, poll, (struct pollfd * file, nfds_t files, int timeout), (file, files, timeout))
GUARD(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size))
GUARD(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
GUARD(int, close, (int fd), (fd))
GUARD(FILE *, fopen, (const char *path, const char *mode), (path, mode))

__attribute__((visibility("default"))) int open(const char *path, int flags, ...)
{
  static _Atomic(Function) next;
  va_list args;
  va_start(args, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
  va_end(args);
  check("open");
  return ((int (*)(const char *, int, ...))find(&next, "open"))(path, flags, mode);
}
