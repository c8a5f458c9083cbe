// SPDX-License-Identifier: ISC
#include "jobs.h"

#include "moments.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

void loaded_free(Loaded *loaded)
{
  if (loaded) cenote_model_free(loaded->model);
  free(loaded);
}

void loaded_drop(Loaded *loaded)
{
  if (--loaded->uses == 0) loaded_free(loaded);
}

static void unload(Job *job)
{
  loaded_free(job->loaded);
  job->loaded = NULL;
  job->fresh = false;
}

void job_free(Job *job)
{
  if (!job) return;
  for (uint32_t k = 0; k < ENGINE_VOICES; ++k) {
    kit_free(job->kit[k]);
    free(job->moment[k]);
  }
  for (size_t i = 0; i < job->founds; ++i) free(job->found[i].moment);
  free(job->found);
  if (job->fresh) unload(job);
  else if (job->held) loaded_drop(job->loaded);
  free(job);
}

static CenoteStatus load(Job *job)
{
  if (job->loaded) return CENOTE_OK;
  job->loaded = calloc(1, sizeof *job->loaded);
  if (!job->loaded) return CENOTE_NO_MEMORY;
  job->fresh = true;
  snprintf(job->loaded->name, sizeof job->loaded->name, "%s", job->name);
  snprintf(job->loaded->path, sizeof job->loaded->path, "%s", job->path);
  const CenoteStatus status =
      cenote_model_load_as(job->path, job->precision, &job->loaded->model, &job->error);
  if (status != CENOTE_OK) unload(job);
  return status;
}

static CenoteStatus make_kits(Job *job, const JobsPlace *place)
{
  CenoteStatus status = load(job);
  for (uint32_t k = 0; status == CENOTE_OK && k < job->count; ++k) {
    job->kit[k] = kit_new(job->loaded->model, place->rate_hz, place->past_bytes);
    if (!job->kit[k]) status = CENOTE_NO_MEMORY;
    else job->kit[k]->model = job->loaded;
  }
  return status;
}

static CenoteStatus open_take(Job *job, const JobsPlace *place)
{
  Sink *sink = NULL;
  const CenoteStatus status =
      sink_open(job->path, job->format[0] ? job->format : NULL, (uint32_t)place->rate_hz, true,
                job->frames, &sink, &job->error);
  if (status != CENOTE_OK) return status;
  job->lane = recorder_add(place->recorder, job->ring, sink);
  if (job->lane >= 0) return CENOTE_OK;
  sink_close(sink);
  snprintf(job->error.text, sizeof job->error.text, "no more recordings at once");
  return CENOTE_BAD_ARGUMENT;
}

static CenoteStatus end_take(Job *job, const JobsPlace *place)
{
  if (recorder_end(place->recorder, job->lane, job->path, sizeof job->path, &job->frames))
    return CENOTE_OK;
  memcpy(job->error.text, job->path, sizeof job->path);
  return CENOTE_FILE_ERROR;
}

void job_do(Job *job, const JobsPlace *place)
{
  switch (job->kind) {
  case JOB_LOAD:
    job->status = load(job);
    break;
  case JOB_KITS:
    job->status = make_kits(job, place);
    break;
  case JOB_PRESET:
    job->status = make_kits(job, place);
    if (job->status == CENOTE_OK) job->status = moments_find(job);
    break;
  case JOB_TAKE:
    job->status = open_take(job, place);
    break;
  case JOB_END_TAKE:
    job->status = end_take(job, place);
    break;
  case JOB_READ:
    job->status = moment_read(job->path, job->loaded ? job->loaded->model : NULL, &job->moment[0],
                              &job->error);
    break;
  case JOB_WRITE:
    job->status = moment_write(job->path, job->moment[0], &job->error);
    break;
  case JOB_PRIME:
    job->status = moment_prime(job);
    break;
  case JOB_LOG:
    job->status = replay_log_open(job->path, &job->log, &job->error);
    break;
  case JOB_END_LOG:
    job->status =
        replay_log_close(job->log, job->frames, &job->error) ? CENOTE_OK : CENOTE_FILE_ERROR;
    job->log = NULL;
    break;
  case JOB_KEEP:
    job->status = moments_keep(job);
    break;
  case JOB_FREE_KIT:
    kit_free(job->kit[0]);
    job->kit[0] = NULL;
    break;
  case JOB_UNLOAD:
    unload(job);
    break;
  }
  if (job->status != CENOTE_OK && job->error.text[0] == '\0')
    snprintf(job->error.text, sizeof job->error.text, "%s", cenote_strerror(job->status));
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

Job *job_new(JobKind kind)
{
  Job *job = calloc(1, sizeof *job);
  if (job) job->kind = kind;
  return job;
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
