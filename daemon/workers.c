// SPDX-License-Identifier: ISC
#define _GNU_SOURCE // gettid

#include "workers.h"

#include "realtime.h"

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { PRIORITY = 50, SPINS = 256 };

typedef struct Worker {
  Workers *workers;
  uint32_t share;
  pthread_t thread;
  sem_t wake;
} Worker;

struct Workers {
  WorkersTask task;
  void *data;
  bool realtime;
  uint32_t count;
  uint32_t shares;        ///< of this block; 0: the end. Written before a wake, read after it
  _Atomic uint32_t ready; ///< shares done of this block, the caller's left out
  Worker worker[];
};

/// What a new thread does first: it says who it is, so that rtkit can be asked for it, and has its
/// arithmetic leave subnormals out.
typedef struct Start {
  void *(*run)(void *);
  void *data;
  pid_t thread;
  sem_t known;
} Start;

static void *tell_and_run(void *data)
{
  Start *start = data;
  void *(*run)(void *) = start->run;
  void *run_data = start->data;
  start->thread = gettid();
  sem_post(&start->known); // gone with this
  realtime_flush_subnormals();
  return run(run_data);
}

int workers_thread(pthread_t *thread, bool *realtime, void *(*run)(void *), void *data)
{
  Start start = {.run = run, .data = data};
  sem_init(&start.known, 0, 0);
  int refusal = 0;
  int error = -1;
  if (*realtime) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &(struct sched_param){.sched_priority = PRIORITY});
    error = refusal = pthread_create(thread, &attributes, tell_and_run, &start);
    pthread_attr_destroy(&attributes);
  }
  if (error != 0) error = pthread_create(thread, NULL, tell_and_run, &start);
  if (error == 0) {
    while (sem_wait(&start.known) != 0) continue; // a signal
    if (refusal != 0) *realtime = realtime_ask(start.thread, refusal);
  }
  sem_destroy(&start.known);
  return error;
}

static void *work(void *data)
{
  Worker *worker = data;
  Workers *workers = worker->workers;
  for (;;) {
    while (sem_wait(&worker->wake) != 0) continue; // a signal
    if (workers->shares == 0) return NULL;
    workers->task(workers->data, worker->share, workers->shares);
    atomic_fetch_add_explicit(&workers->ready, 1, memory_order_release);
  }
}

Workers *workers_start(uint32_t threads, bool realtime, WorkersTask task, void *data)
{
  const uint32_t count = threads - 1;
  Workers *workers = calloc(1, sizeof *workers + count * sizeof *workers->worker);
  if (!workers) return NULL;
  workers->task = task;
  workers->data = data;
  workers->realtime = realtime;
  atomic_init(&workers->ready, 0);
  for (; workers->count < count; ++workers->count) {
    Worker *worker = &workers->worker[workers->count];
    worker->workers = workers;
    worker->share = workers->count + 1;
    sem_init(&worker->wake, 0, 0);
    if (workers_thread(&worker->thread, &workers->realtime, work, worker) == 0) continue;
    sem_destroy(&worker->wake);
    workers_stop(workers);
    return NULL;
  }
  return workers;
}

bool workers_realtime(const Workers *workers)
{
  return workers->realtime;
}

/// A turn of a loop that waits for another core.
static void spin(uint32_t turn)
{
  if (turn % SPINS == 0) sched_yield(); // where cores are fewer than threads
#if defined(__x86_64__) || defined(__i386__)
  else __builtin_ia32_pause();
#elif defined(__aarch64__)
  else __asm__ __volatile__("yield");
#endif
}

void workers_run(Workers *workers, uint32_t most)
{
  const uint32_t threads = workers->count + 1;
  const uint32_t shares = most < 1 ? 1 : most < threads ? most : threads;
  workers->shares = shares;
  atomic_store_explicit(&workers->ready, 0, memory_order_relaxed);
  for (uint32_t i = 1; i < shares; ++i) sem_post(&workers->worker[i - 1].wake);
  workers->task(workers->data, 0, shares);
  for (uint32_t turn = 1; atomic_load_explicit(&workers->ready, memory_order_acquire) != shares - 1;
       ++turn)
    spin(turn);
}

void workers_stop(Workers *workers)
{
  if (!workers) return;
  workers->shares = 0;
  for (uint32_t i = 0; i < workers->count; ++i) sem_post(&workers->worker[i].wake);
  for (uint32_t i = 0; i < workers->count; ++i) {
    pthread_join(workers->worker[i].thread, NULL);
    sem_destroy(&workers->worker[i].wake);
  }
  free(workers);
}
