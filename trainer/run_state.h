// SPDX-License-Identifier: ISC
// A run on its way; run.c turns the wheel, the other run_*.c are its parts.
#ifndef TRAINER_RUN_STATE_H
#define TRAINER_RUN_STATE_H

#include "run.h"

#include "checkpoint.h"
#include "crops.h"
#include "data.h"
#include "settings_struct.h"

#include <stdio.h>

enum { RUN_PATH = 4096, RUN_TIMED = 1024 };

/// The files beside the output.
typedef struct RunFiles {
  char weights[RUN_PATH];
  char checkpoint[RUN_PATH];
  char log[RUN_PATH];
  char curve[RUN_PATH];
  char base[RUN_PATH]; ///< what stands before .ckpt, and before .STEP.wav
  FILE *open_log;
  bool warned; ///< that a file cannot be written
} RunFiles;

typedef struct Run {
  const RunTask *task;
  const Settings *settings;
  const Group *group;
  const RunHooks *hooks;
  CenoteError *err;
  RunFiles files;
  Data data;
  Crops crops;
  CnWeights weights; ///< first weights, then room for those written
  Trainer *trainer;
  TrainerState state; ///< of the trainer
  uint32_t batch;     ///< of this process
  uint8_t *codes;     ///< [batch][length]
  uint32_t *counts;   ///< [batch]
  bool *fresh;        ///< [batch]
  double *clip_bits;  ///< [valid clips]
  double order0;
  double order1;
  uint64_t total_steps; ///< 0: not known yet
  uint64_t valid_every;
  double began_s;        ///< when the run would have begun without breaks
  double saved_s;        ///< when the last checkpoint was written
  double valid_bits;     ///< NaN: not yet
  uint64_t valid_codes;  ///< that it is the mean of
  double train_bits;     ///< sum since the last line of the log
  double train_codes;    ///< what that is of
  double smooth_bits;    ///< of the loss, over some fifty steps
  uint64_t smooth_steps; ///< that it is of
  uint32_t bad_steps;    ///< skipped, one after another
  double window_s;       ///< seconds of steps since the speed was measured
  double window_codes;
  double tokens_per_s;
  double heard_s;           ///< that the last validation took, without what it wrote
  double step_s[RUN_TIMED]; ///< seconds of the first steps
  size_t timed;
  double timed_s; ///< all steps but the first
} Run;

double run_now_s(void);
/// Seconds of the run so far.
double run_elapsed_s(const Run *run);
void run_say(const Run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void run_warn(const Run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// Everything in place before the first step.
CenoteStatus run_begin(Run *run);

/// Names of the files; false when they are too long.
bool run_name_files(const char *output, RunFiles *files);
/// Can files be made there? Better known before the data is read.
CenoteStatus run_check_files(const Run *run);
/// Open the log, cut to what the checkpoint knows of it, and lock it against another run.
CenoteStatus run_open_log(Run *run, uint64_t bytes);
/// Add a line; takes over the object. A failure is warned of once.
void run_log(Run *run, json_t *line);
void run_close_log(Run *run);
/// Write the checkpoint, by the first process. A failure is the caller's to warn of or to return.
CenoteStatus run_save_checkpoint(Run *run);
/// Write the averaged weights with all that is known of them.
CenoteStatus run_save_weights(Run *run, bool whole);
/// Generate sound with the weights just written.
void run_sample(Run *run);
/// Draw what the log tells.
void run_draw_curve(Run *run);

/// Bits of the averaged weights on valid: all of it, or the first part of each clip. False:
/// stopped.
bool run_validate(Run *run, bool whole);

#endif
