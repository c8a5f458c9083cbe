// SPDX-License-Identifier: ISC
#include "jobs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct Jobs {
  double rate_hz;
  Recorder *recorder;
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

void ensemble_free(Ensemble *ensemble)
{
  if (!ensemble) return;
  for (uint32_t k = 0; k < ensemble->parts; ++k) {
    cenote_voice_free(ensemble->part[k].voice);
    cenote_resampler_free(ensemble->part[k].resampler);
  }
  free(ensemble);
}

static CenoteStatus make_ensemble(Job *job, double rate_hz)
{
  const double model_hz = cenote_model_info(job->loaded->model)->sample_rate_hz;
  Ensemble *ensemble = calloc(1, sizeof *ensemble + job->parts * sizeof *ensemble->part);
  if (!ensemble) return CENOTE_NO_MEMORY;
  ensemble->model = job->loaded;
  ensemble->pace = model_hz / rate_hz;
  CenoteStatus status = CENOTE_OK;
  for (; ensemble->parts < job->parts && status == CENOTE_OK; ++ensemble->parts) {
    Part *part = &ensemble->part[ensemble->parts];
    part->level = 1.0f;
    part->gain = part->run = (Ramp){.now = 1.0f, .target = 1.0f};
    status = cenote_voice_new(job->loaded->model, &part->voice);
    if (status == CENOTE_OK && model_hz != rate_hz)
      status = cenote_resampler_new(model_hz, rate_hz, CENOTE_LIVE, &part->resampler);
  }
  if (status == CENOTE_OK) job->ensemble = ensemble;
  else ensemble_free(ensemble);
  return status;
}

static CenoteStatus load(Job *job)
{
  job->loaded = calloc(1, sizeof *job->loaded);
  if (!job->loaded) return CENOTE_NO_MEMORY;
  snprintf(job->loaded->name, sizeof job->loaded->name, "%s", job->name);
  const CenoteStatus status =
      cenote_model_load_as(job->path, job->precision, &job->loaded->model, &job->error);
  if (status == CENOTE_OK) return status;
  free(job->loaded);
  job->loaded = NULL;
  return status;
}

void job_do(Job *job, double rate_hz, Recorder *recorder)
{
  Sink *sink = NULL;
  switch (job->kind) {
  case JOB_PRESET:
  case JOB_LOAD:
    job->status = load(job);
    if (job->kind == JOB_LOAD || job->status != CENOTE_OK) break;
    job->status = make_ensemble(job, rate_hz);
    if (job->status == CENOTE_OK) break;
    cenote_model_free(job->loaded->model);
    free(job->loaded);
    job->loaded = NULL;
    break;
  case JOB_ENSEMBLE:
    job->status = make_ensemble(job, rate_hz);
    break;
  case JOB_TAKE:
    job->status = sink_open(job->path, job->format[0] ? job->format : NULL, (uint32_t)rate_hz, true,
                            &sink, &job->error);
    if (job->status == CENOTE_OK && !recorder_take(recorder, sink)) {
      sink_close(sink);
      job->status = CENOTE_BAD_ARGUMENT;
      snprintf(job->error.text, sizeof job->error.text, "a recording is running");
    }
    break;
  case JOB_END_TAKE:
    if (!recorder_end_take(recorder, job->frames, job->path, sizeof job->path, &job->frames)) {
      job->status = CENOTE_FILE_ERROR;
      memcpy(job->error.text, job->path, sizeof job->path);
    }
    break;
  case JOB_FREE:
    ensemble_free(job->ensemble);
    job->ensemble = NULL;
    break;
  case JOB_UNLOAD:
    cenote_model_free(job->loaded->model);
    free(job->loaded);
    job->loaded = NULL;
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
    job_do(job, jobs->rate_hz, jobs->recorder);
    pthread_mutex_lock(&jobs->lock);
    append(&jobs->done, &jobs->done_last, job);
    const uint64_t one = 1;
    if (write(jobs->descriptor, &one, sizeof one) < 0) continue; // it is readable already
  }
  pthread_mutex_unlock(&jobs->lock);
  return NULL;
}

Jobs *jobs_start(double rate_hz, Recorder *recorder)
{
  Jobs *jobs = calloc(1, sizeof *jobs);
  if (!jobs) return NULL;
  jobs->rate_hz = rate_hz;
  jobs->recorder = recorder;
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
  for (Job *job = take(&jobs->done); job; job = take(&jobs->done)) {
    ensemble_free(job->ensemble);
    if (job->kind == JOB_LOAD || job->kind == JOB_PRESET) {
      if (job->loaded) cenote_model_free(job->loaded->model);
      free(job->loaded);
    }
    free(job);
  }
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
