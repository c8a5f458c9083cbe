// SPDX-License-Identifier: ISC
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

enum { PATIENCE = 2000 }; ///< looks before the core is offered to others

struct Crew {
  uint32_t workers;
  uint32_t started; ///< threads
  pthread_mutex_t lock;
  pthread_cond_t start;
  pthread_cond_t done;
  uint64_t job; ///< number of the present one
  uint32_t busy;
  bool end;
  void (*run)(void *arg, uint32_t index);
  void *arg;
  _Atomic uint32_t here; ///< workers at the meeting
  _Atomic uint32_t meetings;
  struct Member {
    Crew *crew;
    uint32_t index;
    pthread_t thread;
  } member[];
};

static void pause_a_little(uint32_t *looks)
{
  if (++*looks % PATIENCE == 0) sched_yield();
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void *work(void *arg)
{
  const struct Member *member = arg;
  Crew *crew = member->crew;
  uint64_t last = 0;
  for (;;) {
    pthread_mutex_lock(&crew->lock);
    while (crew->job == last && !crew->end) pthread_cond_wait(&crew->start, &crew->lock);
    last = crew->job;
    const bool end = crew->end;
    pthread_mutex_unlock(&crew->lock);
    if (end) return NULL;
    crew->run(crew->arg, member->index);
    pthread_mutex_lock(&crew->lock);
    if (--crew->busy == 0) pthread_cond_signal(&crew->done);
    pthread_mutex_unlock(&crew->lock);
  }
}

CenoteStatus crew_new(uint32_t workers, Crew **out)
{
  *out = NULL;
  Crew *crew = calloc(1, sizeof *crew + workers * sizeof *crew->member);
  if (!crew) return CENOTE_NO_MEMORY;
  crew->workers = workers;
  pthread_mutex_init(&crew->lock, NULL);
  pthread_cond_init(&crew->start, NULL);
  pthread_cond_init(&crew->done, NULL);
  for (uint32_t i = 1; i < workers; ++i) {
    struct Member *member = &crew->member[i];
    member->crew = crew;
    member->index = i;
    if (pthread_create(&member->thread, NULL, work, member) != 0) {
      crew_free(crew);
      return CENOTE_NO_MEMORY;
    }
    ++crew->started;
  }
  *out = crew;
  return CENOTE_OK;
}

void crew_free(Crew *crew)
{
  if (!crew) return;
  pthread_mutex_lock(&crew->lock);
  crew->end = true;
  pthread_cond_broadcast(&crew->start);
  pthread_mutex_unlock(&crew->lock);
  for (uint32_t i = 1; i <= crew->started; ++i) pthread_join(crew->member[i].thread, NULL);
  pthread_cond_destroy(&crew->done);
  pthread_cond_destroy(&crew->start);
  pthread_mutex_destroy(&crew->lock);
  free(crew);
}

void crew_run(Crew *crew, void (*job)(void *arg, uint32_t index), void *arg)
{
  pthread_mutex_lock(&crew->lock);
  crew->run = job;
  crew->arg = arg;
  crew->busy = crew->workers - 1;
  ++crew->job;
  pthread_cond_broadcast(&crew->start);
  pthread_mutex_unlock(&crew->lock);
  job(arg, 0);
  pthread_mutex_lock(&crew->lock);
  while (crew->busy > 0) pthread_cond_wait(&crew->done, &crew->lock);
  pthread_mutex_unlock(&crew->lock);
}

void crew_meet(Crew *crew)
{
  if (!crew || crew->workers == 1) return;
  const uint32_t meeting = atomic_load_explicit(&crew->meetings, memory_order_acquire);
  if (atomic_fetch_add_explicit(&crew->here, 1, memory_order_acq_rel) + 1 == crew->workers) {
    atomic_store_explicit(&crew->here, 0, memory_order_relaxed);
    atomic_store_explicit(&crew->meetings, meeting + 1, memory_order_release);
    return;
  }
  uint32_t looks = 0;
  while (atomic_load_explicit(&crew->meetings, memory_order_acquire) == meeting)
    pause_a_little(&looks);
}

void crew_wait(const _Atomic uint32_t *progress, uint32_t value)
{
  uint32_t looks = 0;
  while (atomic_load_explicit(progress, memory_order_acquire) < value) pause_a_little(&looks);
}
