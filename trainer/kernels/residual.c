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

enum { DICE = 8, MOST_GROUPS = 4096 / DICE };

/// Philox4x32-10 as core's, for `groups` counters in a row: word[4][groups].
static void roll(uint64_t key, uint64_t counter, size_t groups, uint32_t *restrict word)
{
  for (size_t g = 0; g < groups; ++g) {
    uint32_t a = (uint32_t)(counter + g);
    uint32_t b = (uint32_t)((counter + g) >> 32);
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
    word[g] = a;
    word[groups + g] = b;
    word[2 * groups + g] = c;
    word[3 * groups + g] = d;
  }
}

void OP(dropout)(const real *x, const real *y, size_t rows, size_t width, uint64_t key,
                 uint64_t first, uint32_t threshold, real scale, real *out)
{
  // Each word is two dice: the low halves are those of the first 4 * groups features.
  uint32_t word[4 * MOST_GROUPS];
  const size_t groups = (width + DICE - 1) / DICE;
  for (size_t t = 0; t < rows; ++t, y += width, out += width) {
    roll(key, (first + t) * groups, groups, word);
    for (size_t half = 0; half < 2; ++half) {
      const size_t from = half * 4 * groups;
      const size_t count = width < from ? 0 : width - from < 4 * groups ? width - from : 4 * groups;
      for (size_t i = 0; i < count; ++i) {
        const uint32_t die = word[i] >> (16 * half) & 0xffffu;
        const real kept = die < threshold ? 0 : y[from + i] * scale;
        out[from + i] = x ? x[from + i] + kept : kept;
      }
    }
    if (x) x += width;
  }
}
