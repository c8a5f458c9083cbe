// SPDX-License-Identifier: ISC
// Steps of training. A step's clips pass in groups, their gradients add up; then they are summed
// over workers (and processes) in a fixed order, and the optimiser moves the weights.
#include "train.h"

#include "memory.h"
#include "optim.h"

#include "rt/philox.h"
#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LN2 0.69314718055994530942

void trainer_defaults(TrainerOptions *options)
{
  *options = (TrainerOptions){
      .batch = 32,
      .length = 16000,
      .threads = 1,
      .dropout = 0.2,
      .learning_rate = 1e-3,
      .warmup_steps = 1000,
      .b1 = 0.9,
      .b2 = 0.999,
      .eps = 1e-8,
      .weight_decay = 1e-4,
      .clip = 200.0,
      .skip_threshold = 1000.0,
      .ema_rate = 0.999,
  };
}

CenoteStatus trainer_plan(const CnConfig *config, const TrainerOptions *options, TrainerPlan *plan,
                          CenoteError *err)
{
  *plan = (TrainerPlan){0};
  Trainer *trainer = calloc(1, sizeof *trainer);
  if (!trainer) return cn_fail(err, CENOTE_NO_MEMORY, "training: out of memory");
  const CenoteStatus status = memory_plan(trainer, "training", config, options, err);
  *plan = trainer->plan;
  memory_free(trainer);
  free(trainer);
  return status;
}

/// A new run: the weights given, nothing learnt.
static void begin(Trainer *trainer, const CnWeights *weights)
{
  const size_t count = trainer->layers.params.floats;
  for (size_t i = 0; i < count; ++i) trainer->weights[i] = (real)weights->data[i];
  memcpy(trainer->ema, trainer->weights, count * sizeof *trainer->ema);
  memset(trainer->m, 0, count * sizeof *trainer->m);
  memset(trainer->v, 0, count * sizeof *trainer->v);
  memset(trainer->packed, 0, trainer->layers.packed * sizeof *trainer->packed);
  memset(trainer->before, (int)trainer->layers.config.baseline, trainer->options.batch);
  const size_t carried = trainer->options.batch * trainer->pass.carried;
  for (int i = 0; trainer->options.carry && i < 2; ++i)
    memset(trainer->carried[i], 0, carried * sizeof **trainer->carried);
  if (trainer->layers.config.input == CN_INPUT_SINE)
    sine_table(trainer->layers.config.base_dim, trainer->sine);
}

CenoteStatus trainer_new(const CnWeights *weights, const TrainerOptions *options, Trainer **out,
                         CenoteError *err)
{
  *out = NULL;
  Trainer *trainer = calloc(1, sizeof *trainer);
  if (!trainer) return cn_fail(err, CENOTE_NO_MEMORY, "training: out of memory");
  CenoteStatus status = memory_plan(trainer, "training", &weights->config, options, err);
  if (status == CENOTE_OK) status = memory_take(trainer, "training", err);
  if (status == CENOTE_OK) {
    status = crew_new(options->threads, &trainer->crew);
    if (status != CENOTE_OK) cn_fail(err, status, "training: no threads");
  }
  if (status != CENOTE_OK) {
    trainer_free(trainer);
    return status;
  }
  trainer->pass.crew = trainer->crew;
  for (uint32_t i = 0; i < options->threads; ++i) {
    trainer->worker[i].pass = &trainer->pass;
    trainer->worker[i].index = i;
    trainer->worker[i].workers = options->threads;
  }
  begin(trainer, weights);
  *out = trainer;
  return CENOTE_OK;
}

void trainer_free(Trainer *trainer)
{
  if (!trainer) return;
  crew_free(trainer->crew);
  memory_free(trainer);
  free(trainer);
}

TrainerState trainer_state(Trainer *trainer)
{
  return (TrainerState){
      .weights = trainer->weights,
      .m = trainer->m,
      .v = trainer->v,
      .ema = trainer->ema,
      .count = trainer->layers.params.floats,
      .counter = &trainer->counter,
      .steps = &trainer->steps,
      .carried = trainer->carried[0],
      .carried_count = trainer->options.carry ? trainer->options.batch * trainer->pass.carried : 0,
      .before = trainer->before,
  };
}

