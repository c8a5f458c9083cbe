// SPDX-License-Identifier: ISC
// The residual block: norm, layer, gate, out (MODEL.md section 2).
#include "net.h"

#include <string.h>

void norm_forward(const CnKernels *kernels, const Norm *norm, const float *x, size_t steps,
                  float *y)
{
  const size_t width = norm->width;
  for (size_t t = 0; t < steps; ++t, x += width, y += width) {
    if (norm->kind == CN_NORM_LAYER)
      kernels->layer_norm(y, x, norm->weight, norm->bias, norm->width);
    else kernels->rms_norm(y, x, norm->weight, norm->width);
  }
}

void conv_stream(const Conv *conv, float *kept, const Scratch *scratch, const float *n,
                 size_t steps, float *y)
{
  const size_t width = conv->width;
  const size_t taps = conv->taps;
  const uint32_t each = conv->width / conv->groups;
  const uint32_t cols = each * conv->taps;
  float *window = scratch->window;
  memcpy(window, kept, (taps - 1) * width * sizeof *window);
  memcpy(window + (taps - 1) * width, n, steps * width * sizeof *window);
  for (size_t g = 0; g < conv->groups; ++g) {
    // What each step sees of this group, in the order of the weights: [each][taps].
    float *column = scratch->columns;
    for (size_t t = 0; t < steps; ++t)
      for (size_t i = 0; i < each; ++i)
        for (size_t j = 0; j < taps; ++j) *column++ = window[(t + j) * width + g * each + i];
    const Dense dense = {conv->weight + g * each * cols, conv->bias + g * each, each, cols};
    linear_forward(&dense, scratch->columns, cols, steps, y + g * each, width);
  }
  memcpy(kept, window + steps * width, (taps - 1) * width * sizeof *kept);
}

void block_stream(const CnKernels *kernels, const Block *block, BlockState *state,
                  const Scratch *scratch, float *x, size_t steps)
{
  const size_t inner = block->inner;
  const float *n = x;
  float *value = scratch->value;
  if (block->norm.kind != CN_NORM_NONE) {
    norm_forward(kernels, &block->norm, x, steps, scratch->normed);
    n = scratch->normed;
  }
  if (block->gate.rows > 0)
    linear_forward(&block->gate, n, block->width, steps, scratch->gate, inner);
  switch (block->entry) {
  case CN_MLP:
    linear_forward(&block->mlp, n, block->width, steps, value, inner);
    break;
  case CN_CONV:
    conv_stream(&block->conv, state->window, scratch, n, steps, value);
    break;
  case CN_RGLRU:
  case CN_LRU:
    if (block->conv.taps > 0) {
      conv_stream(&block->conv, state->window, scratch, n, steps, value);
      norm_forward(kernels, &block->conv_norm, value, steps, scratch->normed);
      n = scratch->normed;
    }
    recur_stream(&block->recur, state->hidden, scratch, n, steps, value);
    break;
  }
  for (size_t t = 0; t < steps; ++t) {
    if (block->gate.rows > 0)
      kernels->gate(value + t * inner, scratch->gate + t * inner, block->inner);
    else kernels->gelu(value + t * inner, block->inner);
  }
  linear_add(&block->out, value, steps, x);
}
