// SPDX-License-Identifier: ISC
// Threads that share the work of a block with the render thread. They sleep between blocks.
#ifndef DAEMON_WORKERS_H
#define DAEMON_WORKERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Workers Workers;

/// What is shared: called once for each of `shares` shares, side by side.
typedef void (*WorkersTask)(void *data, uint32_t share, uint32_t shares);

/// threads - 1 of them, the caller of workers_run being one too. NULL: no memory or no thread.
Workers *workers_start(uint32_t threads, bool realtime, WorkersTask task, void *data);
/// Whether all have the priority that was asked for. One without it would wait for ever behind a
/// render thread that has it and spins.
bool workers_realtime(const Workers *workers);
/// The task in as many shares as there are threads, `most` at most (and one at least); returns when
/// all are done. Spins meanwhile, which ends with their work: shares are equal.
void workers_run(Workers *workers, uint32_t most);
/// NULL is fine.
void workers_stop(Workers *workers);

/// Start a thread: below the card's own where *realtime; without the right to it one that rtkit
/// raises, or, with *realtime false from then on, an ordinary one. 0 or an error.
int workers_thread(pthread_t *thread, bool *realtime, void *(*run)(void *), void *data);

#endif
