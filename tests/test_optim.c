// SPDX-License-Identifier: ISC
// What a run rests on: schedule, optimiser, initial weights, and that steps are the same however
// they are come by.
#include "optim.h"
#include "train.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char config_json[] =
    "{\"base_dim\":16,\"pool_temporal\":[2,4],\"pool_features\":[1,2],"
    "\"model_structure\":[[\"rglru\"],[\"conv\",\"lru\"],[\"rglru\"]],\"unet\":true,"
    "\"norm\":\"layer\",\"use_gating\":true,\"use_temporal_cnn\":true,"
    "\"input_transform\":\"embed\",\"ff_expand\":2,\"conv_kernel_size\":3,"
    "\"conv_feature_group_count\":2,\"conv_pooling\":true,\"rnn\":{\"block_type\":\"rglru\","
    "\"d_hidden\":24,\"only_real\":false,\"input_norm\":true,\"n_diag_blocks\":4,"
    "\"log_a_scale\":-8.0,\"adaptive_d\":true},\"sample_rate\":16000,\"encoding\":\"mulaw\","
    "\"num_classes\":256,\"baseline\":128,\"min_max_scaling\":true}";

enum { BATCH = 3, LENGTH = 80, STEPS = 4 };

static uint8_t codes[STEPS + 1][BATCH * LENGTH * 2];

/// A wandering tone: something to learn.
static void make_codes(void)
{
  uint32_t random = 5;
  for (size_t k = 0; k <= STEPS; ++k) {
    for (size_t i = 0; i < sizeof codes[0]; ++i) {
      random = random * 1664525u + 1013904223u;
      codes[k][i] = (uint8_t)(128.0 + 60.0 * sin(0.3 * (double)i) + (double)(random >> 29));
    }
  }
}

static CnWeights init(uint64_t seed)
{
  CnWeights weights;
  CenoteError err;
  if (trainer_init_weights("test", config_json, seed, &weights, &err) != CENOTE_OK)
    fail_msg("%s", err.text);
  return weights;
}

static TrainerOptions options(void)
{
  TrainerOptions o;
  trainer_defaults(&o);
  o.batch = BATCH;
  o.length = LENGTH;
  o.warmup_steps = 2;
  o.item_rows = 16;
  return o;
}

static Trainer *start(const CnWeights *weights, const TrainerOptions *o)
{
  Trainer *trainer;
  CenoteError err;
  if (trainer_new(weights, o, &trainer, &err) != CENOTE_OK) fail_msg("%s", err.text);
  return trainer;
}

static void rate_rises_then_holds_or_falls_as_a_cosine(void **state)
{
  (void)state;
  TrainerOptions o = {.learning_rate = 2.0, .warmup_steps = 10};
  assert_true(optim_rate(&o, 0) == 0.0);
  assert_true(optim_rate(&o, 5) == 1.0);
  assert_true(optim_rate(&o, 10) == 2.0);
  assert_true(optim_rate(&o, 1000000) == 2.0);
  o.decay_steps = 110;
  assert_true(optim_rate(&o, 5) == 1.0);
  assert_true(optim_rate(&o, 10) == 2.0);
  assert_true(fabs(optim_rate(&o, 60) - 1.0) < 1e-12);
  assert_true(fabs(optim_rate(&o, 35) - (1.0 + cos(0.25 * acos(-1.0)))) < 1e-12);
  assert_true(optim_rate(&o, 110) == 0.0);
  assert_true(optim_rate(&o, 111) == 0.0);
  o.warmup_steps = 0;
  assert_true(optim_rate(&o, 0) == 2.0);
}

static void slices_cover_all_once(void **state)
{
  (void)state;
  for (size_t count = 0; count < 700; count += 13) {
    for (uint32_t workers = 1; workers < 6; ++workers) {
      size_t next = 0;
      for (uint32_t i = 0; i < workers; ++i) {
        const Slice slice = optim_slice(count, i, workers);
        assert_true(slice.count == 0 || slice.from == next);
        next += slice.count;
      }
      assert_int_equal(next, count);
    }
  }
}

