// SPDX-License-Identifier: ISC
// A small model with some of everything, and something for it to learn.
#ifndef TESTS_TRAINING_H
#define TESTS_TRAINING_H

#include "train.h"

enum { BATCH = 3, LENGTH = 80, STEPS = 4 };

/// Crops of STEPS + 1 steps, twice as long as LENGTH.
extern uint8_t codes[STEPS + 1][BATCH * LENGTH * 2];
/// A wandering tone in them.
void training_codes(void);

CnWeights training_init(uint64_t seed);
TrainerOptions training_options(void);
Trainer *training_start(const CnWeights *weights, const TrainerOptions *options);

#endif
