// SPDX-License-Identifier: ISC
// A run on file, so that it can go on from there bit for bit: a safetensors file of the trainer's
// vectors, with all else as JSON in its metadata. It is written aside and renamed, so that there
// is a whole one at any moment.
#ifndef TRAINER_CHECKPOINT_H
#define TRAINER_CHECKPOINT_H

#include "train.h"

#include <jansson.h>

/// What a checkpoint holds besides the trainer's state.
typedef struct Checkpoint {
  json_t *settings;     ///< all of them, by name
  json_t *model;        ///< the configuration
  uint64_t total_steps; ///< of the whole run; 0: not known yet
  uint64_t data;        ///< fingerprint
  uint32_t processes;
  uint32_t batch;     ///< of this process
  uint64_t log_bytes; ///< of the log when this was written
  double elapsed_s;   ///< of the run so far
} Checkpoint;

/// Everything but the vectors. checkpoint_clear() it. err names file and field.
CenoteStatus checkpoint_open(const char *path, Checkpoint *out, CenoteError *err);
/// The vectors and counters into a trainer of the same configuration and options, of that batch.
CenoteStatus checkpoint_restore(const char *path, Trainer *trainer, uint32_t batch,
                                CenoteError *err);
CenoteStatus checkpoint_save(const char *path, const Checkpoint *checkpoint, Trainer *trainer,
                             CenoteError *err);
/// A zeroed struct is fine.
void checkpoint_clear(Checkpoint *checkpoint);

#endif
