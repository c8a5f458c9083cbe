// SPDX-License-Identifier: ISC
// A trainer's memory: one block, first counted, then handed out.
#ifndef TRAINER_MEMORY_H
#define TRAINER_MEMORY_H

#include "pass.h"
#include "train.h"

struct Trainer {
  TrainerOptions options;
  Layers layers;
  TrainerPlan plan;
  Pass pass;
  Crew *crew;
  Worker *worker;  ///< [threads]
  bool *twice;     ///< of each block: its activations are worked out again on the way back
  real **rows;     ///< the phases' x
  bool listens;    ///< forward only, with the weights of another: one clip, one worker
  uint32_t length; ///< of a clip: options.length in whole units of the deepest level
  uint32_t clips;  ///< at once
  void *memory;
  real *weights;
  real *m;
  real *v;
  real *ema;
  real *packed;
  real *sine;
  real *carried[2];  ///< [batch][pass.carried]: in front of the step and behind it
  real *sounding[2]; ///< [pass.carried], the same while evaluating
  uint8_t *before;   ///< [batch]
  uint8_t *codes;    ///< [clips][length]
  bool *count;       ///< [clips][length]
  double *squares;   ///< [threads]
  AdamStep adam;     ///< of the present step
  double totals[2];  ///< nats, and the codes that count
  uint64_t counter;
  uint64_t steps;
};

/// Fills in the parts of a zeroed trainer that need no memory of its own, chooses how many clips go
/// at once and which blocks are worked out twice, and counts the bytes.
CenoteStatus memory_plan(Trainer *trainer, const char *name, const CnConfig *config,
                         const TrainerOptions *options, CenoteError *err);

/// The phases of a pass of trainer->clips clips, how rows are cut, where carried numbers lie.
void lay_out(Trainer *trainer);
/// a / b, rounded up.
uint32_t lay_parts(uint32_t a, uint32_t b);

/// The flags by which items wait, back to the start. Before each pass.
void memory_rewind(Trainer *trainer);

/// Takes the memory and hands it out.
CenoteStatus memory_take(Trainer *trainer, const char *name, CenoteError *err);

void memory_free(Trainer *trainer);

#endif
