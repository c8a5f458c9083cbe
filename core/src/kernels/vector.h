// SPDX-License-Identifier: ISC
// The element-by-element kernels, written once for vectors of any width. The including file has
// product.h before it, and defines
// what elementary.h asks for, and
//   LANES                       numbers in a Real: 4, 8 or 16
//   load(p), store(p, v)        any alignment
//   load_rest(p, n)             the first n (< LANES) numbers, zeros behind them
//   store_rest(p, v, n)
//   sqrt_real(v)
//   sum16(part)                 of 16 numbers in `Real part[PARTS]`, by halves
//   most_bits(a, b), largest(a) of unsigned numbers below 2^31: the larger of each two, of all
// and after it diagonal_granule.
// All results are those of kernels_scalar.c, bit for bit.
#ifndef CN_VECTOR_H
#define CN_VECTOR_H

#include <math.h>
#include <string.h>

/// Numbers of x[n] that a granule's vector q still has, from number `at` on.
static inline uint32_t rest_of(uint32_t n, uint32_t at)
{
  return n <= at ? 0 : n - at < LANES ? n - at : LANES;
}

static inline Real load_some(const float *from, uint32_t n)
{
  return n >= LANES ? load(from) : load_rest(from, n);
}

static inline void store_some(float *to, Real x, uint32_t n)
{
  if (n >= LANES) store(to, x);
  else store_rest(to, x, n);
}

// Loops are written with a constant `whole`, whether n is a whole number of vectors, and inlined
// for both, so that the usual case tests nothing within its loop.

/// Each vector i of n numbers, m of them there.
#define EACH_VECTOR(whole)                                                                         \
  for (uint32_t i = 0, m = (whole) ? LANES : rest_of(n, 0); i < n;                                 \
       i += LANES, m = (whole) ? LANES : rest_of(n, i))

static float sum_of(const float *x, uint32_t n)
{
  Real part[PARTS] = {{0}};
  uint32_t i = 0;
  for (; i + CN_GRANULE <= n; i += CN_GRANULE)
    for (int q = 0; q < PARTS; ++q) part[q] += load(x + i + q * LANES);
  for (int q = 0; i < n && q < PARTS; ++q, i += LANES) part[q] += load_some(x + i, rest_of(n, i));
  return sum16(part);
}

/// Sum of (x - mean)^2.
static float sum_of_squares(const float *x, float mean, uint32_t n)
{
  Real part[PARTS] = {{0}};
  const Real centre = SPLAT(mean);
  uint32_t i = 0;
  for (; i + CN_GRANULE <= n; i += CN_GRANULE) {
    for (int q = 0; q < PARTS; ++q) {
      const Real away = load(x + i + q * LANES) - centre;
      part[q] += away * away;
    }
  }
  if (i == n) return sum16(part);
  float rest[CN_GRANULE] = {0};
  for (uint32_t k = 0; i + k < n; ++k) rest[k] = (x[i + k] - mean) * (x[i + k] - mean);
  for (int q = 0; q < PARTS; ++q) part[q] += load(rest + q * LANES);
  return sum16(part);
}

static ALWAYS_INLINE void scale_by(float *restrict y, const float *restrict x, float mean,
                                   float scale, const float *weight, const float *bias, bool whole,
                                   uint32_t n)
{
  EACH_VECTOR(whole)
  {
    const Real away = (load_some(x + i, m) - SPLAT(mean)) * SPLAT(scale);
    store_some(y + i, away * load_some(weight + i, m) + load_some(bias + i, m), m);
  }
}

static void layer_norm(float *restrict y, const float *restrict x, const float *weight,
                       const float *bias, uint32_t n)
{
  const float share = 1.0f / (float)n;
  const float mean = sum_of(x, n) * share;
  const float scale = 1.0f / sqrtf(sum_of_squares(x, mean, n) * share + 1e-6f);
  if (n % LANES == 0) scale_by(y, x, mean, scale, weight, bias, true, n);
  else scale_by(y, x, mean, scale, weight, bias, false, n);
}

static void rms_norm(float *restrict y, const float *restrict x, const float *weight, uint32_t n)
{
  const float share = 1.0f / (float)n;
  const float scale = 1.0f / sqrtf(sum_of_squares(x, 0.0f, n) * share + 1e-6f);
  EACH_VECTOR(false)
  store_some(y + i, load_some(x + i, m) * SPLAT(scale) * load_some(weight + i, m), m);
}

/// All ones in the first m (< LANES) lanes.
static inline Bits lanes_below(uint32_t m)
{
  Bits mask = {0};
  for (uint32_t lane = 0; lane < m && lane < LANES; ++lane) mask[lane] = 0xffffffffu;
  return mask;
}

static inline Bits size_bits(Real x)
{
  return AS_BITS(x) & 0x7fffffffu;
}

