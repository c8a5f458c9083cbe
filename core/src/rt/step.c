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
    for (uint32_t v = 0; v < due->voices; ++v)
      cn_level_noise(due->voice[v]->state, &block[j], level);
    mark(probe, level, (CenoteLayer)block[j].entry);
  }
}

/// Runs the down stacks; due[i] of each level. Returns the deepest that runs.
CENOTE_RT static uint32_t descend(const CenoteModel *model, Due *due, CnProbe *probe)
{
  for (uint32_t i = 0;; ++i) {
    const CnLevel *level = &model->level[i];
    for (uint32_t v = 0; v < due[i].voices; ++v) ++due[i].voice[v]->state->runs[i];
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

/// What the down stack of a level reads: the last code, or the unit that the pool above completed.
CENOTE_RT static void load(CenoteVoice *voice, uint32_t level)
{
  const CenoteModel *model = voice->model;
  const CnState *state = voice->state;
  float *x = voice->scratch.x[level];
  if (level == 0)
    memcpy(x, model->input + (size_t)state->code * model->input_stride,
           model->input_stride * sizeof *x);
  else
    memcpy(x, state->number + model->level[level - 1].pool.sum_at,
           model->level[level].width * sizeof *x);
}

/// scratch.x[0] to logits.
CENOTE_RT static void finish(const CenoteModel *model, CenoteVoice *const *voice, uint32_t voices)
{
  const float *normed[CN_BATCH];
  float *logits[CN_BATCH];
  const uint32_t width = model->level[0].width;
  for (uint32_t v = 0; v < voices; ++v) {
    CnScratch *scratch = &voice[v]->scratch;
    const float gain = voice[v]->state->control[0].gain;
    normed[v] = scratch->normed;
    logits[v] = scratch->logits;
    model->kernels->layer_norm(scratch->normed, scratch->x[0], model->norm, model->norm_bias,
                               width);
    for (uint32_t c = 0; gain != 1.0f && c < width; ++c) scratch->normed[c] *= gain;
  }
  cn_product(model->kernels, &model->head, voice, voices, normed, logits, false);
}

CENOTE_RT void cn_step(const CenoteModel *model, CenoteVoice *const *voice, uint32_t voices,
                       CnProbe *probe)
{
  Due due[CN_MAX_LEVELS];
  due[0].voices = voices;
  for (uint32_t v = 0; v < voices; ++v) {
    due[0].voice[v] = voice[v];
    load(voice[v], 0);
  }
  mark(probe, 0, CENOTE_LAYER_ENDS);
  ascend(model, due, descend(model, due, probe), probe);
  finish(model, voice, voices);
  mark(probe, 0, CENOTE_LAYER_ENDS);
}

/// Runs the down stacks from `level` down, as far as levels fall due and run. left[]: runs of each
/// of them for its present unit. Returns the deepest.
CENOTE_RT static uint32_t descend_alone(CenoteVoice *voice, uint32_t level,
                                        uint32_t left[static CN_MAX_LEVELS])
{
  const CenoteModel *model = voice->model;
  const Due due = {.voice = {voice}, .voices = 1};
  for (uint32_t i = level;; ++i) {
    const CnLevel *at = &model->level[i];
    load(voice, i);
    ++voice->state->runs[i];
    run(model, at->down, at->downs, i, &due, NULL);
    if (i + 1 == model->levels || !cn_pool_push(model->kernels, &at->pool, i, voice)) return i;
    left[i + 1] = cn_level_runs(voice, i + 1);
    if (left[i + 1] == 0) return i;
  }
}

CENOTE_RT void cn_step_alone(CenoteVoice *voice)
{
  const CenoteModel *model = voice->model;
  const Due due = {.voice = {voice}, .voices = 1};
  uint32_t left[CN_MAX_LEVELS] = {1};
  uint32_t i = descend_alone(voice, 0, left);
  for (;;) {
    const CnLevel *level = &model->level[i];
    if (i + 1 < model->levels) cn_pool_pull(model->kernels, &level->pool, i, voice);
    run(model, level->up, level->ups, i, &due, NULL);
    if (--left[i] > 0) {
      i = descend_alone(voice, i, left);
    } else {
      if (i == 0) break;
      cn_pool_take(&model->level[i - 1].pool, i - 1, voice);
      --i;
    }
  }
  finish(model, &voice, 1);
}