/// Five steps of one number in plain double arithmetic.
static void adam_does_what_the_reference_says(void **state)
{
  (void)state;
  TrainerOptions o;
  trainer_defaults(&o);
  o.learning_rate = 0.1;
  o.warmup_steps = 2;
  o.weight_decay = 0.3;
  o.clip = 2.0;
  o.ema_rate = 0.75;
  for (const Ops *const *ops = ops_all(); *ops; ++ops) {
    if (!(*ops)->usable()) continue;
    real w = 1;
    real m = 0;
    real v = 0;
    real ema = 1;
    double want = 1.0;
    double first = 0.0;
    double second = 0.0;
    double average = 1.0;
    for (uint64_t n = 0; n < 5; ++n) {
      const double sum = 10.0 - 4.0 * (double)n; // summed gradient; its mean in bits is half that
      const double norm = fabs(sum) * 0.5;
      const double lr = optim_rate(&o, n);
      const AdamStep step = optim_step(&o, n, lr, 0.5, norm);
      const real grad = (real)sum;
      (*ops)->adam(&step, 1, &grad, &w, &m, &v, &ema);
      const double g = sum * 0.5 * fmin(2.0 / (norm + 1e-6), 1.0);
      const double k = (double)n + 1.0;
      first = 0.9 * first + 0.1 * g;
      second = 0.999 * second + 0.001 * g * g;
      const double u = first / (1.0 - pow(0.9, k)) / (sqrt(second / (1.0 - pow(0.999, k))) + 1e-8);
      want -= lr * (u + 0.3 * want);
      average = 0.25 * want + 0.75 * average;
      assert_true(fabs((double)w - want) < (sizeof(real) == 8 ? 1e-13 : 1e-6));
      assert_true(fabs((double)ema - average) < (sizeof(real) == 8 ? 1e-13 : 1e-6));
    }
  }
}

static void check_law(const CnWeights *weights, const char *name, double mean, double deviation,
                      double most)
{
  const CnParam *param = cn_weights_find(weights, name);
  if (!param) fail_msg("no %s", name);
  double sum = 0.0;
  double square = 0.0;
  for (size_t i = 0; i < param->count; ++i) {
    const double x = (double)weights->data[param->offset + i];
    if (fabs(x) > most) fail_msg("%s: %g is beyond %g", name, x, most);
    sum += x;
    square += x * x;
  }
  const double n = (double)param->count;
  const double found = sqrt(square / n - sum / n * sum / n);
  if (fabs(sum / n - mean) > 4.5 * deviation / sqrt(n) + 1e-6)
    fail_msg("%s: mean %g, want %g", name, sum / n, mean);
  if (fabs(found - deviation) > 3.5 * deviation / sqrt(2.0 * n) + 1e-6)
    fail_msg("%s: deviation %g, want %g", name, found, deviation);
}

static void weights_begin_as_the_reference_has_it(void **state)
{
  (void)state;
  CnWeights a = init(3);
  const double cut = 2.0 / 0.87962566103423978; // in deviations
  check_law(&a, "input.embedding", 0.0, sqrt(1.0 / 16), 10.0);
  check_law(&a, "levels.0.down.0.gate.weight", 0.0, sqrt(1.0 / 16), cut * sqrt(1.0 / 16));
  check_law(&a, "levels.0.down.0.rnn.out.weight", 0.0, sqrt(1.0 / 24), cut * sqrt(1.0 / 24));
  check_law(&a, "levels.0.down.0.conv.weight", 0.0, sqrt(1.0 / 24), cut * sqrt(1.0 / 24));
  check_law(&a, "levels.0.down.0.rnn.gate_x.weight", 0.0, sqrt(1.0 / 24), cut * sqrt(1.0 / 24));
  check_law(&a, "levels.0.down.0.rnn.gate_a.bias", 0.0, sqrt(1.0 / 4), cut * sqrt(1.0 / 4));
  // Level 0: two blocks down, two up, and the level below.
  check_law(&a, "levels.0.down.1.out.weight", 0.0, sqrt(1.0 / 5 / 32), 10.0);
  check_law(&a, "levels.1.up.2.out.weight", 0.0, sqrt(1.0 / 9 / 16), 10.0);
  check_law(&a, "levels.2.blocks.1.out.weight", 0.0, sqrt(1.0 / 2 / 64), 10.0);
  check_law(&a, "levels.1.uppool.weight", 0.0, sqrt(1.0 / 9 / 8), 10.0);
  check_law(&a, "levels.0.downpool.weight", 0.0, sqrt(1.0 / 2), cut * sqrt(1.0 / 2));
  check_law(&a, "head.weight", 0.0, sqrt(1.0 / 16), cut * sqrt(1.0 / 16));
  check_law(&a, "norm.weight", 1.0, 0.0, 1.0);
  check_law(&a, "head.bias", 0.0, 0.0, 0.0);
  const CnParam *radius = cn_weights_find(&a, "levels.2.blocks.0.rnn.a_real");
  const CnParam *angle = cn_weights_find(&a, "levels.2.blocks.0.rnn.a_imag");
  for (size_t i = 0; i < radius->count; ++i) {
    // softplus(a_real) = -ln r, with r from 0.9 to 0.99
    const double r = exp(-log1p(exp((double)a.data[radius->offset + i])));
    assert_true(r > 0.8999 && r < 0.9901);
    const double phi = (double)a.data[angle->offset + i];
    assert_true(phi >= 0.0 && phi < 0.1 * acos(-1.0));
  }
  CnWeights b = init(3);
  CnWeights c = init(4);
  assert_memory_equal(a.data, b.data, a.params.floats * sizeof *a.data);
  assert_memory_not_equal(a.data, c.data, a.params.floats * sizeof *a.data);
  cn_weights_clear(&a);
  cn_weights_clear(&b);
  cn_weights_clear(&c);
}