/// Bits of the largest size in x[n].
static uint32_t most_of(const float *x, uint32_t n)
{
  Bits most = AS_BITS(SPLAT(CN_LEAST));
  EACH_VECTOR(false) most = most_bits(most, size_bits(load_some(x + i, m)));
  return largest(most);
}

/// Sums of a granule of x, at most n numbers of it, and of their squares.
static ALWAYS_INLINE void sum_granule(const float *x, uint32_t n, Real sum[PARTS],
                                      Real square[PARTS])
{
  UNROLL for (int q = 0; q < PARTS; ++q)
  {
    const Real numbers = load_some(x + q * LANES, rest_of(n, (uint32_t)q * LANES));
    sum[q] += numbers;
    square[q] += numbers * numbers;
  }
}

/// Sums of x[n] and of its squares, each in two: of the granules of even and of odd number.
static ALWAYS_INLINE void sum_both(const float *x, uint32_t n, float *sum, float *square)
{
  Real even[PARTS] = {{0}};
  Real odd[PARTS] = {{0}};
  Real even2[PARTS] = {{0}};
  Real odd2[PARTS] = {{0}};
  uint32_t i = 0;
  for (; i + 2 * CN_GRANULE <= n; i += 2 * CN_GRANULE) {
    sum_granule(x + i, CN_GRANULE, even, even2);
    sum_granule(x + i + CN_GRANULE, CN_GRANULE, odd, odd2);
  }
  if (i < n) sum_granule(x + i, n - i, even, even2);
  if (i + CN_GRANULE < n) sum_granule(x + i + CN_GRANULE, n - i - CN_GRANULE, odd, odd2);
  UNROLL for (int q = 0; q < PARTS; ++q)
  {
    even[q] += odd[q];
    even2[q] += odd2[q];
  }
  *sum = sum16(even);
  *square = sum16(even2);
}

static ALWAYS_INLINE uint32_t norm_some(float *restrict y, const float *restrict x,
                                        const float *weight, const float *bias, bool whole,
                                        uint32_t n)
{
  float sum;
  float square;
  sum_both(x, n, &sum, &square);
  const float share = 1.0f / (float)n;
  const float mean = sum * share;
  const float spread = square * share - mean * mean;
  const float scale = 1.0f / sqrtf((spread < 0.0f ? 0.0f : spread) + 1e-6f);
  Bits most = AS_BITS(SPLAT(CN_LEAST));
  EACH_VECTOR(whole)
  {
    const Real away = (load_some(x + i, m) - SPLAT(mean)) * SPLAT(scale);
    const Real z = away * load_some(weight + i, m) + load_some(bias + i, m);
    most = most_bits(most, whole ? size_bits(z) : size_bits(z) & lanes_below(m));
    store_some(y + i, z, m);
  }
  return largest(most);
}

static uint32_t layer_norm_brief(float *restrict y, const float *restrict x, const float *weight,
                                 const float *bias, uint32_t n)
{
  return n % LANES == 0 ? norm_some(y, x, weight, bias, true, n)
                        : norm_some(y, x, weight, bias, false, n);
}

static ALWAYS_INLINE void gate_some(float *restrict y, const float *restrict g, bool whole,
                                    uint32_t n)
{
  EACH_VECTOR(whole)
  store_some(y + i, load_some(y + i, m) * gelu_real(load_some(g + i, m)), m);
}

static void gate(float *restrict y, const float *restrict g, uint32_t n)
{
  if (n % LANES == 0) gate_some(y, g, true, n);
  else gate_some(y, g, false, n);
}

static ALWAYS_INLINE uint32_t gate_brief_some(float *restrict y, const float *restrict g,
                                              bool whole, uint32_t n)
{
  Bits most = AS_BITS(SPLAT(CN_LEAST));
  EACH_VECTOR(whole)
  {
    // Beyond the last number both are 0.
    const Real z = load_some(y + i, m) * gelu_brief(load_some(g + i, m));
    most = most_bits(most, size_bits(z));
    store_some(y + i, z, m);
  }
  return largest(most);
}

static uint32_t gate_brief(float *restrict y, const float *restrict g, uint32_t n)
{
  return n % LANES == 0 ? gate_brief_some(y, g, true, n) : gate_brief_some(y, g, false, n);
}

/// y[n] = function of x, on vectors.
#define APPLY(function, x)                                                                         \
  for (uint32_t i = 0; i < n; i += LANES)                                                          \
    store_some(y + i, function(load_some(x + i, rest_of(n, i))), rest_of(n, i));

static void gelu(float *y, uint32_t n, bool brief)
{
  if (brief) APPLY(gelu_brief, y)
  else APPLY(gelu_real, y)
}

