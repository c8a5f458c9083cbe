// SPDX-License-Identifier: ISC
// The mix of two saved states. Numbers are mixed where they lie, for two states of a model lie
// alike.
#include "rt/rt.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/// Two saved states, at any address, and how far to go from one to the other.
typedef struct Mix {
  const char *a; ///< its numbers
  const char *b;
  float x;
} Mix;

/// to[at..] = those numbers of the mix.
CENOTE_RT static void mix(const Mix *mix, float *to, size_t at, size_t count)
{
  const char *a = mix->a + at * sizeof *to;
  const char *b = mix->b + at * sizeof *to;
  if (mix->x == 0.0f || mix->x == 1.0f) {
    memcpy(to + at, mix->x == 0.0f ? a : b, count * sizeof *to);
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    float from;
    float other;
    memcpy(&from, a + i * sizeof from, sizeof from);
    memcpy(&other, b + i * sizeof other, sizeof other);
    to[at + i] = (1.0f - mix->x) * from + mix->x * other;
  }
}

CENOTE_RT static void mix_stack(const Mix *of, float *to, const CnBlock *block, uint32_t blocks)
{
  for (uint32_t j = 0; j < blocks; ++j) {
    mix(of, to, block[j].window_at, (size_t)block[j].width * block[j].taps);
    mix(of, to, block[j].hidden_at, block[j].hidden);
  }
}

/// Recurrent states, conv windows and held output of one level.
CENOTE_RT static void mix_level(const Mix *of, const CenoteModel *model, float *to, uint32_t level)
{
  mix_stack(of, to, model->level[level].down, model->level[level].downs);
  mix_stack(of, to, model->level[level].up, model->level[level].ups);
  if (level == 0) return;
  const CnPool *pool = &model->level[level - 1].pool;
  mix(of, to, pool->deep_at, pool->wide);
}

CENOTE_RT CenoteStatus cenote_voice_morph(CenoteVoice *voice, const void *a, size_t a_bytes,
                                          const void *b, size_t b_bytes, float x, int level)
{
  const CenoteModel *model = voice->model;
  if (!cn_state_valid(model, a, a_bytes) || !cn_state_valid(model, b, b_bytes))
    return CENOTE_BAD_STATE;
  if (isnan(x) || level < -1 || level >= (int)model->levels) return CENOTE_BAD_ARGUMENT;
  const Mix of = {.a = (const char *)a + offsetof(CnState, number),
                  .b = (const char *)b + offsetof(CnState, number),
                  .x = x < 0.0f   ? 0.0f
                       : x > 1.0f ? 1.0f
                                  : x};
  float *to = voice->state->number;
  if (level >= 0) {
    mix_level(&of, model, to, (uint32_t)level);
    return CENOTE_OK;
  }
  memcpy(voice->state, x < 0.5f ? a : b, a_bytes);
  voice->state->seal = 0;
  for (uint32_t i = 0; i < model->levels; ++i) mix_level(&of, model, to, i);
  cn_levels_settle(voice);
  return CENOTE_OK;
}
