// SPDX-License-Identifier: ISC
// What a run rests on: steps are the same however they are come by.
#include "training.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void same_weights(Trainer *a, Trainer *b, double room)
{
  const TrainerState x = trainer_state(a);
  const TrainerState y = trainer_state(b);
  for (size_t i = 0; i < x.count; ++i) {
    const double d = fabs((double)x.weights[i] - (double)y.weights[i]);
    if (!(d <= room)) fail_msg("weight %zu differs by %g", i, d);
  }
}

static void run_steps(Trainer *trainer, size_t from, size_t to)
{
  StepResult result;
  for (size_t k = from; k < to; ++k) {
    trainer_step(trainer, codes[k], NULL, NULL, &result);
    assert_false(result.skipped);
  }
}

static void steps_are_the_same_bits_again_and_after_a_resume(void **state)
{
  (void)state;
  CnWeights weights = training_init(1);
  for (uint32_t threads = 1; threads < 4; ++threads) {
    TrainerOptions o = training_options();
    o.threads = threads;
    o.seed = 9;
    o.carry = threads == 2;
    Trainer *whole = training_start(&weights, &o);
    run_steps(whole, 0, STEPS);
    Trainer *first = training_start(&weights, &o);
    run_steps(first, 0, 2);
    Trainer *second = training_start(&weights, &o);
    const TrainerState from = trainer_state(first);
    const TrainerState to = trainer_state(second);
    memcpy(to.weights, from.weights, from.count * sizeof *to.weights);
    memcpy(to.m, from.m, from.count * sizeof *to.m);
    memcpy(to.v, from.v, from.count * sizeof *to.v);
    memcpy(to.ema, from.ema, from.count * sizeof *to.ema);
    *to.counter = *from.counter;
    *to.steps = *from.steps;
    assert_int_equal(from.carried_count > 0, o.carry);
    if (o.carry) {
      memcpy(to.carried, from.carried, from.carried_count * sizeof *to.carried);
      memcpy(to.before, from.before, BATCH);
    }
    run_steps(second, 2, STEPS);
    same_weights(whole, second, 0.0);
    const TrainerState all = trainer_state(whole);
    assert_memory_equal(all.ema, to.ema, all.count * sizeof *all.ema);
    trainer_free(whole);
    trainer_free(first);
    trainer_free(second);
  }
  cn_weights_clear(&weights);
}

static void little_memory_changes_no_bit(void **state)
{
  (void)state;
  CnWeights weights = training_init(1);
  TrainerOptions o = training_options();
  o.batch = 1;
  TrainerPlan plan;
  CenoteError err;
  Trainer *rich = training_start(&weights, &o);
  assert_int_equal(trainer_plan(&weights.config, &o, &plan, &err), CENOTE_OK);
  assert_int_equal(plan.recomputed, 0);
  const uint64_t all = plan.bytes;
  o.memory_bytes = all - 40000;
  assert_int_equal(trainer_plan(&weights.config, &o, &plan, &err), CENOTE_OK);
  assert_true(plan.recomputed > 0 && plan.bytes <= o.memory_bytes);
  Trainer *poor = training_start(&weights, &o);
  run_steps(rich, 0, STEPS);
  run_steps(poor, 0, STEPS);
  same_weights(rich, poor, 0.0);
  trainer_free(rich);
  trainer_free(poor);
  cn_weights_clear(&weights);
}

/// Two processes: each hands in its part and takes the sum, at its own pace.
typedef struct Half {
  pthread_barrier_t *meet;
  real *grad[2];
  double totals[2][2];
} Half;

typedef struct Process {
  Half *half;
  int index;
  Trainer *trainer;
} Process;

