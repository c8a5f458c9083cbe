// SPDX-License-Identifier: ISC
// Making a voice: its state and its scratch vectors in one aligned block behind its struct.
#include "alloc.h"
#include "rt/rt.h"

#include <stdlib.h>

static void carve(CenoteVoice *voice)
{
  const CenoteModel *model = voice->model;
  CnScratch *scratch = &voice->scratch;
  float *at = voice->scratch_block;
  float **const vector[] = {&scratch->normed, &scratch->mixed,  &scratch->front,
                            &scratch->value,  &scratch->gate_x, &scratch->gate_a};
  for (size_t i = 0; i < sizeof vector / sizeof *vector; ++i, at += model->wide_floats)
    *vector[i] = at;
  scratch->most = CN_UNKNOWN;
  scratch->vector.narrow = at;
  at += model->wide_floats;
  for (uint32_t i = 0; i < model->levels; ++i) {
    scratch->x[i] = at;
    at += cn_round_floats(model->level[i].width + CN_SLACK);
  }
  scratch->logits = at;
}

CenoteStatus cenote_voice_new(const CenoteModel *model, CenoteVoice **out)
{
  *out = NULL;
  char *block = cn_alloc(model->info.voice_bytes);
  if (!block) return CENOTE_NO_MEMORY;
  CenoteVoice *voice = (CenoteVoice *)(void *)block;
  voice->model = model;
  voice->scratch_block = (float *)(void *)(block + cn_voice_head());
  voice->state = (CnState *)(void *)(voice->scratch_block + model->scratch_floats);
  carve(voice);
  voice->state->sampler = (CnSampler){.temperature = 1.0f, .top_p = 1.0f, .top_k = CENOTE_CLASSES};
  cn_levels_neutral(voice->state);
  cn_state_reset(model, voice->state);
  cn_levels_settle(voice);
  *out = voice;
  return CENOTE_OK;
}

void cenote_voice_free(CenoteVoice *voice)
{
  free(voice);
}
