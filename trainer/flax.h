// SPDX-License-Identifier: ISC
// The paper's own checkpoints (Flax): names and shapes of another program turned into ours.
#ifndef TRAINER_FLAX_H
#define TRAINER_FLAX_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stdint.h>

/// What a checkpoint does not say.
typedef struct FlaxOptions {
  bool raw; ///< the weights being trained, not their average
  uint32_t sample_rate_hz;
  CenoteEncoding encoding;
  bool min_max_scaling;
  double log_a_scale;
  bool input_norm;
  const char *name; ///< for the metadata; NULL: the file's own
} FlaxOptions;

/// The reference's defaults.
extern const FlaxOptions flax_defaults;

/// Read a checkpoint, write a weights file. On failure err names file and tensor, and nothing is
/// written.
CenoteStatus flax_import(const char *checkpoint, const char *output, const FlaxOptions *options,
                         CenoteError *err);

/// The same of a checkpoint in memory; `checkpoint` names it.
CenoteStatus flax_import_bytes(const char *checkpoint, const unsigned char *bytes, size_t size,
                               const char *output, const FlaxOptions *options, CenoteError *err);

#endif
