// SPDX-License-Identifier: ISC
// What the system grants to a thread that must not be late, and to its memory. Whatever it refuses,
// the daemon plays on without.
#ifndef DAEMON_REALTIME_H
#define DAEMON_REALTIME_H

#include <stdbool.h>
#include <sys/types.h>

/// Keep all memory, present and future, from being paged out, if the limits allow it without end.
void realtime_lock_memory(void);

/// Blocks of 256 kB and more, which come and go with models and their pasts, are given back to the
/// system when they are freed; call it first.
void realtime_keep_heap_small(void);

/// For the calling thread, from now on: what is too small for a normal float is zero. Core does so
/// while it renders; filters and ramps after it decay to such numbers too.
void realtime_flush_subnormals(void);

/// Ask rtkit, where it is built in, for a thread's priority after SCHED_FIFO was refused with
/// `error`.
bool realtime_ask(pid_t thread, int error);

/// Why a thread plays with ordinary priority; NULL: none does.
const char *realtime_refused(void);

#endif