/// The clips first..first+clips of a batch, as the pass wants them; past the end, the baseline
/// code.
static void lay_codes(Trainer *trainer, const uint8_t *codes, const uint32_t *valid, uint32_t first)
{
  const Pass *pass = &trainer->pass;
  const size_t given = trainer->options.length;
  const size_t length = trainer->length;
  for (size_t c = 0; c < pass->clips; ++c) {
    const size_t counts = valid && valid[first + c] < given ? valid[first + c] : given;
    uint8_t *to = trainer->codes + c * length;
    bool *count = trainer->count + c * length;
    memcpy(to, codes + (first + c) * given, given);
    memset(to + given, (int)trainer->layers.config.baseline, length - given);
    for (size_t t = 0; t < length; ++t) count[t] = t < counts;
    trainer->totals[1] += (double)counts;
  }
}

static void job_pass(void *arg, uint32_t index)
{
  Trainer *trainer = arg;
  pass_run(&trainer->worker[index]);
}

static void job_pack(void *arg, uint32_t index)
{
  Trainer *trainer = arg;
  layers_pack(&trainer->layers, trainer->pass.weights, trainer->packed, index,
              trainer->options.threads);
  if (trainer->pass.gradient)
    memset(trainer->worker[index].grad, 0,
           trainer->layers.params.floats * sizeof *trainer->weights);
}

/// The weights that the passes to come are about.
static void ready(Trainer *trainer, const real *weights, bool gradient)
{
  Pass *pass = &trainer->pass;
  pass->weights = weights;
  pass->packed = trainer->packed;
  pass->sine = trainer->layers.config.input == CN_INPUT_SINE ? trainer->sine : NULL;
  pass->codes = trainer->codes;
  pass->count = trainer->count;
  pass->gradient = gradient;
  pass->drop = 0;
  trainer->totals[0] = trainer->totals[1] = 0.0;
  crew_run(trainer->crew, job_pack, trainer);
}

/// The group of clips that is laid out; their nats add up in the order of the items.
static void run_group(Trainer *trainer)
{
  Pass *pass = &trainer->pass;
  memory_rewind(trainer);
  crew_run(trainer->crew, job_pass, trainer);
  for (uint32_t i = 0; i < cut_items(&pass->cut[0], pass->clips); ++i)
    trainer->totals[0] += pass->nats[i];
}

/// All clips, group by group. Gradients are left with the workers, not yet summed.
static void run_batch(Trainer *trainer, const uint8_t *codes, const uint32_t *valid)
{
  Pass *pass = &trainer->pass;
  const uint32_t batch = trainer->options.batch;
  for (uint32_t first = 0; first < batch; first += pass->clips) {
    pass->clips = batch - first < trainer->clips ? batch - first : trainer->clips;
    pass->first_clip = (uint64_t)trainer->options.first_clip + first;
    pass->before = trainer->before + first;
    const size_t carried = first * pass->carried;
    pass->carried_in = trainer->carried[0] ? trainer->carried[0] + carried : NULL;
    pass->carried_out = trainer->carried[1] ? trainer->carried[1] + carried : NULL;
    lay_codes(trainer, codes, valid, first);
    run_group(trainer);
  }
}

/// grad of worker 0 += that of the others.
static void job_sum(void *arg, uint32_t index)
{
  Trainer *trainer = arg;
  const Slice slice = optim_slice(trainer->layers.params.floats, index, trainer->options.threads);
  real *sum = trainer->worker[0].grad + slice.from;
  for (uint32_t w = 1; w < trainer->options.threads; ++w) {
    const real *grad = trainer->worker[w].grad + slice.from;
    for (size_t i = 0; i < slice.count; ++i) sum[i] += grad[i];
  }
}

static void job_square(void *arg, uint32_t index)
{
  Trainer *trainer = arg;
  const Slice slice = optim_slice(trainer->layers.params.floats, index, trainer->options.threads);
  trainer->squares[index] =
      trainer->layers.ops->sum_squares(trainer->worker[0].grad + slice.from, slice.count);
}

/// The gradient of all workers and processes in worker 0's, and what it says.
static void gather(Trainer *trainer, StepResult *result)
{
  const TrainerOptions *options = &trainer->options;
  crew_run(trainer->crew, job_sum, trainer);
  if (options->sum)
    options->sum(options->sum_arg, trainer->worker[0].grad, trainer->layers.params.floats,
                 trainer->totals);
  crew_run(trainer->crew, job_square, trainer);
  double square = 0.0;
  for (uint32_t i = 0; i < options->threads; ++i) square += trainer->squares[i];
  const double codes = trainer->totals[1];
  *result = (StepResult){.loss_bits = trainer->totals[0] / codes / LN2,
                         .grad_norm = sqrt(square) / codes / LN2,
                         .codes = (uint64_t)codes};
}

