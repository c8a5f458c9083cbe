// SPDX-License-Identifier: ISC
// The residual block: norm, layer, gate, out (MODEL.md section 2), for some voices side by side.
#include "rt/rt.h"

CENOTE_RT void cn_product(const CnKernels *kernels, const CnMatrix *m, CenoteVoice *const *voice,
                          uint32_t voices, const float *const *x, float *const *y, bool add)
{
  const CnVector *vector[CN_BATCH];
  for (uint32_t v = 0; v < voices; ++v) {
    CnVector *to = &voice[v]->scratch.vector;
    kernels->narrow(to, m->form, x[v], m->cols, voice[v]->scratch.most);
    voice[v]->scratch.most = CN_UNKNOWN;
    vector[v] = to;
  }
  kernels->product(y, m, vector, voices, add);
}

/// What the block's layers read: the stream, normed.
CENOTE_RT static const float *normed(const CenoteModel *model, const CnBlock *block, uint32_t level,
                                     CenoteVoice *voice)
{
  const CnKernels *kernels = model->kernels;
  const float *x = voice->scratch.x[level];
  float *n = voice->scratch.normed;
  if (!block->norm) return x;
  if (block->norm_bias && model->brief)
    voice->scratch.most =
        kernels->layer_norm_brief(n, x, block->norm, block->norm_bias, block->width);
  else if (block->norm_bias) kernels->layer_norm(n, x, block->norm, block->norm_bias, block->width);
  else kernels->rms_norm(n, x, block->norm, block->width);
  return n;
}

CENOTE_RT void cn_block(const CenoteModel *model, const CnBlock *block, uint32_t level,
                        CenoteVoice *const *voice, uint32_t voices)
{
  const CnKernels *kernels = model->kernels;
  const float *n[CN_BATCH] = {0};
  float *value[CN_BATCH] = {0};
  float *stream[CN_BATCH];
  for (uint32_t v = 0; v < voices; ++v) {
    n[v] = normed(model, block, level, voice[v]);
    value[v] = voice[v]->scratch.front;
  }
  if (block->front.rows > 0) cn_product(kernels, &block->front, voice, voices, n, value, false);
  for (uint32_t v = 0; v < voices; ++v) {
    voice[v]->scratch.most = CN_UNKNOWN;
    value[v] = block->entry == CN_MLP ? voice[v]->scratch.front + block->value_at
                                      : voice[v]->scratch.value;
  }
  if (block->entry == CN_CONV) cn_conv(kernels, block, voice, voices, n, value);
  else if (block->entry != CN_MLP) cn_recur(model, block, voice, voices, n);
  for (uint32_t v = 0; v < voices; ++v) {
    CnScratch *scratch = &voice[v]->scratch;
    if (block->value_at == 0) kernels->gelu(value[v], block->inner, model->brief);
    else if (model->brief)
      scratch->most = kernels->gate_brief(value[v], scratch->front, block->inner);
    else kernels->gate(value[v], scratch->front, block->inner);
  }
  for (uint32_t v = 0; v < voices; ++v) stream[v] = voice[v]->scratch.x[level];
  cn_product(kernels, &block->out, voice, voices, (const float *const *)value, stream, true);
}
