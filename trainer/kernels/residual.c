// SPDX-License-Identifier: ISC
// The row-wise parts of a residual block: norm, gelu, dropout.
#include "kernels/isa.h"

#include "kernels/scalar.h"

#define EPS ((real)1e-6)

static inline void apply(const real *x, size_t width, const real *weight, const real *bias,
                         real mean, real scale, real *restrict y)
{
  if (bias)
    for (size_t i = 0; i < width; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
  else
    for (size_t i = 0; i < width; ++i) y[i] = (x[i] - mean) * scale * weight[i];
}

void OP(norm)(const real *x, size_t rows, size_t width, const real *weight, const real *bias,
              bool rms, real *restrict y, real *restrict stats)
{
  const real part = (real)1 / (real)width;
  for (size_t t = 0; t < rows; ++t, x += width, y += width, stats += 2) {
    real mean = 0;
    real square = 0;
    if (!rms) {
#pragma omp simd reduction(+ : mean)
      for (size_t i = 0; i < width; ++i) mean += x[i];
      mean *= part;
    }
#pragma omp simd reduction(+ : square)
    for (size_t i = 0; i < width; ++i) square += (x[i] - mean) * (x[i] - mean);
    const real scale = (real)1 / root(square * part + EPS);
    stats[0] = mean;
    stats[1] = scale;
    apply(x, width, weight, bias, mean, scale, y);
  }
}

void OP(norm_again)(const real *x, size_t rows, size_t width, const real *weight, const real *bias,
                    const real *stats, real *restrict y)
{
  for (size_t t = 0; t < rows; ++t, x += width, y += width, stats += 2)
    apply(x, width, weight, bias, stats[0], stats[1], y);
}

void OP(norm_back)(const real *x, const real *dy, const real *stats, size_t rows, size_t width,
                   const real *weight, bool rms, real *restrict dx, real *restrict dweight,
                   real *restrict dbias)
{
  const real part = (real)1 / (real)width;
  for (size_t t = 0; t < rows; ++t, x += width, dy += width, dx += width, stats += 2) {
    const real mean = stats[0];
    const real scale = stats[1];
    real sum = 0;
    real along = 0; // of the gradient along the normed row
#pragma omp simd reduction(+ : sum, along)
    for (size_t i = 0; i < width; ++i) {
      const real g = dy[i] * weight[i];
      sum += g;
      along += g * ((x[i] - mean) * scale);
    }
    sum = rms ? 0 : sum * part;
    along *= part;
    for (size_t i = 0; i < width; ++i) {
      const real n = (x[i] - mean) * scale;
      dweight[i] += dy[i] * n;
      dx[i] += scale * (dy[i] * weight[i] - sum - n * along);
    }
    if (dbias)
      for (size_t i = 0; i < width; ++i) dbias[i] += dy[i];
  }
}

void OP(gelu)(const real *b, const real *g, size_t n, real *restrict z)
{
  if (g)
    for (size_t i = 0; i < n; ++i) z[i] = b[i] * gelu_real(g[i]);
  else
    for (size_t i = 0; i < n; ++i) z[i] = gelu_real(b[i]);
}

/// gelu(v) and its slope: v s and s + v s (1 - s) of twice the angle's slope, s its sigmoid.
static inline real gelu_slope(real v, real *slope)
{
  const real twice = (real)1.5957691216057308;
  const real cubic = (real)0.044715;
  const real s = sigmoid_real(twice * (v + cubic * (v * v * v)));
  *slope = s + v * s * ((real)1 - s) * (twice * ((real)1 + (real)3 * cubic * (v * v)));
  return v * s;
}

void OP(gelu_back)(const real *b, const real *g, size_t n, real *restrict dz, real *restrict z,
                   real *restrict dg)
{
  if (!g) {
    for (size_t i = 0; i < n; ++i) {
      real slope;
      z[i] = gelu_slope(b[i], &slope);
      dz[i] *= slope;
    }
    return;
  }
  for (size_t i = 0; i < n; ++i) {
    real slope;
    const real open = gelu_slope(g[i], &slope);
    z[i] = b[i] * open;
    dg[i] = dz[i] * b[i] * slope;
    dz[i] *= open;
  }
}

enum { THROWS = 16, HALF = 4 * THROWS, DICE = 2 * HALF };

/// 128 dice of 16 bits: Philox4x32-10 as core's, of counters 16 * number and on.
static void roll(uint64_t key, uint64_t number, uint32_t *restrict dice)
{
  for (uint32_t i = 0; i < THROWS; ++i) {
    uint32_t a = (uint32_t)(number * THROWS) + i; // no carry: THROWS divides 2^32
    uint32_t b = (uint32_t)(number * THROWS >> 32);
    uint32_t c = 0;
    uint32_t d = 0;
    uint32_t low = (uint32_t)key;
    uint32_t high = (uint32_t)(key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const uint64_t x = UINT64_C(0xd2511f53) * a;
      const uint64_t y = UINT64_C(0xcd9e8d57) * c;
      a = (uint32_t)(y >> 32) ^ b ^ low;
      b = (uint32_t)y;
      c = (uint32_t)(x >> 32) ^ d ^ high;
      d = (uint32_t)x;
      low += 0x9e3779b9u;
      high += 0xbb67ae85u;
    }
    dice[i] = a;
    dice[THROWS + i] = b;
    dice[2 * THROWS + i] = c;
    dice[3 * THROWS + i] = d;
  }
  for (int i = 0; i < HALF; ++i) dice[HALF + i] = dice[i] >> 16;
  for (int i = 0; i < HALF; ++i) dice[i] &= 0xffffu;
}

void OP(dropout)(const real *x, const real *y, size_t rows, size_t width, uint64_t key,
                 uint64_t first, uint32_t threshold, real scale, real *restrict out)
{
  // All numbers of all rows have their die; a row begins anywhere among 128.
  uint32_t dice[DICE];
  const size_t all = rows * width;
  for (size_t at = 0; at < all;) {
    const uint64_t number = first * width + at;
    const size_t from = (size_t)(number % DICE);
    const size_t count = all - at < DICE - from ? all - at : DICE - from;
    const real *base = x ? x + at : NULL;
    roll(key, number / DICE, dice);
    for (size_t i = 0; i < count; ++i)
      out[at + i] = dice[from + i] < threshold ? 0 : y[at + i] * scale;
    for (size_t i = 0; base && i < count; ++i) out[at + i] += base[i];
    at += count;
  }
}
