// SPDX-License-Identifier: ISC
// A whole training run: data in, weights out, and beside them the checkpoint, the log, the curve
// and what the model sounds like. For an output NAME.safetensors these are NAME.ckpt, NAME.jsonl,
// NAME.svg and NAME.STEP.wav.
#ifndef TRAINER_RUN_H
#define TRAINER_RUN_H

#include "group.h"
#include "settings.h"

#include <cenote/cenote.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct RunTask {
  const char *data;   ///< folder or file
  const char *output; ///< the weights file
  const Settings *settings;
  bool resume; ///< go on from the checkpoint; without one begin
  bool force;  ///< begin although an output is there
} RunTask;

typedef struct RunProgress {
  uint64_t step;
  uint64_t steps; ///< of the run; 0: not known yet
  double tokens_per_s;
  double train_bits; ///< mean of the last steps
  double valid_bits; ///< NaN: not yet
  double left_s;     ///< NaN: not known yet
} RunProgress;

typedef struct RunHooks {
  void (*say)(void *arg, const char *line);                 ///< a line for the reader
  void (*warn)(void *arg, const char *line);                ///< something is wrong, but goes on
  void (*progress)(void *arg, const RunProgress *progress); ///< after each step
  void (*reading)(void *arg, size_t done, size_t files);    ///< while the data is read
  const atomic_int *stop; ///< not 0: save, and end as soon as can be
  void *arg;
} RunHooks;

/// CENOTE_OK also when stopped; *stopped then says so. Every process of the group calls it.
CenoteStatus train_run(const RunTask *task, const Group *group, const RunHooks *hooks,
                       bool *stopped, CenoteError *err);

/// The settings of the run that OUTPUT's checkpoint holds. CENOTE_NOT_FOUND: there is none. On
/// failure *out is NULL.
CenoteStatus train_settings(const char *output, Settings **out, CenoteError *err);

#endif
