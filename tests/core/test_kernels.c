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

enum { ROWS_MOST = 16 * CN_GRANULE, COLS_MOST = 160, VOICES_MOST = CN_BATCH };

/// Room for vectors and results of some voices.
typedef struct Room {
  float x[VOICES_MOST][COLS_MOST + 16];
  float y[VOICES_MOST][ROWS_MOST];
  int32_t narrow[VOICES_MOST][COLS_MOST + 64];
  CnVector vector[VOICES_MOST];
} Room;

/// m of a table's own packing times the first `voices` vectors.
static void multiply(const CnKernels *k, const CnMatrix *m, Room *room, uint32_t voices, bool add)
{
  float *y[VOICES_MOST];
  const CnVector *x[VOICES_MOST];
  for (uint32_t v = 0; v < voices; ++v) {
    memset(room->y[v], 0x55, sizeof room->y[v]);
    memset(room->narrow[v], 0x55, sizeof room->narrow[v]);
    room->vector[v].narrow = room->narrow[v];
    k->narrow(&room->vector[v], m->form, room->x[v], m->cols, CN_UNKNOWN);
    y[v] = room->y[v];
    x[v] = &room->vector[v];
  }
  k->product(y, m, x, voices, add);
}

/// The scalar packing of random numbers, all of them possible ones. panel[bytes].
static CnMatrix random_matrix(CnForm form, uint32_t rows, uint32_t cols, uint32_t groups,
                              unsigned char *panel, size_t *bytes)
{
  CnMatrix m = {.form = form, .rows = rows, .cols = cols, .groups = groups, .panel = panel};
  uint32_t seed = rows + 7 * cols + 31 * groups;
  *bytes = 0;
  uint32_t granules;
  for (uint32_t row = 0; row < rows; row += granules * CN_GRANULE) {
    granules = (rows - row) / CN_GRANULE;
    if (granules > CN_PANEL) granules = CN_PANEL;
    unsigned char *at = panel + *bytes;
    const size_t words = cn_panel_bytes(&m, granules) / 4;
    for (size_t i = 0; i < words; ++i) {
      const bool weight = 4 * i < cn_panel_scales(&m, granules);
      float number = noise(&seed);
      uint32_t word;
      memcpy(&word, &number, sizeof word);
      if (weight && form == CN_FORM_BF16) word = (word & 0xffff0000u) | word >> 16;
      if (weight && (form == CN_FORM_INT8 || form == CN_FORM_INT4)) word = seed * 2654435761u;
      memcpy(at + 4 * i, &word, sizeof word);
      // Never -128; the extremes often.
      for (int b = 0; weight && form == CN_FORM_INT8 && b < 4; ++b)
        if (at[4 * i + (size_t)b] == 128 || seed % 5 == 0)
          at[4 * i + (size_t)b] = seed % 2 ? 127 : 129;
    }
    *bytes += cn_panel_bytes(&m, granules);
  }
  return m;
}

/// The table's packing of a matrix packed for the reference, in copy[bytes].
static CnMatrix repacked(const CnKernels *k, const CnMatrix *m, unsigned char *copy, size_t bytes)
{
  memcpy(copy, m->panel, bytes);
  size_t at = 0;
  uint32_t granules;
  for (uint32_t row = 0; row < m->rows; row += granules * CN_GRANULE) {
    granules = (m->rows - row) / CN_GRANULE;
    if (granules > CN_PANEL) granules = CN_PANEL;
    for (size_t i = 0; m->form == CN_FORM_INT8 && i < cn_panel_scales(m, granules); ++i)
      copy[at + i] ^= k->flip;
    at += cn_panel_bytes(m, granules);
  }
  CnMatrix own = *m;
  own.panel = copy;
  return own;
}

/// Every table's products by 1 to VOICES_MOST vectors are the reference's.
static void compare_products(const CnMatrix *m, size_t bytes, Room *want, Room *got,
                             unsigned char *copy, bool add)
{
  multiply(&cn_kernels_scalar, m, want, VOICES_MOST, add);
  EACH_TABLE
  {
    const CnMatrix own = repacked(k, m, copy, bytes);
    for (uint32_t voices = 1; voices <= VOICES_MOST; ++voices) {
      multiply(k, &own, got, voices, add);
      for (uint32_t v = 0; v < voices; ++v)
        if (memcmp(got->y[v], want->y[v], m->rows * sizeof(float)) != 0)
          fail_msg("%s, form %d, %u x %u in %u, voice %u of %u", k->name, m->form, m->rows, m->cols,
                   m->groups, v, voices);
    }
  }
}

