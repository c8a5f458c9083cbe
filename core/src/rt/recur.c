// SPDX-License-Identifier: ISC
// Layers with a memory of their own: RG-LRU, LRU and the causal conv (MODEL.md sections 2 and 3).
#include "rt/rt.h"

#include <string.h>

CENOTE_RT void cn_conv(const CnKernels *kernels, const CnBlock *block, const CnMatrix *dense,
                       float *window, const float *n, float *y)
{
  // Each group keeps its last inputs together, oldest first, as the packed weights want them.
  const uint32_t each = block->width / block->groups;
  const uint32_t kept = (block->taps - 1) * each;
  for (uint32_t g = 0; g < block->groups; ++g) {
    float *group = window + (size_t)g * block->taps * each;
    memmove(group, group + each, kept * sizeof *group);
    memcpy(group + kept, n + (size_t)g * each, each * sizeof *group);
  }
  if (dense->rows > 0) kernels->matvec(y, dense, window);
  else kernels->diagonal(y, &block->conv, window);
}

CENOTE_RT void cn_recur(const CnKernels *kernels, const CnBlock *block, float *number,
                        const CnScratch *scratch, const float *n, float *y)
{
  if (block->conv_norm) {
    cn_conv(kernels, block, &block->conv_dense, number + block->window_at, n, scratch->u);
    kernels->layer_norm(scratch->mixed, scratch->u, block->conv_norm, block->conv_norm_bias,
                        block->width);
    n = scratch->mixed;
  }
  float *hidden = number + block->hidden_at;
  kernels->matvec(scratch->u, &block->layer, n);
  if (block->entry == CN_RGLRU) {
    kernels->diagonal(scratch->gate_x, &block->gate_x, scratch->u);
    kernels->diagonal(scratch->gate_a, &block->gate_a, scratch->u);
    kernels->rglru(hidden, &block->recurrence, scratch->u, scratch->gate_x, scratch->gate_a);
  } else {
    kernels->lru(hidden, &block->recurrence, scratch->u);
  }
  kernels->matvec(y, &block->rnn_out, hidden);
}
