// SPDX-License-Identifier: ISC
// One step of the whole model, for some voices side by side: down through the levels that fall due,
// and up again. A level falls due for a voice on the step that completes its unit in the pool above
// it. Voices need not be in phase: each level runs those of them that it is due for.
#include "rt/rt.h"

#include <string.h>

/// The voices for which a level falls due in this step.
typedef struct Due {
  CenoteVoice *voice[CN_BATCH];
  uint32_t voices;
} Due;

CENOTE_RT static void mark(CnProbe *probe, uint32_t level, CenoteLayer layer)
{
  if (probe) probe->mark(probe, level, layer);
}

CENOTE_RT static void run(const CenoteModel *model, const CnBlock *block, uint32_t blocks,
                          uint32_t level, const Due *due, CnProbe *probe)
{
  for (uint32_t j = 0; j < blocks; ++j) {
    cn_block(model, &block[j], level, due->voice, due->voices);
    mark(probe, level, (CenoteLayer)block[j].entry);
  }
}

/// Runs the down stacks; due[i] of each level. Returns the deepest that runs.
CENOTE_RT static uint32_t descend(const CenoteModel *model, Due *due, CnProbe *probe)
{
  for (uint32_t i = 0;; ++i) {
    const CnLevel *level = &model->level[i];
    run(model, level->down, level->downs, i, &due[i], probe);
    if (i + 1 == model->levels) return i;
    due[i + 1].voices = 0;
    for (uint32_t v = 0; v < due[i].voices; ++v)
      if (cn_pool_push(model->kernels, &level->pool, i, due[i].voice[v]))
        due[i + 1].voice[due[i + 1].voices++] = due[i].voice[v];
    mark(probe, i, CENOTE_LAYER_POOL);
    if (due[i + 1].voices == 0) return i;
  }
}

CENOTE_RT static void ascend(const CenoteModel *model, const Due *due, uint32_t depth,
                             CnProbe *probe)
{
  for (uint32_t i = depth + 1; i-- > 0;) {
    const CnLevel *level = &model->level[i];
    for (uint32_t v = 0; i < depth && v < due[i + 1].voices; ++v)
      cn_pool_take(&level->pool, i, due[i + 1].voice[v]);
    for (uint32_t v = 0; i + 1 < model->levels && v < due[i].voices; ++v)
      cn_pool_pull(model->kernels, &level->pool, i, due[i].voice[v]);
    if (i + 1 < model->levels) mark(probe, i, CENOTE_LAYER_POOL);
    run(model, level->up, level->ups, i, &due[i], probe);
  }
}

CENOTE_RT void cn_step(const CenoteModel *model, CenoteVoice *const *voice, uint32_t voices,
                       CnProbe *probe)
{
  Due due[CN_MAX_LEVELS];
  const float *normed[CN_BATCH];
  float *logits[CN_BATCH];
  due[0].voices = voices;
  for (uint32_t v = 0; v < voices; ++v) {
    CnScratch *scratch = &voice[v]->scratch;
    due[0].voice[v] = voice[v];
    memcpy(scratch->x[0], model->input + (size_t)voice[v]->state->code * model->input_stride,
           model->input_stride * sizeof *scratch->x[0]);
    normed[v] = scratch->normed;
    logits[v] = scratch->logits;
  }
  mark(probe, 0, CENOTE_LAYER_ENDS);
  ascend(model, due, descend(model, due, probe), probe);
  for (uint32_t v = 0; v < voices; ++v)
    model->kernels->layer_norm(voice[v]->scratch.normed, voice[v]->scratch.x[0], model->norm,
                               model->norm_bias, model->level[0].width);
  cn_product(model->kernels, &model->head, voice, voices, normed, logits, false);
  mark(probe, 0, CENOTE_LAYER_ENDS);
}
