// SPDX-License-Identifier: ISC
// Pooling between two levels, a step at a time (MODEL.md section 4). The unit that closes at a step
// is used at that very step, as row 0 of its outputs; rows 1, 2, ... serve the steps after it.
#include "rt/rt.h"

#include <string.h>

CENOTE_RT bool cn_pool_push(const CnKernels *kernels, const CnPool *pool, uint32_t level,
                            CenoteVoice *voice)
{
  CnScratch *scratch = &voice->scratch;
  float *sum = voice->state->number + pool->sum_at;
  uint32_t *phase = &voice->state->phase[level];
  const float *x = scratch->x[level];
  const uint32_t wide = pool->wide;
  if (*phase == 0) memcpy(sum, pool->down_bias, wide * sizeof *sum);
  if (pool->dense) {
    cn_product(kernels, &pool->down_matrix[*phase], &voice, 1, &x, &scratch->mixed, false);
    kernels->add(sum, scratch->mixed, wide);
  } else {
    const float *weight = pool->down + (size_t)*phase * wide;
    if (pool->features == 1) kernels->multiply_add(sum, weight, x, wide);
    for (uint32_t o = 0; pool->features > 1 && o < wide; ++o)
      sum[o] += weight[o] * x[o / pool->features];
  }
  *phase = *phase + 1 == pool->factor ? 0 : *phase + 1;
  if (*phase != 0) return false;
  memcpy(scratch->x[level + 1], sum, wide * sizeof *sum);
  return true;
}

CENOTE_RT void cn_pool_take(const CnPool *pool, uint32_t level, CenoteVoice *voice)
{
  float *deep = voice->state->number + pool->deep_at;
  memcpy(deep, voice->scratch.x[level + 1], pool->wide * sizeof *deep);
  voice->state->primed[level] = 1;
}

CENOTE_RT void cn_pool_pull(const CnKernels *kernels, const CnPool *pool, uint32_t level,
                            CenoteVoice *voice)
{
  if (!voice->state->primed[level]) return;
  float *part = voice->scratch.mixed;
  const float *deep = voice->state->number + pool->deep_at;
  const uint32_t phase = voice->state->phase[level];
  const uint32_t width = pool->width;
  if (pool->dense) {
    cn_product(kernels, &pool->up_matrix[phase], &voice, 1, &deep, &part, false);
  } else {
    const uint32_t features = pool->features;
    const float *weight = pool->up + (size_t)phase * features * width;
    memcpy(part, pool->up_bias, width * sizeof *part);
    if (features == 1) kernels->multiply_add(part, weight, deep, width);
    for (uint32_t k = 0; features > 1 && k < features; ++k)
      for (uint32_t c = 0; c < width; ++c)
        part[c] += weight[(size_t)k * width + c] * deep[c * features + k];
  }
  const float gain = voice->state->control[level + 1].gain;
  for (uint32_t c = 0; gain != 1.0f && c < width; ++c) part[c] *= gain;
  kernels->add(voice->scratch.x[level], part, width);
}