static void job_adam(void *arg, uint32_t index)
{
  Trainer *trainer = arg;
  const Slice slice = optim_slice(trainer->layers.params.floats, index, trainer->options.threads);
  const size_t at = slice.from;
  trainer->layers.ops->adam(&trainer->adam, slice.count, trainer->worker[0].grad + at,
                            trainer->weights + at, trainer->m + at, trainer->v + at,
                            trainer->ema + at);
}

static void optimise(Trainer *trainer, StepResult *result)
{
  const TrainerOptions *options = &trainer->options;
  result->skipped = isnan(result->loss_bits) || !(result->grad_norm < options->skip_threshold);
  if (isinf(options->skip_threshold)) result->skipped = isnan(result->loss_bits);
  if (result->skipped) return;
  result->lr = optim_rate(options, trainer->counter);
  trainer->adam = optim_step(options, trainer->counter, result->lr,
                             1.0 / (trainer->totals[1] * LN2), result->grad_norm);
  crew_run(trainer->crew, job_adam, trainer);
  ++trainer->counter;
}

/// What the clips that go on begin with; `fresh` ones at the start.
static void begin_clips(Trainer *trainer, const bool *fresh)
{
  const size_t carried = trainer->pass.carried;
  for (uint32_t c = 0; c < trainer->options.batch; ++c) {
    if (trainer->options.carry && !(fresh && fresh[c])) continue;
    trainer->before[c] = (uint8_t)trainer->layers.config.baseline;
    if (trainer->carried[0])
      memset(trainer->carried[0] + c * carried, 0, carried * sizeof **trainer->carried);
  }
}

static void end_clips(Trainer *trainer, const uint8_t *codes)
{
  if (!trainer->options.carry) return;
  const size_t length = trainer->options.length;
  const size_t carried = trainer->options.batch * trainer->pass.carried;
  for (uint32_t c = 0; c < trainer->options.batch; ++c)
    trainer->before[c] = codes[(c + 1) * length - 1];
  memcpy(trainer->carried[0], trainer->carried[1], carried * sizeof **trainer->carried);
}

void trainer_step(Trainer *trainer, const uint8_t *codes, const uint32_t *valid, const bool *fresh,
                  StepResult *result)
{
  Pass *pass = &trainer->pass;
  begin_clips(trainer, fresh);
  ready(trainer, trainer->weights, true);
  uint32_t word[4];
  cn_philox(trainer->options.seed, trainer->steps, word);
  pass->drop = (uint32_t)(trainer->options.dropout * 65536.0 + 0.5);
  pass->drop_key = (uint64_t)word[1] << 32 | word[0];
  run_batch(trainer, codes, valid);
  gather(trainer, result);
  optimise(trainer, result);
  end_clips(trainer, codes);
  ++trainer->steps;
}

void trainer_gradient(Trainer *trainer, const uint8_t *codes, const uint32_t *valid, real *grad,
                      StepResult *result)
{
  ready(trainer, trainer->weights, true);
  run_batch(trainer, codes, valid);
  gather(trainer, result);
  const real scale = (real)(1.0 / trainer->totals[1]);
  for (size_t i = 0; grad && i < trainer->layers.params.floats; ++i)
    grad[i] = trainer->worker[0].grad[i] * scale;
}

double trainer_eval(Trainer *trainer, bool ema, const uint8_t *codes, size_t count)
{
  Pass *pass = &trainer->pass;
  const size_t length = trainer->length;
  uint8_t before = (uint8_t)trainer->layers.config.baseline;
  ready(trainer, ema ? trainer->ema : trainer->weights, false);
  pass->clips = 1;
  pass->before = &before;
  memset(trainer->sounding[0], 0, pass->carried * sizeof **trainer->sounding);
  for (size_t at = 0; at < count; at += length) {
    const size_t some = count - at < length ? count - at : length;
    memcpy(trainer->codes, codes + at, some);
    memset(trainer->codes + some, before, length - some);
    for (size_t t = 0; t < length; ++t) trainer->count[t] = t < some;
    pass->carried_in = trainer->sounding[0];
    pass->carried_out = trainer->sounding[1];
    run_group(trainer);
    memcpy(trainer->sounding[0], trainer->sounding[1], pass->carried * sizeof **trainer->sounding);
    before = trainer->codes[length - 1];
  }
  return trainer->totals[0] / LN2;
}

void trainer_export(const Trainer *trainer, bool ema, float *data)
{
  const real *from = ema ? trainer->ema : trainer->weights;
  for (size_t i = 0; i < trainer->layers.params.floats; ++i) data[i] = (float)from[i];
}

void trainer_set_decay_steps(Trainer *trainer, uint64_t decay_steps)
{
  trainer->options.decay_steps = decay_steps;
}
