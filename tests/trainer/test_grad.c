// SPDX-License-Identifier: ISC
// Gradients and steps of the whole model against float64 answers (tests/golden/grad). Built twice,
// for float and for double.
#include "golden.h"

#include "kernels/ops.h"
#include "safetensors.h"
#include "train.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/// Every number of a file, tensor by tensor.
typedef struct Answers {
  CnFile file;
  CenoteError err;
} Answers;

typedef struct Case {
  const char *name;
  double lr;
  uint64_t warmup;
  double b2;
  double decay;
  double clip;
  double skip;
  double ema;
} Case;

static const Case cases[] = {
    {"g1_unet", 2e-3, 2, 0.999, 1e-4, 200.0, 1000.0, 0.999},
    {"g2_lru_dense", 2e-3, 2, 0.999, 0.1, 0.25, 1000.0, 0.99},
    {"g3_real_conv", 1e-2, 1, 0.98, 0.05, 200.0, 14.2, 0.9},
    {"g4_flat", 2e-3, 4, 0.95, 1e-2, 200.0, 1000.0, 0.5},
};
enum { CASES = sizeof cases / sizeof *cases };

// The same port run in float32 comes within 1e-6 of the whole gradient's norm; in double only the
// files' own float32 is left.
static const double gradient_tolerance = sizeof(real) == 8 ? 1e-7 : 1e-6;
static const double result_tolerance = sizeof(real) == 8 ? 1e-7 : 2e-6;

static void answers_open(Answers *answers, const char *name, const char *kind)
{
  char part[96];
  char path[512];
  snprintf(part, sizeof part, "grad/%s%s.safetensors", name, kind);
  golden_path(part, path);
  if (cn_file_open(path, &answers->file, &answers->err) != CENOTE_OK)
    fail_msg("%s", answers->err.text);
}

/// Tensor as float[count]; free() it.
static float *numbers(Answers *answers, const char *name, size_t *count)
{
  const CnTensor *tensor = cn_file_find(&answers->file, name);
  if (!tensor) fail_msg("no tensor %s", name);
  float *values = malloc((size_t)tensor->count * sizeof *values);
  assert_non_null(values);
  if (tensor->dtype == CN_I32) {
    int32_t *whole = malloc((size_t)tensor->count * sizeof *whole);
    assert_non_null(whole);
    assert_int_equal(cn_file_read(&answers->file, tensor, whole, &answers->err), CENOTE_OK);
    for (size_t i = 0; i < tensor->count; ++i) values[i] = (float)whole[i];
    free(whole);
  } else {
    assert_int_equal(cn_file_read_f32(&answers->file, tensor, values, &answers->err), CENOTE_OK);
  }
  if (count) *count = (size_t)tensor->count;
  return values;
}

static uint8_t *codes_of(Answers *answers, uint32_t *batch, uint32_t *length)
{
  const CnTensor *tensor = cn_file_find(&answers->file, "tokens");
  assert_non_null(tensor);
  *batch = (uint32_t)tensor->dim[tensor->rank - 2];
  *length = (uint32_t)tensor->dim[tensor->rank - 1];
  size_t count;
  float *values = numbers(answers, "tokens", &count);
  uint8_t *codes = malloc(count);
  assert_non_null(codes);
  for (size_t i = 0; i < count; ++i) codes[i] = (uint8_t)values[i];
  free(values);
  return codes;
}

static CnWeights weights_of(const char *name)
{
  CnWeights weights;
  CenoteError err;
  char part[96];
  char path[512];
  snprintf(part, sizeof part, "grad/%s.safetensors", name);
  golden_path(part, path);
  if (cn_weights_load(path, &weights, &err) != CENOTE_OK) fail_msg("%s", err.text);
  return weights;
}

static TrainerOptions options_of(const Case *c, uint32_t batch, uint32_t length)
{
  TrainerOptions options;
  trainer_defaults(&options);
  options.batch = batch;
  options.length = length;
  options.dropout = 0.0;
  options.learning_rate = c->lr;
  options.warmup_steps = c->warmup;
  options.b2 = c->b2;
  options.weight_decay = c->decay;
  options.clip = c->clip;
  options.skip_threshold = c->skip;
  options.ema_rate = c->ema;
  return options;
}

static Trainer *trainer_of(const CnWeights *weights, const TrainerOptions *options)
{
  Trainer *trainer;
  CenoteError err;
  if (trainer_new(weights, options, &trainer, &err) != CENOTE_OK) fail_msg("%s", err.text);
  return trainer;
}

/// |a - b| / |b|
static double relative(double a, double b)
{
  return fabs(a - b) / fabs(b);
}

