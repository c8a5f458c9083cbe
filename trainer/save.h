// SPDX-License-Identifier: ISC
// Writing weights: what `train` and `import` make and everything else reads.
#ifndef TRAINER_SAVE_H
#define TRAINER_SAVE_H

#include "config.h"
#include "params.h"

#include <cenote/cenote.h>

/// A line of metadata.
typedef struct SaveNote {
  const char *key;
  const char *value;
} SaveNote;

/// MODEL.md section 6's configuration as compact JSON, keys in the order of that page; free() it.
/// NULL: no memory.
char *config_json(const CnConfig *config);

/// A weights file: data[params.floats], the configuration, and the notes in their order. Written
/// aside, synced and renamed, so that a failure leaves what was there.
CenoteStatus weights_save(const char *path, const CnConfig *config, const CnParams *params,
                          const float *data, const SaveNote *note, size_t notes, CenoteError *err);

#endif
