// SPDX-License-Identifier: ISC
// Schedule, optimiser, first weights, and what a trainer refuses.
#include "optim.h"
#include "training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
  if (fabs(found - deviation) > 2.8 * deviation / sqrt(2.0 * n) + 1e-6)
    fail_msg("%s: deviation %g, want %g", name, found, deviation);
}

/// The weights of all blocks' `out` of a level together: variance 1 / (fan-in * branches).
static void check_share(const CnWeights *weights, const char *level, double branches)
{
  double sum = 0.0;
  double n = 0.0;
  for (size_t p = 0; p < weights->params.size; ++p) {
    const CnParam *param = &weights->params.param[p];
    if (strncmp(param->name, level, strlen(level)) != 0 || strstr(param->name, "rnn.") ||
        !strstr(param->name, ".out.weight"))
      continue;
    for (size_t i = 0; i < param->count; ++i) {
      const double x = (double)weights->data[param->offset + i];
      sum += x * x * param->dim[1] * branches;
    }
    n += (double)param->count;
  }
  assert_true(n > 1000.0);
  if (fabs(sum / n - 1.0) > 3.2 * sqrt(2.0 / n)) fail_msg("%s: variance off by %g", level, sum / n);
}

static void weights_begin_as_the_reference_has_it(void **state)
{
  (void)state;
  CnWeights a = training_init(3);
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
  check_share(&a, "levels.0.", 5.0);
  check_share(&a, "levels.1.", 9.0);
  const CnParam *radius = cn_weights_find(&a, "levels.2.blocks.0.rnn.a_real");
  const CnParam *angle = cn_weights_find(&a, "levels.2.blocks.0.rnn.a_imag");
  for (size_t i = 0; i < radius->count; ++i) {
    // softplus(a_real) = -ln r, with r from 0.9 to 0.99
    const double r = exp(-log1p(exp((double)a.data[radius->offset + i])));
    assert_true(r > 0.8999 && r < 0.9901);
    const double phi = (double)a.data[angle->offset + i];
    assert_true(phi >= 0.0 && phi < 0.1 * acos(-1.0));
  }
  CnWeights b = training_init(3);
  CnWeights c = training_init(4);
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
  weights = training_init(1);
  TrainerOptions o = training_options();
  TrainerPlan plan;
  o.carry = true;
  o.length = LENGTH + 1;
  assert_int_equal(trainer_plan(&weights.config, &o, &plan, &err), CENOTE_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "multiple of 8"));
  o = training_options();
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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rate_rises_then_holds_or_falls_as_a_cosine),
      cmocka_unit_test(slices_cover_all_once),
      cmocka_unit_test(adam_does_what_the_reference_says),
      cmocka_unit_test(weights_begin_as_the_reference_has_it),
      cmocka_unit_test(bad_configurations_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
