// SPDX-License-Identifier: ISC
// The residual block: norm, layer, gate, out (MODEL.md section 2).
#include "rt/rt.h"

CENOTE_RT void cn_block(const CnKernels *kernels, const CnBlock *block, float *number,
                        const CnScratch *scratch, float *x)
{
  const float *n = x;
  if (block->norm) {
    n = scratch->normed;
    if (block->norm_bias)
      kernels->layer_norm(scratch->normed, x, block->norm, block->norm_bias, block->width);
    else kernels->rms_norm(scratch->normed, x, block->norm, block->width);
  }
  float *value = scratch->value;
  if (block->gate.rows > 0) kernels->matvec(scratch->gate, &block->gate, n);
  switch (block->entry) {
  case CN_MLP:
    kernels->matvec(value, &block->layer, n);
    break;
  case CN_CONV:
    cn_conv(kernels, block, &block->layer, number + block->window_at, n, value);
    break;
  case CN_RGLRU:
  case CN_LRU:
    cn_recur(kernels, block, number, scratch, n, value);
    break;
  }
  if (block->gate.rows > 0) kernels->gate(value, scratch->gate, block->inner);
  else kernels->gelu(value, block->inner);
  kernels->matvec(scratch->mixed, &block->out, value);
  kernels->add(x, scratch->mixed, block->width);
}
