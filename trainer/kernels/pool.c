// SPDX-License-Identifier: ISC
// Conv pooling, forward and back: each feature is pooled by itself (MODEL.md section 4). With one
// feature in for one out the loops are plain vectors, which is why each has that case apart.
#include "kernels/isa.h"

void OP(pool_down)(const PoolShape *pool, const real *x, size_t rows, const real *weight,
                   const real *bias, real *restrict y)
{
  const size_t wide = pool->wide;
  const size_t features = pool->features;
  for (size_t m = 0; m < rows; ++m, y += wide) {
    for (size_t o = 0; o < wide; ++o) y[o] = bias[o];
    for (size_t j = 0; j < pool->factor; ++j, x += wide / features) {
      const real *w = weight + j * wide;
      if (features == 1)
        for (size_t o = 0; o < wide; ++o) y[o] += w[o] * x[o];
      else
        for (size_t o = 0; o < wide; ++o) y[o] += w[o] * x[o / features];
    }
  }
}

void OP(pool_up)(const PoolShape *pool, const real *y, size_t rows, const real *weight,
                 const real *bias, real *restrict x)
{
  const size_t wide = pool->wide;
  const size_t features = pool->features;
  const size_t width = wide / features;
  for (size_t m = 0; m < rows; ++m, y += wide) {
    for (size_t r = 0; r < pool->factor; ++r, x += width) {
      const real *w = weight + r * wide;
      if (features == 1) {
        for (size_t o = 0; o < wide; ++o) x[o] = bias[o] + w[o] * y[o];
        continue;
      }
      for (size_t c = 0; c < width; ++c) x[c] = bias[c];
      for (size_t o = 0; o < wide; ++o) x[o / features] += w[o] * y[o];
    }
  }
}

void OP(pool_down_back)(const PoolShape *pool, const real *x, const real *dy, size_t rows,
                        const real *weight, real *restrict dx, real *restrict dweight)
{
  const size_t wide = pool->wide;
  const size_t features = pool->features;
  const size_t width = wide / features;
  for (size_t m = 0; m < rows; ++m, dy += wide) {
    for (size_t j = 0; j < pool->factor; ++j, x += width, dx += width) {
      const real *w = weight + j * wide;
      real *restrict dw = dweight + j * wide;
      if (features == 1) {
        for (size_t o = 0; o < wide; ++o) dx[o] += w[o] * dy[o];
        for (size_t o = 0; o < wide; ++o) dw[o] += dy[o] * x[o];
      } else {
        for (size_t o = 0; o < wide; ++o) dx[o / features] += w[o] * dy[o];
        for (size_t o = 0; o < wide; ++o) dw[o] += dy[o] * x[o / features];
      }
    }
  }
}

void OP(pool_up_back)(const PoolShape *pool, const real *y, const real *dx, size_t rows,
                      const real *weight, real *restrict dy, real *restrict dweight)
{
  const size_t wide = pool->wide;
  const size_t features = pool->features;
  for (size_t m = 0; m < rows; ++m, y += wide, dy += wide) {
    for (size_t o = 0; o < wide; ++o) dy[o] = 0;
    for (size_t r = 0; r < pool->factor; ++r, dx += wide / features) {
      const real *w = weight + r * wide;
      real *restrict dw = dweight + r * wide;
      if (features == 1) {
        for (size_t o = 0; o < wide; ++o) dy[o] += w[o] * dx[o];
        for (size_t o = 0; o < wide; ++o) dw[o] += y[o] * dx[o];
      } else {
        for (size_t o = 0; o < wide; ++o) dy[o] += w[o] * dx[o / features];
        for (size_t o = 0; o < wide; ++o) dw[o] += y[o] * dx[o / features];
      }
    }
  }
}