static void bad_configurations_are_named(void **state)
{
  (void)state;
  CnWeights weights;
  CenoteError err;
  assert_int_equal(trainer_init_weights("here", "{}", 1, &weights, &err), CENOTE_BAD_MODEL);
  assert_non_null(strstr(err.text, "here"));
  weights = init(1);
  TrainerOptions o = options();
  TrainerPlan plan;
  o.carry = true;
  o.length = LENGTH + 1;
  assert_int_equal(trainer_plan(&weights.config, &o, &plan, &err), CENOTE_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "multiple of 8"));
  o = options();
  o.memory_bytes = 1000;
  Trainer *trainer;
  assert_int_equal(trainer_new(&weights, &o, &trainer, &err), CENOTE_NO_MEMORY);
  assert_null(trainer);
  assert_non_null(strstr(err.text, "at least"));
  o.threads = 0;
  assert_int_equal(trainer_new(&weights, &o, &trainer, &err), CENOTE_BAD_ARGUMENT);
  trainer_free(NULL);
  cn_weights_clear(&weights);
}

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
  CnWeights weights = init(1);
  for (uint32_t threads = 1; threads < 4; ++threads) {
    TrainerOptions o = options();
    o.threads = threads;
    o.seed = 9;
    o.carry = threads == 2;
    Trainer *whole = start(&weights, &o);
    run_steps(whole, 0, STEPS);
    Trainer *first = start(&weights, &o);
    run_steps(first, 0, 2);
    Trainer *second = start(&weights, &o);
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
  CnWeights weights = init(1);
  TrainerOptions o = options();
  o.batch = 1;
  TrainerPlan plan;
  CenoteError err;
  Trainer *rich = start(&weights, &o);
  assert_int_equal(trainer_plan(&weights.config, &o, &plan, &err), CENOTE_OK);
  assert_int_equal(plan.recomputed, 0);
  const uint64_t all = plan.bytes;
  o.memory_bytes = all - 40000;
  assert_int_equal(trainer_plan(&weights.config, &o, &plan, &err), CENOTE_OK);
  assert_true(plan.recomputed > 0 && plan.bytes <= o.memory_bytes);
  Trainer *poor = start(&weights, &o);
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
  CnWeights weights = init(1);
  const uint32_t valid[BATCH] = {LENGTH, LENGTH / 2, LENGTH};
  TrainerOptions o = options();
  Trainer *whole = start(&weights, &o);
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
    process[i].trainer = start(&weights, &o);
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
  CnWeights weights = init(1);
  const TrainerOptions o = options();
  Trainer *trainer = start(&weights, &o);
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
  CnWeights weights = init(1);
  TrainerOptions o = options();
  o.dropout = 0.0;
  o.batch = 1;
  o.learning_rate = 0.0;
  o.length = 2 * LENGTH;
  Trainer *whole = start(&weights, &o);
  const double all = trainer_eval(whole, false, codes[0], 2 * LENGTH);
  o.length = LENGTH;
  o.carry = true;
  Trainer *parts = start(&weights, &o);
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
  CnWeights weights = init(1);
  TrainerOptions o = options();
  o.warmup_steps = 0;
  o.skip_threshold = 1e-3;
  Trainer *trainer = start(&weights, &o);
  Trainer *fresh = start(&weights, &o);
  StepResult result;
  trainer_step(trainer, codes[0], NULL, NULL, &result);
  assert_true(result.skipped && result.lr == 0.0 && result.grad_norm > 1e-3);
  same_weights(trainer, fresh, 0.0);
  assert_int_equal(*trainer_state(trainer).counter, 0);
  assert_int_equal(*trainer_state(trainer).steps, 1);
  trainer_free(trainer);
  o.skip_threshold = (double)INFINITY;
  trainer = start(&weights, &o);
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
  CnWeights weights = init(1);
  for (int rounded = 0; rounded < 2; ++rounded) {
    TrainerOptions o = options();
    o.dropout = 0.0;
    o.learning_rate = 1e-2;
    o.bfloat16 = rounded;
    o.threads = 2;
    Trainer *trainer = start(&weights, &o);
    StepResult result;
    for (int k = 0; k < 150; ++k) trainer_step(trainer, codes[0], NULL, NULL, &result);
    if (!(result.loss_bits < 2.5)) fail_msg("still %g bits", result.loss_bits);
    trainer_free(trainer);
  }
  cn_weights_clear(&weights);
}

int main(void)
{
  make_codes();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rate_rises_then_holds_or_falls_as_a_cosine),
      cmocka_unit_test(slices_cover_all_once),
      cmocka_unit_test(adam_does_what_the_reference_says),
      cmocka_unit_test(weights_begin_as_the_reference_has_it),
      cmocka_unit_test(bad_configurations_are_named),
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
