// SPDX-License-Identifier: ISC
// Each layer alone. In double, every gradient against central differences; in both kinds of number,
// every table of kernels against the plain one, at odd sizes.
#include "layer_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static real inputs[PARTS][MOST];
static real gradients[PARTS][MOST];
static real outputs[MOST];
static real weights[MOST];

static real *const in[PARTS] = {inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5]};
static real *const din[PARTS] = {gradients[0], gradients[1], gradients[2],
                                 gradients[3], gradients[4], gradients[5]};

/// From -1 to 1, always the same.
static real dice(uint32_t *state)
{
  *state = *state * 1664525u + 1013904223u;
  return (real)((double)(*state >> 8) * 0x1p-23 - 1.0);
}

static void fill(const Layer *l)
{
  uint32_t state = 1;
  for (size_t p = 0; p < PARTS; ++p) {
    assert_true(l->part[p] + OPS_SLACK <= MOST);
    for (size_t i = 0; i < l->part[p]; ++i) inputs[p][i] = 2 * dice(&state);
  }
  layer_fit(l, in);
  for (size_t i = 0; i < MOST; ++i) weights[i] = dice(&state);
}

static void run(const Ops *ops, const Layer *l)
{
  l->forward(ops, l, in, outputs);
  memset(gradients, 0, sizeof gradients);
  l->backward(ops, l, in, outputs, weights, din);
}

#ifdef TRAINER_DOUBLE
static double objective(const Ops *ops, const Layer *l)
{
  double sum = 0.0;
  l->forward(ops, l, in, outputs);
  for (size_t i = 0; i < l->outputs; ++i) sum += outputs[i] * weights[i];
  return sum;
}

static void check_layer(const Ops *ops, const Layer *l)
{
  const double step = 1e-5;
  fill(l);
  run(ops, l);
  double largest = 0.0;
  for (size_t p = 0; p < PARTS; ++p)
    for (size_t i = 0; i < l->part[p]; ++i) largest = fmax(largest, fabs(gradients[p][i]));
  assert_true(largest > 0.0);
  for (size_t p = 0; p < PARTS; ++p) {
    for (size_t i = 0; i < l->part[p]; ++i) {
      const real old = inputs[p][i];
      inputs[p][i] = old + step;
      const double above = objective(ops, l);
      inputs[p][i] = old - step;
      const double below = objective(ops, l);
      inputs[p][i] = old;
      const double slope = (above - below) / (2.0 * step);
      if (!(fabs(slope - gradients[p][i]) < 1e-6 * fmax(1.0, largest)))
        fail_msg("%s, %s, part %zu, number %zu: %.9g, by differences %.9g", ops->name, l->name, p,
                 i, gradients[p][i], slope);
    }
  }
}

static void gradients_are_slopes(void **state)
{
  (void)state;
  for (const Ops *const *ops = ops_all(); *ops; ++ops)
    for (size_t i = 0; (*ops)->usable() && i < layers_count; ++i) check_layer(*ops, &layers[i]);
}
#endif

static double distance(const real *a, const real *b, size_t n)
{
  double most = 0.0;
  for (size_t i = 0; i < n; ++i) {
    const double d = fabs((double)a[i] - (double)b[i]) / fmax(1.0, fabs((double)a[i]));
    if (!(d <= most)) most = isnan(d) ? (double)INFINITY : d;
  }
  return most;
}

/// Tables differ in the order of sums, and by bfloat16's 2^-9 in each factor of a product.
static void tables_agree(void **state)
{
  (void)state;
  const Ops *plain = NULL;
  for (const Ops *const *ops = ops_all(); *ops; ++ops)
    if (strcmp((*ops)->name, "plain") == 0) plain = *ops;
  assert_non_null(plain);
  for (size_t i = 0; i < layers_count; ++i) {
    const Layer *l = &layers[i];
    fill(l);
    run(plain, l);
    static real want[MOST];
    static real slopes[PARTS][MOST];
    memcpy(want, outputs, sizeof want);
    memcpy(slopes, gradients, sizeof slopes);
    for (const Ops *const *ops = ops_all(); *ops; ++ops) {
      if (!(*ops)->usable()) continue;
      double least = sizeof(real) == 8 ? 1e-13 : 2e-5;
      if (l->product && (*ops)->bfloat16) least = 0.1;
      run(*ops, l);
      double off = distance(outputs, want, l->outputs);
      for (size_t p = 0; p < PARTS; ++p)
        off = fmax(off, distance(gradients[p], slopes[p], l->part[p]));
      if (!(off < least)) fail_msg("%s, %s: off by %g", (*ops)->name, l->name, off);
    }
  }
}

/// A quarter dropped, the rest scaled, other dice for other rows and keys, and the same ones again.
static void dropout_drops_its_share(void **state)
{
  (void)state;
  enum { ROWS = 61, WIDTH = 40 };
  const size_t count = (size_t)ROWS * WIDTH;
  static real first[MOST];
  static real again[MOST];
  for (const Ops *const *ops = ops_all(); *ops; ++ops) {
    if (!(*ops)->usable()) continue;
    for (size_t i = 0; i < count; ++i) inputs[0][i] = 3;
    (*ops)->dropout(NULL, inputs[0], ROWS, WIDTH, 7, 100, 16384, (real)4 / 3, first);
    size_t dropped = 0;
    for (size_t i = 0; i < count; ++i) {
      assert_true(first[i] == 0 || fabs((double)first[i] - 4.0) < 1e-6);
      dropped += first[i] == 0;
    }
    assert_in_range(dropped, count / 4 - 80, count / 4 + 80); // 3.7 deviations
    (*ops)->dropout(inputs[0], inputs[0], ROWS - 1, WIDTH, 7, 101, 16384, (real)4 / 3, again);
    for (size_t i = 0; i < count - WIDTH; ++i)
      assert_true(fabs((double)(again[i] - first[i + WIDTH]) - 3.0) < 1e-6);
    (*ops)->dropout(NULL, inputs[0], ROWS, WIDTH, 8, 100, 16384, (real)4 / 3, again);
    assert_memory_not_equal(first, again, count * sizeof *first);
    (*ops_all()[0]).dropout(NULL, inputs[0], ROWS, WIDTH, 7, 100, 16384, (real)4 / 3, again);
    assert_memory_equal(first, again, count * sizeof *first); // by any table
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
#ifdef TRAINER_DOUBLE
      cmocka_unit_test(gradients_are_slopes),
#endif
      cmocka_unit_test(tables_agree),
      cmocka_unit_test(dropout_drops_its_share),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
