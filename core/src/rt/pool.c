// SPDX-License-Identifier: ISC
// Pooling between two levels, a step at a time (MODEL.md section 4). The unit that closes at a step
// is used at that very step, as row 0 of its outputs; rows 1, 2, ... serve the steps after it.
#include "rt/rt.h"

#include <string.h>

CENOTE_RT bool cn_pool_push(const CnKernels *kernels, const CnPool *pool, float *number,
                            uint32_t *phase, const float *x, float *part, float *pooled)
{
  float *sum = number + pool->sum_at;
  const uint32_t wide = pool->wide;
  if (*phase == 0) memcpy(sum, pool->down_bias, wide * sizeof *sum);
  if (pool->dense) {
    kernels->matvec(part, &pool->down_matrix[*phase], x);
    kernels->add(sum, part, wide);
  } else {
    const float *weight = pool->down + (size_t)*phase * wide;
    const uint32_t features = pool->features;
    for (uint32_t c = 0; c < pool->width; ++c)
      for (uint32_t k = 0; k < features; ++k)
        sum[c * features + k] += weight[c * features + k] * x[c];
  }
  *phase = *phase + 1 == pool->factor ? 0 : *phase + 1;
  if (*phase != 0) return false;
  memcpy(pooled, sum, wide * sizeof *sum);
  return true;
}

CENOTE_RT void cn_pool_take(const CnPool *pool, float *number, uint32_t *primed, const float *y)
{
  memcpy(number + pool->deep_at, y, pool->wide * sizeof *y);
  *primed = 1;
}

CENOTE_RT void cn_pool_pull(const CnKernels *kernels, const CnPool *pool, const float *number,
                            uint32_t phase, uint32_t primed, float *part, float *x)
{
  if (!primed) return;
  const float *deep = number + pool->deep_at;
  const uint32_t width = pool->width;
  if (pool->dense) {
    kernels->matvec(part, &pool->up_matrix[phase], deep);
  } else {
    const uint32_t features = pool->features;
    const float *weight = pool->up + (size_t)phase * features * width;
    memcpy(part, pool->up_bias, width * sizeof *part);
    for (uint32_t k = 0; k < features; ++k)
      for (uint32_t c = 0; c < width; ++c)
        part[c] += weight[(size_t)k * width + c] * deep[c * features + k];
  }
  kernels->add(x, part, width);
}
