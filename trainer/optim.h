// SPDX-License-Identifier: ISC
#ifndef TRAINER_OPTIM_H
#define TRAINER_OPTIM_H

#include "kernels/ops.h"
#include "train.h"

/// The part of the weights that one worker sees to.
typedef struct Slice {
  size_t from;
  size_t count;
} Slice;

/// The learning rate after `counter` steps.
double optim_rate(const TrainerOptions *options, uint64_t counter);

/// What the next step does to each number. `scale` makes of the summed gradient the mean's in bits,
/// `norm` is that one's.
AdamStep optim_step(const TrainerOptions *options, uint64_t counter, double lr, double scale,
                    double norm);

Slice optim_slice(size_t count, uint32_t index, uint32_t workers);

#endif
