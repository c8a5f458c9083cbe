// SPDX-License-Identifier: ISC
// What the OSC thread knows and does: the values of every control, the models, who listens, and the
// commands on their way to the engine.
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include "jobs.h"
#include "options.h"
#include "player.h"

enum { CONTROL_MODELS = 64, CONTROL_CLIENTS = 32, CONTROL_BATCH = 256, CONTROL_SYNCS = 64 };

/// Codes of /fail: OSC.md.
typedef enum FailCode {
  FAIL_UNKNOWN = 1,
  FAIL_ARGUMENTS,
  FAIL_NOT_THERE,
  FAIL_FILE,
  FAIL_MODEL,
  FAIL_BUSY,
  FAIL_MEMORY,
  FAIL_LIMIT,
  FAIL_QUEUE,
  FAIL_NOT_PERMITTED
} FailCode;

/// Controls that have a value; the master's first.
typedef enum Value {
  VALUE_MASTER_GAIN,
  VALUE_MASTER_MUTE,
  VALUE_RUN,
  VALUE_SEED,
  VALUE_TEMPERATURE,
  VALUE_TOP_K,
  VALUE_TOP_P,
  VALUE_GAIN,
  VALUE_MUTE,
  VALUES
} Value;

typedef struct Number {
  double real;
  int64_t whole; ///< the same, rounded, or exactly as it came
} Number;

/// Feedback owed to the clients.
typedef struct Owed {
  bool owed;
  int64_t sent_ns;
  OscPeer setter;
} Owed;

typedef struct Client {
  bool used;
  OscPeer from;
  OscPeer to;
} Client;

typedef struct Sync {
  OscPeer from;
  int32_t id;
  uint64_t after; ///< jobs that must be done first
} Sync;

typedef struct Control {
  const Options *options;
  double rate_hz;
  char media[4096]; ///< real path
  Osc *osc;
  Jobs *jobs;
  Player *player;
  Audio *audio;
  Recorder *recorder;
  Ring *commands;
  Ring *events;
  Number value[VALUES][ENGINE_VOICES];
  Owed owed[VALUES][ENGINE_VOICES];
  Loaded *model[CONTROL_MODELS];
  size_t models;
  Loaded *playing;
  Client client[CONTROL_CLIENTS];
  Command batch[CONTROL_BATCH];
  size_t batched;
  bool in_bundle;
  Sync sync[CONTROL_SYNCS];
  size_t syncs;
  uint64_t jobs_put;
  uint64_t jobs_done;
  Job *ending_take; ///< waits for the engine to close the tap
  bool taking;
  char take[256];
  uint64_t extra; ///< arguments ignored
  uint64_t fatal; ///< voices that stopped being finite
  int32_t dump;
  bool quit;  ///< asked to end
  bool faded; ///< and silent
} Control;

/// Values at their defaults, the seeds by --seed.
void control_init(Control *control, const Options *options, double rate_hz);

/// Whoever sent it, or standard error for a preset's own line (from NULL).
void control_fail(Control *control, const OscPeer *from, const char *command, FailCode code,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
void control_done(Control *control, const Job *job, const char *command, lo_message rest);

/// A command for the engine, now or with the rest of its bundle. False when the queue is full.
bool control_send(Control *control, Command command);
/// End of a bundle: its commands go at once.
bool control_flush(Control *control);

/// Give a job to the job thread.
void control_put(Control *control, Job *job);

/// Set a value (clamped already), tell the engine, owe feedback.
bool control_set(Control *control, const OscPeer *from, Value value, uint32_t voice, Number number);
/// The value as a message's argument, and the address that it has.
void control_add_value(const Control *control, Value value, uint32_t voice, lo_message message);
void control_value_address(Value value, uint32_t voice, char address[static 64]);

/// Give a new ensemble the values in force.
void control_dress(const Control *control, Ensemble *ensemble);
/// Take in a loaded model (NULL when there is no room); by name.
bool control_add_model(Control *control, Loaded *loaded);
Loaded *control_find_model(const Control *control, const char *name);

/// What is due: finished jobs, the engine's events, feedback, syncs.
void control_tend(Control *control);

/// A file under --media-dir: its full path, or false with the reason.
bool control_media_path(const Control *control, const char *name, bool exists, char *path,
                        size_t size, const char **why);

/// Begin to end: fade out. From nobody: a signal.
void control_quit(Control *control);

#endif