static void check_tensors(const CnWeights *weights, Answers *answers, const real *grad)
{
  double wrong = 0.0;
  double whole = 0.0;
  for (size_t p = 0; p < weights->params.size; ++p) {
    const CnParam *param = &weights->params.param[p];
    float *want = numbers(answers, param->name, NULL);
    const real *got = grad + param->offset;
    double most = 0.0;
    double largest = 0.0;
    for (size_t i = 0; i < param->count; ++i) {
      const double d = (double)got[i] - (double)want[i];
      wrong += d * d;
      whole += (double)want[i] * (double)want[i];
      most = fmax(most, isnan(d) ? (double)INFINITY : fabs(d));
      largest = fmax(largest, fabs((double)want[i]));
    }
    // Small ones count too: each tensor by its own largest number. (Where |a| is almost 1, a
    // missing bound on a slope is a factor of 2 to 3 in numbers that the whole norm does not see.)
    const double room = sizeof(real) == 8 ? 1e-6 : 1e-4;
    if (!(most <= room * largest + 1e-12))
      fail_msg("%s: off by %g of %g", param->name, most, largest);
    if (strstr(param->name, "a_real") || strstr(param->name, "gate_a")) {
      for (size_t i = 0; i < param->count; ++i) {
        const double d = fabs((double)got[i] - (double)want[i]);
        const double one = (sizeof(real) == 8 ? 1e-5 : 1e-2) * fabs((double)want[i]);
        if (d > one + (sizeof(real) == 8 ? 1e-9 : 1e-6) * largest)
          fail_msg("%s[%zu] is %g, want %g", param->name, i, (double)got[i], (double)want[i]);
      }
    }
    free(want);
  }
  const double part = sqrt(wrong / whole);
  if (!(part < gradient_tolerance)) fail_msg("gradient off by %.2g of its norm", part);
}

static void check_gradient(const char *name, uint32_t threads, uint64_t memory, uint32_t rows)
{
  CnWeights weights = weights_of(name);
  Answers answers;
  answers_open(&answers, name, ".grad");
  uint32_t batch;
  uint32_t length;
  uint8_t *codes = codes_of(&answers, &batch, &length);
  TrainerOptions options = options_of(&cases[0], batch, length);
  options.threads = threads;
  options.memory_bytes = memory;
  options.item_rows = rows;
  Trainer *trainer = trainer_of(&weights, &options);
  real *grad = malloc((size_t)weights.params.floats * sizeof *grad);
  assert_non_null(grad);
  StepResult result;
  trainer_gradient(trainer, codes, NULL, grad, &result);
  float *bits = numbers(&answers, "loss_bits", NULL);
  assert_true(relative(result.loss_bits, (double)bits[0]) < result_tolerance);
  check_tensors(&weights, &answers, grad);
  free(bits);
  free(grad);
  free(codes);
  trainer_free(trainer);
  cn_file_close(&answers.file);
  cn_weights_clear(&weights);
}

static void gradients_equal_the_golden_ones(void **state)
{
  (void)state;
  for (size_t i = 0; i < CASES; ++i) check_gradient(cases[i].name, 1, 0, 0);
}

/// Down to items of one unit, whose convs look into each other's rows.
static void gradients_hold_however_work_is_cut(void **state)
{
  (void)state;
  for (uint32_t rows = 1; rows < 64; rows = 3 * rows + 2)
    for (uint32_t threads = 1; threads < 4; ++threads)
      for (size_t i = 0; i < CASES; ++i) check_gradient(cases[i].name, threads, 0, rows);
}

/// The least memory that the plan allows, found by asking for too little.
static uint64_t least_memory(const char *name)
{
  CnWeights weights = weights_of(name);
  Answers answers;
  answers_open(&answers, name, ".grad");
  uint32_t batch;
  uint32_t length;
  free(codes_of(&answers, &batch, &length));
  TrainerOptions options = options_of(&cases[0], batch, length);
  options.item_rows = 8;
  TrainerPlan plan;
  CenoteError err;
  uint64_t low = 1;
  uint64_t high = 1 << 28;
  while (low < high) {
    options.memory_bytes = (low + high) / 2;
    if (trainer_plan(&weights.config, &options, &plan, &err) == CENOTE_OK)
      high = options.memory_bytes;
    else low = options.memory_bytes + 1;
  }
  options.memory_bytes = low;
  assert_int_equal(trainer_plan(&weights.config, &options, &plan, &err), CENOTE_OK);
  assert_int_equal(plan.recomputed, plan.blocks);
  assert_int_equal(plan.clips_at_once, 1);
  cn_file_close(&answers.file);
  cn_weights_clear(&weights);
  return low;
}

