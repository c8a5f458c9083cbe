// SPDX-License-Identifier: ISC
#include "jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct Jobs {
  JobsPlace place;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool stop;
  Job *todo;
  Job *todo_last;
  Job *done;
  Job *done_last;
  uint32_t pending; ///< the OSC thread's
  int descriptor;
};

static void append(Job **first, Job **last, Job *job)
{
  job->next = NULL;
  if (*first) (*last)->next = job;
  else *first = job;
  *last = job;
}

static Job *take(Job **first)
{
  Job *job = *first;
  if (job) *first = job->next;
  return job;
}

static void *run(void *data)
{
  Jobs *jobs = data;
  pthread_mutex_lock(&jobs->lock);
  for (;;) {
    Job *job = take(&jobs->todo);
    if (!job && jobs->stop) break;
    if (!job) {
      pthread_cond_wait(&jobs->wake, &jobs->lock);
      continue;
    }
    pthread_mutex_unlock(&jobs->lock);
    job_do(job, &jobs->place);
    pthread_mutex_lock(&jobs->lock);
    append(&jobs->done, &jobs->done_last, job);
    const uint64_t one = 1;
    if (write(jobs->descriptor, &one, sizeof one) < 0) continue; // it is readable already
  }
  pthread_mutex_unlock(&jobs->lock);
  return NULL;
}

Jobs *jobs_start(const JobsPlace *place)
{
  Jobs *jobs = calloc(1, sizeof *jobs);
  if (!jobs) return NULL;
  jobs->place = *place;
  jobs->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  pthread_mutex_init(&jobs->lock, NULL);
  pthread_cond_init(&jobs->wake, NULL);
  if (jobs->descriptor >= 0 && pthread_create(&jobs->thread, NULL, run, jobs) == 0) return jobs;
  if (jobs->descriptor >= 0) close(jobs->descriptor);
  pthread_mutex_destroy(&jobs->lock);
  pthread_cond_destroy(&jobs->wake);
  free(jobs);
  return NULL;
}

void jobs_stop(Jobs *jobs)
{
  if (!jobs) return;
  pthread_mutex_lock(&jobs->lock);
  jobs->stop = true;
  pthread_cond_signal(&jobs->wake);
  pthread_mutex_unlock(&jobs->lock);
  pthread_join(jobs->thread, NULL);
  for (Job *job = take(&jobs->done); job; job = take(&jobs->done)) job_free(job);
  close(jobs->descriptor);
  pthread_mutex_destroy(&jobs->lock);
  pthread_cond_destroy(&jobs->wake);
  free(jobs);
}

void jobs_put(Jobs *jobs, Job *job)
{
  ++jobs->pending;
  pthread_mutex_lock(&jobs->lock);
  append(&jobs->todo, &jobs->todo_last, job);
  pthread_cond_signal(&jobs->wake);
  pthread_mutex_unlock(&jobs->lock);
}

Job *jobs_get(Jobs *jobs)
{
  uint64_t count;
  if (read(jobs->descriptor, &count, sizeof count) < 0) count = 0; // nothing new: look anyway
  pthread_mutex_lock(&jobs->lock);
  Job *job = take(&jobs->done);
  pthread_mutex_unlock(&jobs->lock);
  if (job) --jobs->pending;
  return job;
}

uint32_t jobs_pending(const Jobs *jobs)
{
  return jobs->pending;
}

int jobs_descriptor(const Jobs *jobs)
{
  return jobs->descriptor;
}
