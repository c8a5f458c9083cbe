// SPDX-License-Identifier: ISC
// Layers with a memory of their own: RG-LRU, LRU and the causal conv (MODEL.md sections 2 and 3).
#include "rt/rt.h"

#include <string.h>

/// Each group keeps its last inputs together, oldest first, as the packed weights want them.
CENOTE_RT static void push_window(const CnBlock *block, float *window, const float *n)
{
  const uint32_t each = block->width / block->groups;
  const uint32_t kept = (block->taps - 1) * each;
  for (uint32_t g = 0; g < block->groups; ++g) {
    float *group = window + (size_t)g * block->taps * each;
    memmove(group, group + each, kept * sizeof *group);
    memcpy(group + kept, n + (size_t)g * each, each * sizeof *group);
  }
}

CENOTE_RT void cn_conv(const CnKernels *kernels, const CnBlock *block, CenoteVoice *const *voice,
                       uint32_t voices, const float *const *n, float *const *y)
{
  const float *window[CN_BATCH];
  for (uint32_t v = 0; v < voices; ++v) {
    float *own = voice[v]->state->number + block->window_at;
    push_window(block, own, n[v]);
    window[v] = own;
    if (block->layer.rows == 0) kernels->diagonal(y[v], &block->conv, own);
  }
  if (block->layer.rows > 0) cn_product(kernels, &block->layer, voice, voices, window, y, false);
}

/// u[v] of a recurrence behind a temporal conv.
CENOTE_RT static void convolve(const CnKernels *kernels, const CnBlock *block,
                               CenoteVoice *const *voice, uint32_t voices, const float *const *n,
                               float *const *u)
{
  float *mixed[CN_BATCH] = {0};
  const float *convolved[CN_BATCH];
  for (uint32_t v = 0; v < voices; ++v) mixed[v] = voice[v]->scratch.mixed;
  cn_conv(kernels, block, voice, voices, n, mixed);
  for (uint32_t v = 0; v < voices; ++v) {
    float *to = voice[v]->scratch.normed;
    kernels->layer_norm(to, mixed[v], block->conv_norm, block->conv_norm_bias, block->width);
    convolved[v] = to;
  }
  cn_product(kernels, &block->rnn_in, voice, voices, convolved, u, false);
}

CENOTE_RT void cn_recur(const CenoteModel *model, const CnBlock *block, CenoteVoice *const *voice,
                        uint32_t voices, const float *const *n)
{
  const CnKernels *kernels = model->kernels;
  float *u[CN_BATCH];
  float *value[CN_BATCH];
  const float *hidden[CN_BATCH];
  for (uint32_t v = 0; v < voices; ++v) {
    u[v] = voice[v]->scratch.front + block->value_at;
    value[v] = voice[v]->scratch.value;
  }
  if (block->conv_norm) convolve(kernels, block, voice, voices, n, u);
  for (uint32_t v = 0; v < voices; ++v) {
    CnScratch *scratch = &voice[v]->scratch;
    float *h = voice[v]->state->number + block->hidden_at;
    hidden[v] = h;
    if (block->entry == CN_RGLRU) {
      kernels->diagonals(scratch->gate_x, scratch->gate_a, &block->gate_x, &block->gate_a, u[v]);
      kernels->rglru(h, &block->recurrence, u[v], scratch->gate_x, scratch->gate_a, model->brief);
    } else {
      kernels->lru(h, &block->recurrence, u[v]);
    }
  }
  cn_product(kernels, &block->rnn_out, voice, voices, hidden, value, false);
}
