// SPDX-License-Identifier: ISC
// Every usable kernel table against the scalar reference and against libm.
#include "kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4096 };

static float noise(uint32_t *seed)
{
  *seed = *seed * 1664525u + 1013904223u;
  return (float)(*seed >> 8) * 0x1p-23f - 1.0f;
}

static void fill(float *to, size_t n, float size, uint32_t seed)
{
  for (size_t i = 0; i < n; ++i) to[i] = size * noise(&seed);
}

/// Run `body` with `k` as each usable table but the reference.
#define EACH_TABLE                                                                                 \
  for (const CnKernels *const *at = cn_kernels_all(), *k = *at; k; k = *++at)                      \
    if (k->usable())

/// Largest error in ulp of the float result against a double reference over [low, high].
static double worst_ulp(void (*function)(float *, const float *, uint32_t),
                        double (*reference)(double), double low, double high)
{
  double worst = 0.0;
  float x[MOST];
  float y[MOST];
  for (int pass = 0; pass < 64; ++pass) {
    for (int i = 0; i < MOST; ++i)
      x[i] = (float)(low + (high - low) * (pass * MOST + i) / (64.0 * MOST - 1.0));
    function(y, x, MOST);
    for (int i = 0; i < MOST; ++i) {
      const double want = reference((double)x[i]);
      const double ulp =
          (double)nextafterf((float)fabs(want), INFINITY) - fabs((double)(float)want);
      const double off = fabs((double)y[i] - want) / ulp;
      if (!(off <= worst)) worst = off;
    }
  }
  return worst;
}

static double sigmoid_reference(double x)
{
  return 1.0 / (1.0 + exp(-x));
}

static void elementary_functions_keep_their_stated_errors(void **state)
{
  (void)state;
  EACH_TABLE
  {
    const double e = worst_ulp(k->exp, exp, -87.0, 88.0);
    const double near = worst_ulp(k->expm1, expm1, -1.0, 1.0);
    const double far = worst_ulp(k->expm1, expm1, -87.0, 87.0);
    const double s = worst_ulp(k->sigmoid, sigmoid_reference, -86.0, 86.0);
    print_message("%s: exp %.2f, expm1 %.2f and %.2f, sigmoid %.2f ulp\n", k->name, e, near, far,
                  s);
    assert_true(e <= 1.1);
    assert_true(near <= 2.0 && far <= 2.0);
    assert_true(s <= 2.5);
  }
}

static void sine_and_cosine_are_within_1e_7(void **state)
{
  (void)state;
  float x[MOST];
  float s[MOST];
  float c[MOST];
  EACH_TABLE
  {
    for (int pass = 0; pass < 64; ++pass) {
      for (int i = 0; i < MOST; ++i)
        x[i] = pass < 32 ? (float)((pass * MOST + i) * 1e-4) : (float)((i - MOST / 2) * 4.0 + pass);
      k->sincos(s, c, x, MOST);
      for (int i = 0; i < MOST; ++i) {
        assert_true(fabs((double)s[i] - sin((double)x[i])) < 1e-7);
        assert_true(fabs((double)c[i] - cos((double)x[i])) < 1e-7);
      }
    }
  }
}

static void functions_of_extremes_are_bounded_and_keep_nan(void **state)
{
  (void)state;
  const float x[5] = {INFINITY, -INFINITY, NAN, 3e38f, -3e38f};
  float y[5];
  float z[5];
  EACH_TABLE
  {
    k->sigmoid(y, x, 5);
    assert_true(y[0] == 1.0f && y[1] < 1e-37f && isnan(y[2]) && y[3] == 1.0f && y[4] < 1e-37f);
    k->exp(y, x, 5);
    assert_true(isfinite(y[0]) && y[1] > 0.0f && isnan(y[2]));
    k->sincos(y, z, x, 5);
    for (int i = 0; i < 5; ++i)
      assert_true(i == 2 ? isnan(y[i]) : fabsf(y[i]) <= 1.01f && fabsf(z[i]) <= 1.01f);
  }
}

static void matrices_of_odd_sizes_equal_the_reference(void **state)
{
  (void)state;
  static const uint32_t size[] = {1, 2, 3, 5, 15, 16, 17, 31, 33, 100};
  enum { SIZES = sizeof size / sizeof *size, ROOM = 112 };
  float *weight = malloc(ROOM * ROOM * sizeof *weight);
  float bias[ROOM];
  float x[ROOM];
  float want[ROOM];
  float got[ROOM];
  assert_non_null(weight);
  fill(weight, ROOM * ROOM, 3.0f, 1);
  fill(bias, ROOM, 1.0f, 2);
  fill(x, ROOM, 2.0f, 3);
  EACH_TABLE
  {
    for (uint32_t i = 0; i < SIZES * SIZES; ++i) {
      const CnMatrix m = {size[i / SIZES], size[i % SIZES], bias, weight};
      cn_kernels_scalar.matvec(want, &m, x);
      k->matvec(got, &m, x);
      assert_memory_equal(got, want, m.rows * sizeof *got);
    }
  }
  free(weight);
}