static void sum_halves(void *arg, real *grad, size_t n, double totals[2])
{
  const Process *process = arg;
  Half *half = process->half;
  half->grad[process->index] = grad;
  memcpy(half->totals[process->index], totals, sizeof half->totals[0]);
  pthread_barrier_wait(half->meet);
  if (process->index == 0)
    for (size_t i = 0; i < n; ++i)
      half->grad[0][i] = half->grad[1][i] = half->grad[0][i] + half->grad[1][i];
  totals[0] = half->totals[0][0] + half->totals[1][0];
  totals[1] = half->totals[0][1] + half->totals[1][1];
  pthread_barrier_wait(half->meet);
}

static void *run_process(void *arg)
{
  const Process *process = arg;
  StepResult result;
  for (size_t k = 0; k < STEPS; ++k) {
    const size_t first = process->index == 0 ? 0 : 1;
    const uint32_t valid[BATCH] = {LENGTH, LENGTH / 2, LENGTH};
    trainer_step(process->trainer, codes[k] + first * LENGTH, valid + first, NULL, &result);
  }
  return NULL;
}

static void processes_follow_one_process(void **state)
{
  (void)state;
  CnWeights weights = training_init(1);
  const uint32_t valid[BATCH] = {LENGTH, LENGTH / 2, LENGTH};
  TrainerOptions o = training_options();
  Trainer *whole = training_start(&weights, &o);
  StepResult result;
  for (size_t k = 0; k < STEPS; ++k) {
    trainer_step(whole, codes[k], valid, NULL, &result);
    assert_int_equal(result.codes, 2 * LENGTH + LENGTH / 2);
  }
  pthread_barrier_t meet;
  pthread_barrier_init(&meet, NULL, 2);
  Half half = {.meet = &meet};
  Process process[2];
  pthread_t thread;
  for (int i = 0; i < 2; ++i) {
    process[i] = (Process){&half, i, NULL};
    o.batch = i == 0 ? 1 : BATCH - 1; // parts of unequal weight
    o.first_clip = i == 0 ? 0 : 1;
    o.sum = sum_halves;
    o.sum_arg = &process[i];
    process[i].trainer = training_start(&weights, &o);
  }
  pthread_create(&thread, NULL, run_process, &process[1]);
  run_process(&process[0]);
  pthread_join(thread, NULL);
  pthread_barrier_destroy(&meet);
  same_weights(process[0].trainer, process[1].trainer, 0.0);
  same_weights(whole, process[0].trainer, sizeof(real) == 8 ? 1e-10 : 2e-4);
  trainer_free(process[0].trainer);
  trainer_free(process[1].trainer);
  trainer_free(whole);
  cn_weights_clear(&weights);
}

/// What lies past a clip's own length has no part in loss or gradient.
static void codes_past_the_end_do_not_count(void **state)
{
  (void)state;
  CnWeights weights = training_init(1);
  const TrainerOptions o = training_options();
  Trainer *trainer = training_start(&weights, &o);
  const size_t count = trainer_state(trainer).count;
  const uint32_t valid[BATCH] = {LENGTH, 33, 0};
  real *a = malloc(count * sizeof *a);
  real *b = malloc(count * sizeof *b);
  assert_true(a && b);
  StepResult x;
  StepResult y;
  uint8_t other[BATCH * LENGTH];
  memcpy(other, codes[0], sizeof other);
  for (size_t i = LENGTH + 33; i < sizeof other; ++i) other[i] ^= 0x55;
  trainer_gradient(trainer, codes[0], valid, a, &x);
  trainer_gradient(trainer, other, valid, b, &y);
  assert_int_equal(x.codes, LENGTH + 33);
  assert_true(x.loss_bits == y.loss_bits);
  assert_memory_equal(a, b, count * sizeof *a);
  other[LENGTH + 32] ^= 0x55;
  trainer_gradient(trainer, other, valid, b, &y);
  assert_true(x.loss_bits != y.loss_bits);
  free(a);
  free(b);
  trainer_free(trainer);
  cn_weights_clear(&weights);
}