static ALWAYS_INLINE void add_some(float *restrict y, const float *restrict x, bool whole,
                                   uint32_t n)
{
  EACH_VECTOR(whole) store_some(y + i, load_some(y + i, m) + load_some(x + i, m), m);
}

static void add(float *restrict y, const float *restrict x, uint32_t n)
{
  if (n % LANES == 0) add_some(y, x, true, n);
  else add_some(y, x, false, n);
}

static void multiply_add(float *restrict y, const float *restrict w, const float *restrict x,
                         uint32_t n)
{
  EACH_VECTOR(false)
  store_some(y + i, load_some(y + i, m) + load_some(w + i, m) * load_some(x + i, m), m);
}

/// y[16] = rows `row` to row + 15 of m x + bias.
static inline void diagonal_granule(float *restrict y, const CnDiagonal *m, uint32_t row,
                                    const float *restrict x);

static void diagonal(float *restrict y, const CnDiagonal *m, const float *restrict x)
{
  const uint32_t rows = m->blocks * m->rows;
  for (uint32_t row = 0; row < rows; row += CN_GRANULE) diagonal_granule(y + row, m, row, x);
}

/// Rows of a granule whose blocks lie anyhow, a number at a time.
static inline void diagonal_rows(float *restrict y, const CnDiagonal *m, uint32_t row,
                                 uint32_t rows, const float *restrict x)
{
  const uint32_t all = m->blocks * m->rows;
  for (const uint32_t end = row + rows < all ? row + rows : all; row < end; ++row, ++y) {
    const float *w = m->weight + (size_t)(row / CN_GRANULE) * m->cols * CN_GRANULE;
    const float *in = x + (size_t)(row / m->rows) * m->cols;
    float sum = 0.0f;
    for (uint32_t j = 0; j < m->cols; ++j) sum += w[j * CN_GRANULE + row % CN_GRANULE] * in[j];
    *y = sum + m->bias[row];
  }
}

#include "kernels/recurrences.h"

/// cn_exp of rt/dmath.h, on vectors: the same operations in the same order.
typedef double Wide __attribute__((vector_size(4 * LANES)));
typedef float Half __attribute__((vector_size(2 * LANES)));
typedef uint64_t WideBits __attribute__((vector_size(4 * LANES)));

static inline Wide exp_wide(Wide x)
{
  const Wide zero = {0};
  const Wide magic = zero + 0x1.8p52;
  const WideBits tiny = (WideBits)(x < zero - 700.0);
  const Wide low = (Wide)(((WideBits)(zero - 700.0) & tiny) | ((WideBits)x & ~tiny));
  const Wide shifted = low * 1.4426950408889634074 + magic;
  const Wide n = shifted - magic;
  const Wide r = (low - n * 0.69314718036912381649) - n * 1.9082149292705878161e-10;
  Wide p = zero + 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  const Wide scale = (Wide)(((WideBits)shifted + 1023) << 52);
  const Wide result = scale + scale * (r + r * r * p);
  return (Wide)((WideBits)result & ~tiny);
}

static void weigh(double *restrict y, const float *restrict x, double top, double temperature,
                  uint32_t n)
{
  for (uint32_t i = 0; i < n; i += LANES / 2) {
    Half half;
    memcpy(&half, x + i, sizeof half);
    Wide wide = __builtin_convertvector(half, Wide) - top;
    if (temperature != 1.0) wide /= temperature;
    wide = exp_wide(wide);
    memcpy(y + i, &wide, sizeof wide);
  }
}

static void exp_all(float *y, const float *x, uint32_t n)
{
  APPLY(exp_real, x)
}

static void expm1_all(float *y, const float *x, uint32_t n)
{
  APPLY(expm1_real, x)
}

static void sigmoid_all(float *y, const float *x, uint32_t n)
{
  APPLY(sigmoid_real, x)
}

static void sincos_all(float *s, float *c, const float *x, uint32_t n)
{
  for (uint32_t i = 0; i < n; i += LANES) {
    const uint32_t m = rest_of(n, i);
    Real sine;
    Real cosine;
    sincos_real(load_some(x + i, m), &sine, &cosine);
    store_some(s + i, sine, m);
    store_some(c + i, cosine, m);
  }
}

/// The table's entries; the including file names it.
#define VECTOR_KERNELS                                                                             \
  .narrow = narrow, .diagonal = diagonal, .diagonals = diagonals, .weigh = weigh,                  \
  .layer_norm = layer_norm, .rms_norm = rms_norm, .gate = gate, .gate_brief = gate_brief,          \
  .layer_norm_brief = layer_norm_brief, .gelu = gelu, .add = add, .multiply_add = multiply_add,    \
  .rglru = rglru, .lru = lru, .exp = exp_all, .expm1 = expm1_all, .sigmoid = sigmoid_all,          \
  .sincos = sincos_all

#endif