static void block_diagonals_of_odd_sizes_equal_the_reference(void **state)
{
  (void)state;
  float weight[4096];
  float bias[256];
  float x[256];
  float want[256];
  float got[256];
  fill(weight, 4096, 3.0f, 1);
  fill(bias, 256, 1.0f, 2);
  fill(x, 256, 2.0f, 3);
  EACH_TABLE
  {
    for (uint32_t rows = 1; rows <= 9; ++rows) {
      for (uint32_t cols = 1; cols <= 9; ++cols) {
        const CnDiagonal m = {7, rows, cols, bias, weight};
        cn_kernels_scalar.diagonal(want, &m, x);
        k->diagonal(got, &m, x);
        assert_memory_equal(got, want, 7 * rows * sizeof *got);
      }
    }
  }
}

static void a_matrix_row_is_its_dot_product(void **state)
{
  (void)state;
  // Row 17 of 18 rows: second panel, lane 1.
  enum { COLS = 5 };
  float weight[2 * CN_PANEL * COLS] = {0};
  float bias[2 * CN_PANEL] = {0};
  float y[2 * CN_PANEL];
  const float x[COLS] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f};
  for (int j = 0; j < COLS; ++j) weight[CN_PANEL * COLS + j * CN_PANEL + 1] = (float)(10 * j);
  bias[17] = 0.5f;
  const CnMatrix m = {18, COLS, bias, weight};
  cn_kernels_scalar.matvec(y, &m, x);
  assert_true(y[17] == 400.5f);
  assert_true(y[0] == 0.0f);
}

static void norms_gates_and_recurrences_equal_the_reference(void **state)
{
  (void)state;
  float x[64];
  float a[64];
  float b[64];
  float c[64];
  float d[64];
  float want[64];
  float got[64];
  fill(x, 64, 4.0f, 1);
  fill(a, 64, 2.0f, 2);
  fill(b, 64, 2.0f, 3);
  fill(c, 64, 2.0f, 4);
  fill(d, 64, 6.0f, 5);
  EACH_TABLE
  {
    for (uint32_t n = 1; n <= 32; ++n) {
      cn_kernels_scalar.layer_norm(want, x, a, b, n);
      k->layer_norm(got, x, a, b, n);
      assert_memory_equal(got, want, n * sizeof *got);
      cn_kernels_scalar.rms_norm(want, x, a, n);
      k->rms_norm(got, x, a, n);
      assert_memory_equal(got, want, n * sizeof *got);
      memcpy(want, x, sizeof x);
      memcpy(got, x, sizeof x);
      cn_kernels_scalar.gate(want, d, n);
      k->gate(got, d, n);
      cn_kernels_scalar.gelu(want, n);
      k->gelu(got, n);
      assert_memory_equal(got, want, sizeof got);
      for (int form = 0; form < 4; ++form) {
        for (uint32_t i = 0; i < n; ++i) c[i] = -fabsf(c[i]);
        const CnRecurrence r = {.units = n,
                                .input_norm = form & 1,
                                .rate = c,
                                .angle = form & 2 ? d : NULL,
                                .a_re = a,
                                .a_im = form & 2 ? b : NULL,
                                .rest_re = d,
                                .rest_im = form & 2 ? a : NULL,
                                .scale = b};
        cn_kernels_scalar.rglru(want, &r, x, a, b);
        k->rglru(got, &r, x, a, b);
        cn_kernels_scalar.lru(want, &r, x);
        k->lru(got, &r, x);
        assert_memory_equal(got, want, sizeof got);
      }
    }
  }
}

static void a_table_is_chosen_by_name(void **state)
{
  (void)state;
  assert_ptr_equal(cn_kernels_choose("scalar"), &cn_kernels_scalar);
  assert_ptr_equal(cn_kernels_choose("portable"), &cn_kernels_portable);
  assert_non_null(cn_kernels_choose(NULL));
  assert_null(cn_kernels_choose("abacus"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elementary_functions_keep_their_stated_errors),
      cmocka_unit_test(sine_and_cosine_are_within_1e_7),
      cmocka_unit_test(functions_of_extremes_are_bounded_and_keep_nan),
      cmocka_unit_test(matrices_of_odd_sizes_equal_the_reference),
      cmocka_unit_test(block_diagonals_of_odd_sizes_equal_the_reference),
      cmocka_unit_test(a_matrix_row_is_its_dot_product),
      cmocka_unit_test(norms_gates_and_recurrences_equal_the_reference),
      cmocka_unit_test(a_table_is_chosen_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