static void products_equal_the_reference(void **state)
{
  (void)state;
  static const uint32_t size[] = {1, 2, 3, 5, 8, 15, 33, 64, 96, 128, 160};
  static const uint32_t granules[] = {1, 2, 3, 7, 8, 9, 13, 16};
  Room *want = calloc(1, sizeof *want);
  Room *got = calloc(1, sizeof *got);
  unsigned char *panel = aligned_alloc(64, ROWS_MOST * (COLS_MOST + 64) * 4);
  unsigned char *copy = aligned_alloc(64, ROWS_MOST * (COLS_MOST + 64) * 4);
  assert_true(want && got && panel && copy);
  for (int v = 0; v < VOICES_MOST; ++v)
    fill(want->x[v], COLS_MOST, 1.0f + (float)v, (uint32_t)v + 1);
  memcpy(got->x, want->x, sizeof want->x);
  for (int form = CN_FORM_F32; form <= CN_FORM_INT4; ++form) {
    for (size_t c = 0; c < sizeof size / sizeof *size; ++c) {
      for (size_t g = 0; g < sizeof granules / sizeof *granules; ++g) {
        const uint32_t rows = granules[g] * CN_GRANULE;
        size_t bytes;
        CnMatrix m = random_matrix((CnForm)form, rows, size[c], 1, panel, &bytes);
        compare_products(&m, bytes, want, got, copy, c % 2);
        if (form < CN_FORM_INT8 || size[c] % 64 != 0) continue;
        m = random_matrix((CnForm)form, rows, size[c], 2, panel, &bytes);
        compare_products(&m, bytes, want, got, copy, c % 2);
      }
    }
  }
  free(panel);
  free(copy);
  free(want);
  free(got);
}

static void narrow_vectors_equal_the_reference(void **state)
{
  (void)state;
  float x[80];
  int32_t want_room[144];
  int32_t got_room[144];
  EACH_TABLE
  {
    for (int form = CN_FORM_F32; form <= CN_FORM_INT8; ++form) {
      for (uint32_t n = 1; n <= 64; ++n) {
        fill(x, 80, n % 3 == 0 ? 1e-20f : 300.0f, n);
        if (n == 40) memset(x, 0, sizeof x);
        if (n == 41) x[20] = INFINITY;
        if (n == 42) x[41] = NAN;
        CnVector want = {.narrow = want_room};
        CnVector got = {.narrow = got_room};
        cn_kernels_scalar.narrow(&want, (CnForm)form, x, n, CN_UNKNOWN);
        k->narrow(&got, (CnForm)form, x, n, CN_UNKNOWN);
        assert_ptr_equal(got.wide, x);
        if (form == CN_FORM_BF16) assert_memory_equal(got_room, want_room, (n + 15) / 16 * 32);
        if (form != CN_FORM_INT8) continue;
        assert_memory_equal(&got.scale, &want.scale, sizeof got.scale);
        if (isnan(got.scale)) continue;
        assert_int_equal(got.total, want.total);
        assert_memory_equal(got_room, want_room, (n + 15) / 16 * 16);
      }
    }
  }
}

static void block_diagonals_of_odd_sizes_equal_the_reference(void **state)
{
  (void)state;
  enum { BLOCKS = 32, SIDE = 33 };
  float *weight = malloc((BLOCKS * SIDE + 32) * SIDE * sizeof *weight);
  static float bias[BLOCKS * SIDE + 16];
  static float x[BLOCKS * SIDE];
  static float want[BLOCKS * SIDE + CN_SLACK];
  static float got[BLOCKS * SIDE + CN_SLACK];
  static float also_want[BLOCKS * SIDE + CN_SLACK];
  static float also_got[BLOCKS * SIDE + CN_SLACK];
  assert_non_null(weight);
  fill(weight, (BLOCKS * SIDE + 32) * SIDE, 3.0f, 1);
  fill(bias, BLOCKS * SIDE + 16, 1.0f, 2);
  fill(x, BLOCKS * SIDE, 2.0f, 3);
  EACH_TABLE
  {
    for (uint32_t blocks = 1; blocks <= BLOCKS; blocks += 1 + blocks / 4) {
      for (uint32_t rows = 1; rows <= SIDE; ++rows) {
        for (uint32_t cols = 1; cols <= SIDE; cols += cols < 9 ? 1 : 8) {
          const CnDiagonal m = {blocks, rows, cols, bias, weight};
          cn_kernels_scalar.diagonal(want, &m, x);
          k->diagonal(got, &m, x);
          if (memcmp(got, want, blocks * rows * sizeof *got) != 0)
            fail_msg("%s: %u blocks of %u x %u", k->name, blocks, rows, cols);
          const CnDiagonal n = {blocks, rows, cols, bias, weight + 16 * cols};
          cn_kernels_scalar.diagonals(want, also_want, &m, &n, x);
          k->diagonals(got, also_got, &m, &n, x);
          if (memcmp(got, want, blocks * rows * sizeof *got) != 0 ||
              memcmp(also_got, also_want, blocks * rows * sizeof *got) != 0)
            fail_msg("%s: twice %u blocks of %u x %u", k->name, blocks, rows, cols);
        }
      }
    }
  }
  free(weight);
}

