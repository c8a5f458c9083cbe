// SPDX-License-Identifier: ISC
// Training: loss and gradient of a batch, and the step of the optimiser that follows. One Trainer
// holds the weights, the optimiser's state and all memory that a step needs; a step allocates
// nothing. Same machine, threads and options: same bits.
#ifndef TRAINER_TRAIN_H
#define TRAINER_TRAIN_H

#include "real.h"

#include "weights.h"

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Trainer Trainer;

/// What a step is made of; names and defaults are the reference's. trainer_defaults() fills it.
typedef struct TrainerOptions {
  uint32_t batch;        ///< clips of a step, of this process: 32
  uint32_t length;       ///< codes of a clip: 16000
  uint32_t threads;      ///< workers, the caller's thread among them: 1
  uint64_t memory_bytes; ///< bound on what the trainer takes; 0: none
  uint32_t item_rows;    ///< steps worked on at one go; 0: what the caches like best
  uint64_t seed;         ///< of dropout: 0
  uint32_t first_clip;   ///< number of this process's first clip in the whole batch: 0
  bool carry;            ///< a step's clips go on where the last step's ended: false
  bool bfloat16;         ///< products of numbers rounded to bfloat16, where the CPU has them: false

  double dropout; ///< on the output of each residual branch: 0.2

  double learning_rate;  ///< the peak: 1e-3
  uint64_t warmup_steps; ///< of linear rise from 0: 1000
  uint64_t decay_steps;  ///< cosine to 0 at this step, warm-up included; 0: constant
  double b1;             ///< 0.9
  double b2;             ///< 0.999
  double eps;            ///< 1e-8, outside the root
  double weight_decay;   ///< 1e-4, of every tensor
  double clip;           ///< of the gradient's norm, in bits: 200
  double skip_threshold; ///< a gradient of this norm or more changes nothing; INFINITY: off. 1000
  double ema_rate;       ///< 0.999

  /// Sums grad[n] and totals[2] over all processes, in place and the same in each; NULL: one
  /// process. Called once a step, between the backward pass and the optimiser.
  void (*sum)(void *arg, real *grad, size_t n, double totals[2]);
  void *sum_arg;
} TrainerOptions;

typedef struct StepResult {
  double loss_bits; ///< mean over the codes that count, of all processes
  double grad_norm; ///< of that mean's gradient, before clipping
  double lr;        ///< used; 0 if skipped
  uint64_t codes;   ///< that counted, of all processes
  bool skipped;     ///< nothing changed: the loss is NaN or the norm not below the threshold
} StepResult;

/// Memory and work, known before anything is allocated.
typedef struct TrainerPlan {
  uint64_t bytes;         ///< of everything the trainer will hold
  uint64_t weights;       ///< numbers in the model
  uint32_t clips_at_once; ///< of the batch, one group after another
  uint32_t recomputed;    ///< residual blocks whose activations are worked out twice
  uint32_t blocks;        ///< all residual blocks
} TrainerPlan;

/// The vectors of a run, `count` numbers each, tensors in the order of CnParams. Borrowed, and may
/// be written between steps: with both counters (and `carried` and `before`, where options say
/// carry) they are all that a run must keep to go on bit for bit.
typedef struct TrainerState {
  real *weights;
  real *m;
  real *v;
  real *ema;
  size_t count;
  uint64_t *counter; ///< the optimiser's: steps that were not skipped
  uint64_t *steps;   ///< steps taken, skipped ones too; numbers the dropout
  real *carried;     ///< [carried_count]; NULL without carry
  size_t carried_count;
  uint8_t *before; ///< [batch], the code in front of each clip; to be kept with `carried`
} TrainerState;

void trainer_defaults(TrainerOptions *options);

/// Weights as training begins (MODEL.md section 3), a function of configuration and seed alone.
/// `name` opens errors. Notes are empty. cn_weights_clear() it.
CenoteStatus trainer_init_weights(const char *name, const char *config_json, uint64_t seed,
                                  CnWeights *out, CenoteError *err);

/// CENOTE_NO_MEMORY, and err with the least that would do, when memory_bytes is too little.
CenoteStatus trainer_plan(const CnConfig *config, const TrainerOptions *options, TrainerPlan *plan,
                          CenoteError *err);

/// Starts its threads. `weights` is copied and may be cleared; the EMA starts equal, the moments
/// and counters at 0. On failure *out is NULL.
CenoteStatus trainer_new(const CnWeights *weights, const TrainerOptions *options, Trainer **out,
                         CenoteError *err);
/// NULL is fine.
void trainer_free(Trainer *trainer);

TrainerState trainer_state(Trainer *trainer);

/// One step on codes[batch][length]; the first code of a clip is predicted from the baseline code.
/// valid[batch] is how many codes of each clip count (0..length), NULL: all. With carry, clips
/// whose fresh[batch] is true start anew (NULL: all go on).
void trainer_step(Trainer *trainer, const uint8_t *codes, const uint32_t *valid, const bool *fresh,
                  StepResult *result);

/// As trainer_step but without the optimiser: the loss, and in grad[count] (NULL: not wanted) the
/// gradient of the mean loss in nats. No dropout.
void trainer_gradient(Trainer *trainer, const uint8_t *codes, const uint32_t *valid, real *grad,
                      StepResult *result);

/// Bits of codes[count] together, from the start of a clip, of any length; divide by count. With
/// the EMA weights or the weights as they are.
double trainer_eval(Trainer *trainer, bool ema, const uint8_t *codes, size_t count);

/// The weights (or their EMA) as float32 data[count], as a weights file holds them.
void trainer_export(const Trainer *trainer, bool ema, float *data);

/// May change between steps: a schedule's length that is known only later.
void trainer_set_decay_steps(Trainer *trainer, uint64_t decay_steps);

#endif
