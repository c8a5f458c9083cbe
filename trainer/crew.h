// SPDX-License-Identifier: ISC
// The workers of a trainer. Between jobs they sleep; within a job they wait for one another by
// looking, for a wait is shorter than a sleep.
#ifndef TRAINER_CREW_H
#define TRAINER_CREW_H

#include <cenote/cenote.h>

#include <stdatomic.h>
#include <stdint.h>

typedef struct Crew Crew;

/// Starts `workers` - 1 threads: the caller of crew_run is worker 0.
CenoteStatus crew_new(uint32_t workers, Crew **out);
/// NULL is fine.
void crew_free(Crew *crew);

/// job(arg, index) on all workers; back when all are.
void crew_run(Crew *crew, void (*job)(void *arg, uint32_t index), void *arg);

/// Within a job: on when every worker is here. NULL: there is one.
void crew_meet(Crew *crew);

/// Within a job: on when *progress is at least `value`.
void crew_wait(const _Atomic uint32_t *progress, uint32_t value);

#endif
