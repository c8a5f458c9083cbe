// SPDX-License-Identifier: ISC
// What each job does. It knows nothing of the thread that it is done on.
#include "jobs.h"

#include "moments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Job *job_new(JobKind kind)
{
  Job *job = calloc(1, sizeof *job);
  if (job) job->kind = kind;
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
      sink_open(job->path, job->format[0] ? job->format : NULL, (uint32_t)place->rate_hz,
                place->channels, true, job->frames, &sink, &job->error);
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
