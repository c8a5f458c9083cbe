// SPDX-License-Identifier: ISC
// The job thread: what may take long (loading, opening and finishing files, freeing) away from the
// thread that answers OSC. Jobs run in order; results come back by a list and a descriptor.
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

#include "kit.h"
#include "osc.h"
#include "record.h"
#include "replay_log.h"
#include "rt/engine.h"

enum { JOB_TEXT = 1024, JOB_NAME = 256 };

/// A loaded model; counted by the kits that play it and by the list of models. The OSC thread's
/// alone, but for the model itself.
typedef struct Loaded {
  CenoteModel *model;
  uint32_t uses;
  char name[JOB_NAME];
  char path[JOB_TEXT];
} Loaded;

typedef enum JobKind {
  JOB_LOAD,     ///< path, name -> loaded
  JOB_KITS,     ///< loaded, or path and name -> loaded; first, count -> kit
  JOB_PRESET,   ///< path, name, folder, count -> loaded, kit, moment
  JOB_TAKE,     ///< path, format, ring -> lane
  JOB_END_TAKE, ///< lane, frames -> path, frames
  JOB_READ,     ///< path, loaded -> moment[0]
  JOB_WRITE,    ///< path, moment[0]
  JOB_PRIME,    ///< path, loaded, moment[0], begin_s, length_s -> moment[0], bits
  JOB_LOG,      ///< path -> log
  JOB_END_LOG,  ///< log, frames
  JOB_KEEP,     ///< folder, moment[voice] -> files, for --restore
  JOB_FREE_KIT, ///< kit[0]
  JOB_UNLOAD    ///< loaded
} JobKind;

/// A state read from a file, and where it belongs.
typedef struct Found {
  Moment *moment;
  char name[64]; ///< of the slot
} Found;

typedef struct Job {
  struct Job *next;
  JobKind kind;
  OscPeer from;
  bool answer; ///< whether somebody waits for /done
  bool tagged;
  int32_t tag; ///< echoed in the answer
  char command[320];
  char path[JOB_TEXT];
  char name[JOB_NAME];
  char folder[JOB_TEXT]; ///< of a preset
  char format[16];
  uint64_t due;   ///< frame of what follows from it, 0: now
  uint64_t order; ///< of what was said: the OSC thread's
  uint32_t first; ///< voice
  uint32_t count;
  uint32_t slot;
  int32_t voice;
  int lane;
  uint32_t take;
  CenotePrecision precision;
  uint64_t frames;
  double begin_s, length_s, bits;
  Ring *ring;
  ReplayLog *log;
  Loaded *loaded;
  bool fresh; ///< loaded is new
  bool held;  ///< loaded is counted for this job: control_hold
  Kit *kit[ENGINE_VOICES];
  Moment *moment[ENGINE_VOICES];
  Found *found; ///< a preset's slots
  size_t founds;
  CenoteStatus status;
  CenoteError error;
} Job;

typedef struct JobsPlace {
  double rate_hz;
  uint32_t channels;
  size_t past_bytes; ///< of each voice
  Recorder *recorder;
} JobsPlace;

typedef struct Jobs Jobs;

/// NULL: no memory or no thread.
Jobs *jobs_start(const JobsPlace *place);
/// Jobs under way are finished first. NULL is fine.
void jobs_stop(Jobs *jobs);

/// With its model. NULL is fine.
void loaded_free(Loaded *loaded);
/// One use of it less; the last one frees it.
void loaded_drop(Loaded *loaded);

/// A job of that kind, zeroed but for it; NULL without memory.
Job *job_new(JobKind kind);
/// With all that it still holds; when it is held, a use of its model too.
void job_free(Job *job);
/// Give it to the thread.
void jobs_put(Jobs *jobs, Job *job);
/// One that is done; NULL: none. job_free() it.
Job *jobs_get(Jobs *jobs);
/// Jobs put and not yet got.
uint32_t jobs_pending(const Jobs *jobs);
/// Readable when a job is done.
int jobs_descriptor(const Jobs *jobs);

/// Do a job here and now.
void job_do(Job *job, const JobsPlace *place);

#endif
