// SPDX-License-Identifier: ISC
// The job thread: what may take long (loading, opening and finishing files, freeing) away from the
// thread that answers OSC. Jobs run in order; results come back by a list and a descriptor.
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

#include "osc.h"
#include "record.h"
#include "rt/engine.h"

enum { JOB_TEXT = 1024, JOB_NAME = 256 };

/// A loaded model; counted by the ensembles that play it and by the list of models. The OSC
/// thread's alone, but for the model itself.
typedef struct Loaded {
  CenoteModel *model;
  uint32_t uses;
  char name[JOB_NAME];
} Loaded;

typedef enum JobKind {
  JOB_LOAD,     ///< path, name -> loaded
  JOB_ENSEMBLE, ///< loaded, parts -> ensemble
  JOB_PRESET,   ///< path, name, parts -> loaded, ensemble
  JOB_TAKE,     ///< path, format -> the recorder has a take
  JOB_END_TAKE, ///< frames -> path, frames
  JOB_FREE,     ///< ensemble
  JOB_UNLOAD    ///< loaded
} JobKind;

typedef struct Job {
  struct Job *next;
  JobKind kind;
  OscPeer from;
  bool answer; ///< whether somebody waits for /done
  bool tagged;
  int32_t tag; ///< echoed in the answer
  char path[JOB_TEXT];
  char name[JOB_NAME];
  char folder[JOB_TEXT]; ///< of a preset
  char format[16];
  uint32_t voice;
  uint32_t parts;
  CenotePrecision precision;
  uint64_t frames;
  Loaded *loaded;
  Ensemble *ensemble;
  CenoteStatus status;
  CenoteError error;
} Job;

typedef struct Jobs Jobs;

/// Ensembles play at rate_hz. NULL: no memory or no thread.
Jobs *jobs_start(double rate_hz, Recorder *recorder);
/// Jobs under way are finished first. NULL is fine.
void jobs_stop(Jobs *jobs);

/// A job of that kind, zeroed but for it; NULL without memory.
Job *job_new(JobKind kind);
/// Give it to the thread.
void jobs_put(Jobs *jobs, Job *job);
/// One that is done; NULL: none. free() it.
Job *jobs_get(Jobs *jobs);
/// Jobs put and not yet got.
uint32_t jobs_pending(const Jobs *jobs);
/// Readable when a job is done.
int jobs_descriptor(const Jobs *jobs);

/// Do a job here and now.
void job_do(Job *job, double rate_hz, Recorder *recorder);

/// Free an ensemble and its voices; its model stays. NULL is fine.
void ensemble_free(Ensemble *ensemble);

#endif