/// Two short steps that carry see what one long clip sees.
static void carried_clips_go_on_where_they_ended(void **state)
{
  (void)state;
  CnWeights weights = training_init(1);
  TrainerOptions o = training_options();
  o.dropout = 0.0;
  o.batch = 1;
  o.learning_rate = 0.0;
  o.length = 2 * LENGTH;
  Trainer *whole = training_start(&weights, &o);
  const double all = trainer_eval(whole, false, codes[0], 2 * LENGTH);
  o.length = LENGTH;
  o.carry = true;
  Trainer *parts = training_start(&weights, &o);
  StepResult first;
  StepResult second;
  StepResult again;
  trainer_step(parts, codes[0], NULL, NULL, &first);
  trainer_step(parts, codes[0] + LENGTH, NULL, NULL, &second);
  const double sum = LENGTH * (first.loss_bits + second.loss_bits);
  assert_true(fabs(sum - all) < 1e-5 * all);
  const bool fresh = true;
  trainer_step(parts, codes[0], NULL, &fresh, &again);
  assert_true(again.loss_bits == first.loss_bits);
  trainer_free(whole);
  trainer_free(parts);
  cn_weights_clear(&weights);
}

static void a_bad_step_changes_nothing(void **state)
{
  (void)state;
  CnWeights weights = training_init(1);
  TrainerOptions o = training_options();
  o.warmup_steps = 0;
  o.skip_threshold = 1e-3;
  Trainer *trainer = training_start(&weights, &o);
  Trainer *fresh = training_start(&weights, &o);
  StepResult result;
  trainer_step(trainer, codes[0], NULL, NULL, &result);
  assert_true(result.skipped && result.lr == 0.0 && result.grad_norm > 1e-3);
  same_weights(trainer, fresh, 0.0);
  assert_int_equal(*trainer_state(trainer).counter, 0);
  assert_int_equal(*trainer_state(trainer).steps, 1);
  trainer_free(trainer);
  o.skip_threshold = (double)INFINITY;
  trainer = training_start(&weights, &o);
  trainer_step(trainer, codes[0], NULL, NULL, &result);
  assert_false(result.skipped);
  trainer_state(trainer).weights[0] = (real)NAN;
  trainer_step(trainer, codes[0], NULL, NULL, &result);
  memset(codes[STEPS], 0, sizeof codes[STEPS]);
  const TrainerState s = trainer_state(trainer);
  for (size_t i = 0; i < s.count; ++i) s.weights[i] = (real)NAN;
  const real m = s.m[5];
  trainer_step(trainer, codes[0], NULL, NULL, &result);
  assert_true(result.skipped && isnan(result.loss_bits) && s.m[5] == m);
  trainer_free(trainer);
  trainer_free(fresh);
  cn_weights_clear(&weights);
}

static void a_tone_is_learnt(void **state)
{
  (void)state;
  CnWeights weights = training_init(1);
  for (int rounded = 0; rounded < 2; ++rounded) {
    TrainerOptions o = training_options();
    o.dropout = 0.0;
    o.learning_rate = 1e-2;
    o.bfloat16 = rounded;
    o.threads = 2;
    Trainer *trainer = training_start(&weights, &o);
    StepResult result;
    for (int k = 0; k < 150; ++k) trainer_step(trainer, codes[0], NULL, NULL, &result);
    if (!(result.loss_bits < 2.5)) fail_msg("still %g bits", result.loss_bits);
    trainer_free(trainer);
  }
  cn_weights_clear(&weights);
}

int main(void)
{
  training_codes();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_are_the_same_bits_again_and_after_a_resume),
      cmocka_unit_test(little_memory_changes_no_bit),
      cmocka_unit_test(processes_follow_one_process),
      cmocka_unit_test(codes_past_the_end_do_not_count),
      cmocka_unit_test(carried_clips_go_on_where_they_ended),
      cmocka_unit_test(a_bad_step_changes_nothing),
      cmocka_unit_test(a_tone_is_learnt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