static void gradients_hold_in_the_least_memory(void **state)
{
  (void)state;
  for (size_t i = 0; i < CASES; ++i)
    check_gradient(cases[i].name, 1, least_memory(cases[i].name), 8);
}

static void check_end(const CnWeights *weights, const char *name, const char *kind, const real *got,
                      double room)
{
  Answers answers;
  answers_open(&answers, name, kind);
  double most = 0.0;
  double square = 0.0;
  for (size_t p = 0; p < weights->params.size; ++p) {
    const CnParam *param = &weights->params.param[p];
    float *want = numbers(&answers, param->name, NULL);
    for (size_t i = 0; i < param->count; ++i) {
      const double one = fmax(1.0, fabs((double)want[i])); // the files are float32
      const double d = fabs((double)got[param->offset + i] - (double)want[i]) / one;
      most = fmax(most, d);
      square += d * d;
    }
    free(want);
  }
  const double mean = sqrt(square / (double)weights->params.floats);
  if (!(most < room && mean < 1e-7))
    fail_msg("%s%s: off by %.2g at most, %.2g as a rule", name, kind, most, mean);
  cn_file_close(&answers.file);
}

static void check_trace(const Case *c)
{
  CnWeights weights = weights_of(c->name);
  Answers answers;
  answers_open(&answers, c->name, ".trace");
  uint32_t batch;
  uint32_t length;
  uint8_t *codes = codes_of(&answers, &batch, &length);
  const TrainerOptions options = options_of(c, batch, length);
  Trainer *trainer = trainer_of(&weights, &options);
  float *bits = numbers(&answers, "loss_bits", NULL);
  float *norm = numbers(&answers, "grad_norm", NULL);
  float *lr = numbers(&answers, "lr", NULL);
  float *skipped = numbers(&answers, "skipped", NULL);
  for (size_t k = 0; k < 3; ++k) {
    StepResult result;
    trainer_step(trainer, codes + k * batch * length, NULL, NULL, &result);
    assert_true(relative(result.loss_bits, (double)bits[k]) < result_tolerance);
    assert_true(relative(result.grad_norm, (double)norm[k]) < result_tolerance);
    assert_true(fabs(result.lr - (double)lr[k]) <= 1e-7 * (double)lr[k]);
    assert_int_equal(result.skipped, skipped[k] != 0.0f);
    assert_int_equal(result.codes, batch * length);
  }
  const TrainerState end = trainer_state(trainer);
  // In float32 an element whose gradient is all noise may go either way: the reference's own port
  // strays by 1.6e-6.
  check_end(&weights, c->name, ".step", end.weights, sizeof(real) == 8 ? 2e-7 : 5e-6);
  check_end(&weights, c->name, ".ema", end.ema, sizeof(real) == 8 ? 2e-7 : 5e-6);
  free(bits);
  free(norm);
  free(lr);
  free(skipped);
  free(codes);
  trainer_free(trainer);
  cn_file_close(&answers.file);
  cn_weights_clear(&weights);
}

static void three_steps_equal_the_golden_ones(void **state)
{
  (void)state;
  for (size_t i = 0; i < CASES; ++i) check_trace(&cases[i]);
}

/// Whole-sequence logits have goldens of their own: here the trainer's loss goes by them.
static void eval_gives_the_golden_bits_however_it_is_cut(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    Golden golden = golden_open(*name);
    CnWeights weights;
    CenoteError err;
    if (cn_weights_load(golden.model, &weights, &err) != CENOTE_OK) fail_msg("%s", err.text);
    for (uint32_t length = 7; length < 400; length = length * 3 + 1) {
      TrainerOptions options = options_of(&cases[0], 1, length);
      options.threads = 2;
      options.item_rows = length / 3 + 1;
      Trainer *trainer = trainer_of(&weights, &options);
      const double bits =
          trainer_eval(trainer, true, golden.codes, golden.steps) / (double)golden.steps;
      if (!(fabs(bits - (double)golden.nll_bits) < 1e-5))
        fail_msg("%s by %u: %.7f bits, want %.7f", *name, length, bits, (double)golden.nll_bits);
      trainer_free(trainer);
    }
    cn_weights_clear(&weights);
    golden_close(&golden);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_equal_the_golden_ones),
      cmocka_unit_test(gradients_hold_however_work_is_cut),
      cmocka_unit_test(gradients_hold_in_the_least_memory),
      cmocka_unit_test(three_steps_equal_the_golden_ones),
      cmocka_unit_test(eval_gives_the_golden_bits_however_it_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
