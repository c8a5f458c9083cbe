// SPDX-License-Identifier: ISC
// The pieces of sound that a step learns from: a function of seed and step alone, so that a run can
// go on from any step.
#ifndef TRAINER_CROPS_H
#define TRAINER_CROPS_H

#include "data.h"

typedef struct Crops {
  const DataSet *set;
  uint64_t seed;
  uint32_t length; ///< codes of a crop
  uint64_t *ends;  ///< [clips], codes of all clips up to and with this one
  uint64_t *order; ///< [clips], room for a walk's shuffle
} Crops;

/// Borrows the set.
CenoteStatus crops_new(const DataSet *set, uint64_t seed, uint32_t length, Crops *out);
/// A zeroed struct is fine.
void crops_clear(Crops *crops);

/// Crop number `index` (step * batch + clip): codes[length], of which *valid are sound; the rest is
/// filled with `baseline`. A clip is drawn by its length, and where it begins uniformly.
void crops_draw(const Crops *crops, uint64_t index, uint8_t baseline, uint8_t *codes,
                uint32_t *valid);

/// The piece that row `row` comes to at step `step`, when each row goes through all clips in an
/// order of its own, piece after piece; *fresh when it is a clip's first.
void crops_walk(const Crops *crops, uint64_t step, uint32_t row, uint8_t baseline, uint8_t *codes,
                uint32_t *valid, bool *fresh);

#endif