static void a_matrix_row_is_its_dot_product(void **state)
{
  (void)state;
  // Row 17 of 32: second granule, lane 1.
  enum { COLS = 5, ROWS = 2 * CN_GRANULE };
  float panel[ROWS * (COLS + 1)] = {0};
  float y[ROWS];
  float *to = y;
  const float x[COLS] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f};
  for (int j = 0; j < COLS; ++j) panel[j * ROWS + 17] = (float)(10 * j);
  panel[COLS * ROWS + 17] = 0.5f;
  const CnMatrix m = {.form = CN_FORM_F32, .rows = ROWS, .cols = COLS, .groups = 1, .panel = panel};
  const CnVector vector = {.wide = x};
  const CnVector *from = &vector;
  cn_kernels_scalar.product(&to, &m, &from, 1, false);
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
  float e[64];
  float want[64];
  float got[64];
  fill(x, 64, 4.0f, 1);
  fill(a, 64, 2.0f, 2);
  fill(b, 64, 2.0f, 3);
  fill(c, 64, 2.0f, 4);
  fill(d, 64, 6.0f, 5);
  fill(e, 64, 1.57f, 6);
  EACH_TABLE
  {
    for (uint32_t n = 1; n <= 32; ++n) {
      cn_kernels_scalar.layer_norm(want, x, a, b, n);
      k->layer_norm(got, x, a, b, n);
      assert_memory_equal(got, want, n * sizeof *got);
      cn_kernels_scalar.rms_norm(want, x, a, n);
      k->rms_norm(got, x, a, n);
      assert_memory_equal(got, want, n * sizeof *got);
      assert_int_equal(k->layer_norm_brief(got, x, a, b, n),
                       cn_kernels_scalar.layer_norm_brief(want, x, a, b, n));
      assert_memory_equal(got, want, n * sizeof *got);
      memcpy(want, x, sizeof x);
      memcpy(got, x, sizeof x);
      assert_int_equal(k->gate_brief(got, d, n), cn_kernels_scalar.gate_brief(want, d, n));
      assert_memory_equal(got, want, sizeof got);
      memcpy(want, x, sizeof x);
      memcpy(got, x, sizeof x);
      cn_kernels_scalar.gate(want, d, n);
      k->gate(got, d, n);
      cn_kernels_scalar.gelu(want, n, n % 2);
      k->gelu(got, n, n % 2);
      assert_memory_equal(got, want, sizeof got);
      for (int form = 0; form < 16; ++form) {
        for (uint32_t i = 0; i < n; ++i) c[i] = -fabsf(c[i]);
        const CnRecurrence r = {.units = n,
                                .input_norm = form & 1,
                                .near = form & 4,
                                .rate = c,
                                .angle = form & 2 ? form & 4 ? e : d : NULL,
                                .a_re = a,
                                .a_im = form & 2 ? b : NULL,
                                .rest_re = d,
                                .rest_im = form & 2 ? a : NULL,
                                .scale = b};
        cn_kernels_scalar.rglru(want, &r, x, a, b, form & 8);
        k->rglru(got, &r, x, a, b, form & 8);
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
      cmocka_unit_test(products_equal_the_reference),
      cmocka_unit_test(narrow_vectors_equal_the_reference),
      cmocka_unit_test(block_diagonals_of_odd_sizes_equal_the_reference),
      cmocka_unit_test(a_matrix_row_is_its_dot_product),
      cmocka_unit_test(norms_gates_and_recurrences_equal_the_reference),
      cmocka_unit_test(a_table_is_chosen_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
