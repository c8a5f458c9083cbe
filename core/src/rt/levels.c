// SPDX-License-Identifier: ISC
// The controls of each level: how loud it speaks to the one above, whether and how often it runs,
// and noise on what it remembers.
#include "rt/rt.h"

#include <math.h>
#include <string.h>

CENOTE_RT void cn_levels_neutral(CnState *state)
{
  for (uint32_t i = 0; i < CN_MAX_LEVELS; ++i)
    state->control[i] = (CnControl){.gain = 1.0f, .clock = 1.0f};
}

CENOTE_RT bool cn_levels_valid(const CnState *head)
{
  for (uint32_t i = 0; i < CN_MAX_LEVELS; ++i) {
    const CnControl *control = &head->control[i];
    if (!(control->gain >= 0.0f && control->gain <= 4.0f)) return false;
    if (!(control->clock >= 0.0f && control->clock <= (float)CN_RUNS)) return false;
    if (!(control->noise >= 0.0f && control->noise <= 1.0f)) return false;
    if (!(control->owed >= 0.0f && control->owed < 1.0f)) return false;
    if (control->freeze > 1 || control->ticks > CN_TICKS) return false;
  }
  return true;
}

CENOTE_RT void cn_levels_settle(CenoteVoice *voice)
{
  voice->even = true;
  for (uint32_t i = 0; i < voice->model->levels; ++i) {
    const CnControl *control = &voice->state->control[i];
    if (control->freeze || control->ticks > 0 || control->clock != 1.0f) voice->even = false;
  }
}

CENOTE_RT uint32_t cn_level_runs(CenoteVoice *voice, uint32_t level)
{
  CnControl *control = &voice->state->control[level];
  uint32_t runs = 0;
  if (!control->freeze && control->clock == 1.0f) {
    runs = 1; // a sum could round up to 2
  } else if (!control->freeze) {
    const float sum = control->owed + control->clock;
    runs = sum < (float)CN_RUNS ? (uint32_t)sum : CN_RUNS;
    control->owed = sum - (float)runs < 1.0f ? sum - (float)runs : 0.0f;
  }
  if (control->ticks > 0) {
    ++runs;
    --control->ticks;
    cn_levels_settle(voice);
  }
  return runs;
}

/// 64 bits that depend on all of x: the finalizer of SplitMix64 (Steele et al., OOPSLA 2014).
CENOTE_RT static uint64_t mix(uint64_t x)
{
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

/// Mean 0, variance 1: the sum of the four 16-bit numbers in a word, so the same on every machine.
CENOTE_RT static float normal(uint64_t word)
{
  const int32_t sum = (int32_t)(word & 65535) + (int32_t)(word >> 16 & 65535) +
                      (int32_t)(word >> 32 & 65535) + (int32_t)(word >> 48);
  return (float)(2 * sum - 4 * 65535) * (1.0f / 75674.46f); // 2 * 65536 / sqrt(3)
}

CENOTE_RT void cn_level_noise(CnState *state, const CnBlock *block, uint32_t level)
{
  const float amount = state->control[level].noise;
  if (amount == 0.0f || (block->entry != CN_RGLRU && block->entry != CN_LRU)) return;
  const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
  const uint32_t size = block->hidden;
  float *h = state->number + block->hidden_at;
  float part[16] = {0};
  for (uint32_t k = 0; k < size; ++k) part[k % 16] += h[k] * h[k];
  float sum = 0.0f;
  for (uint32_t lane = 0; lane < 16; ++lane) sum += part[lane];
  // Shrunk as much as the noise makes it grow: slow units would gather it without end.
  const float keep = 1.0f / sqrtf(1.0f + amount * amount);
  const float scale = keep * amount * sqrtf(sum / (float)size);
  const uint64_t key = mix(mix(mix(state->seed + golden) + state->runs[level]) + block->hidden_at);
  for (uint32_t k = 0; k < size; ++k)
    h[k] = keep * h[k] + scale * normal(mix(key + (k + 1) * golden));
}

/// Whether there is such a level; *out is its control.
CENOTE_RT static bool find(CenoteVoice *voice, uint32_t level, CnControl **out)
{
  if (level >= voice->model->levels) return false;
  *out = &voice->state->control[level];
  return true;
}

CENOTE_RT static float clamped(float x, float most)
{
  return x < 0.0f ? 0.0f : x > most ? most : x;
}

CENOTE_RT void cenote_voice_set_level_gain(CenoteVoice *voice, uint32_t level, float gain)
{
  CnControl *control;
  if (!isnan(gain) && find(voice, level, &control)) control->gain = clamped(gain, 4.0f);
}

CENOTE_RT void cenote_voice_set_level_freeze(CenoteVoice *voice, uint32_t level, bool freeze)
{
  CnControl *control;
  if (!find(voice, level, &control)) return;
  control->freeze = freeze;
  cn_levels_settle(voice);
}

CENOTE_RT void cenote_voice_set_level_clock(CenoteVoice *voice, uint32_t level, float ratio)
{
  CnControl *control;
  if (isnan(ratio) || !find(voice, level, &control)) return;
  control->clock = clamped(ratio, (float)CN_RUNS);
  if (control->clock == 1.0f) control->owed = 0.0f;
  cn_levels_settle(voice);
}

CENOTE_RT void cenote_voice_set_level_noise(CenoteVoice *voice, uint32_t level, float amount)
{
  CnControl *control;
  if (!isnan(amount) && find(voice, level, &control)) control->noise = clamped(amount, 1.0f);
}

CENOTE_RT void cenote_voice_level_tick(CenoteVoice *voice, uint32_t level)
{
  CnControl *control;
  if (!find(voice, level, &control) || control->ticks == CN_TICKS) return;
  ++control->ticks;
  cn_levels_settle(voice);
}

CENOTE_RT static void reset_stack(CnState *state, const CnBlock *block, uint32_t blocks)
{
  for (uint32_t j = 0; j < blocks; ++j) {
    const size_t window = (size_t)block[j].width * block[j].taps;
    memset(state->number + block[j].window_at, 0, window * sizeof(float));
    memset(state->number + block[j].hidden_at, 0, block[j].hidden * sizeof(float));
  }
}

CENOTE_RT void cenote_voice_level_reset(CenoteVoice *voice, uint32_t level)
{
  const CenoteModel *model = voice->model;
  if (level >= model->levels) return;
  reset_stack(voice->state, model->level[level].down, model->level[level].downs);
  reset_stack(voice->state, model->level[level].up, model->level[level].ups);
  if (level == 0) return;
  const CnPool *pool = &model->level[level - 1].pool;
  memset(voice->state->number + pool->deep_at, 0, pool->wide * sizeof(float));
}

CENOTE_RT float cenote_voice_level_gain(const CenoteVoice *voice, uint32_t level)
{
  return level < voice->model->levels ? voice->state->control[level].gain : 1.0f;
}

CENOTE_RT bool cenote_voice_level_freeze(const CenoteVoice *voice, uint32_t level)
{
  return level < voice->model->levels && voice->state->control[level].freeze;
}

CENOTE_RT float cenote_voice_level_clock(const CenoteVoice *voice, uint32_t level)
{
  return level < voice->model->levels ? voice->state->control[level].clock : 1.0f;
}

CENOTE_RT float cenote_voice_level_noise(const CenoteVoice *voice, uint32_t level)
{
  return level < voice->model->levels ? voice->state->control[level].noise : 0.0f;
}

CENOTE_RT uint64_t cenote_voice_level_runs(const CenoteVoice *voice, uint32_t level)
{
  return level < voice->model->levels ? voice->state->runs[level] : 0;
}
