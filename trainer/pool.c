// SPDX-License-Identifier: ISC
// Pooling between two levels (MODEL.md section 4). A unit's inputs lie one behind the other, and so
// do its outputs: as rows of [units][factor * width], both are one product when pooling is dense.
// The unit that closes at a step gives its first output to that very step.
#include "net.h"

#include <string.h>

static void down_conv(const Pool *pool, const float *unit, float *y)
{
  const uint32_t factor = pool->factor;
  for (uint32_t o = 0; o < pool->wide; ++o) {
    const float *weight = pool->down.weight + (size_t)o * factor;
    const float *x = unit + o / pool->features;
    float sum = pool->down.bias[o];
    for (uint32_t j = 0; j < factor; ++j) sum += weight[j] * x[(size_t)j * pool->width];
    y[o] = sum;
  }
}

static void up_conv(const Pool *pool, const float *y, float *unit)
{
  const uint32_t factor = pool->factor;
  for (uint32_t r = 0; r < factor; ++r) {
    float *x = unit + (size_t)r * pool->width;
    for (uint32_t c = 0; c < pool->width; ++c) {
      const size_t first = (size_t)c * pool->features;
      float sum = pool->up.bias[c];
      for (uint32_t k = 0; k < pool->features; ++k)
        sum += pool->up.weight[(first + k) * factor + r] * y[first + k];
      x[c] = sum;
    }
  }
}

size_t pool_down(const Pool *pool, PoolState *state, float *pooled, const float *x, size_t steps,
                 float *y)
{
  const size_t width = pool->width;
  const size_t each = pool->factor * width;
  memcpy(pooled, state->open, state->opened * width * sizeof *pooled);
  memcpy(pooled + state->opened * width, x, steps * width * sizeof *pooled);
  const size_t rows = state->opened + steps;
  const size_t units = rows / pool->factor;
  if (pool->dense) {
    linear_forward(&pool->down, pooled, each, units, y, pool->wide);
  } else {
    for (size_t m = 0; m < units; ++m) down_conv(pool, pooled + m * each, y + m * pool->wide);
  }
  state->opened = (uint32_t)(rows % pool->factor);
  memcpy(state->open, pooled + units * each, state->opened * width * sizeof *pooled);
  return units;
}

void pool_up(const Pool *pool, PoolState *state, float *pooled, const float *y, size_t units,
             float *x, size_t steps)
{
  const size_t width = pool->width;
  const size_t each = pool->factor * width;
  float *fresh = pooled + state->pending * width;
  memcpy(pooled, state->due, state->pending * width * sizeof *pooled);
  if (pool->dense) {
    linear_forward(&pool->up, y, pool->wide, units, fresh, each);
  } else {
    for (size_t m = 0; m < units; ++m) up_conv(pool, y + m * pool->wide, fresh + m * each);
  }
  for (size_t i = 0; i < steps * width; ++i) x[i] += pooled[i];
  state->pending = (uint32_t)(state->pending + units * pool->factor - steps);
  memcpy(state->due, pooled + steps * width, state->pending * width * sizeof *pooled);
}
