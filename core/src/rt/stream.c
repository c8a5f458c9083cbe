// SPDX-License-Identifier: ISC
// A voice as its users see it: generate, listen, save, restore.
#include "rt/rt.h"

#include "rt/codec.h"
#include "rt/dmath.h"
#include "rt/fpu.h"
#include "rt/philox.h"

#include <math.h>
#include <string.h>

CENOTE_RT void cn_state_reset(const CenoteModel *model, CnState *state)
{
  memcpy(state->magic, CN_STATE_MAGIC, sizeof state->magic);
  state->bytes = model->info.state_bytes;
  state->seal = 0;
  state->model_hash = model->info.hash;
  memset(state->model_name, 0, sizeof state->model_name);
  strncpy(state->model_name, model->info.name, sizeof state->model_name - 1);
  memset(state->kernel, 0, sizeof state->kernel);
  strncpy(state->kernel, model->info.kernel, sizeof state->kernel - 1);
  state->steps = 0;
  state->draws = 0;
  state->code = model->config.baseline;
  state->finite = 1;
  state->fade = 0;
  state->last_sample = 0.0f;
  memset(state->phase, 0, sizeof state->phase);
  memset(state->primed, 0, sizeof state->primed);
  memset(state->runs, 0, sizeof state->runs);
  for (uint32_t i = 0; i < CN_MAX_LEVELS; ++i) {
    state->control[i].ticks = 0;
    state->control[i].owed = 0.0f;
  }
  memset(state->number, 0, model->state_floats * sizeof *state->number);
}

CENOTE_RT bool cn_state_valid(const CenoteModel *model, const void *bytes, size_t size)
{
  CnState head;
  if (size != model->info.state_bytes) return false;
  memcpy(&head, bytes, sizeof head);
  if (memcmp(head.magic, CN_STATE_MAGIC, sizeof head.magic) != 0 || head.bytes != size ||
      head.model_hash != model->info.hash)
    return false;
  if (head.code >= CENOTE_CLASSES || head.finite > 1 || head.fade > CN_FADE) return false;
  if (!(head.last_sample >= -1.0f && head.last_sample <= 1.0f)) return false;
  const CnSampler *sampler = &head.sampler;
  if (!(sampler->temperature >= 0.0f && sampler->temperature <= 4.0f)) return false;
  if (!(sampler->top_p >= 0.0f && sampler->top_p <= 1.0f)) return false;
  if (sampler->top_k < 1 || sampler->top_k > CENOTE_CLASSES) return false;
  for (uint32_t i = 0; i < CN_MAX_LEVELS; ++i) {
    const uint32_t factor = i + 1 < model->levels ? model->level[i].pool.factor : 1;
    if (head.phase[i] >= factor || head.primed[i] > 1) return false;
  }
  return cn_levels_valid(&head);
}

/// Whether the logits are finite. If not the state is wiped, and the voice stays silent.
CENOTE_RT static bool check(CenoteVoice *voice)
{
  CnState *state = voice->state;
  // A sum of zeros unless one number is infinite or not a number.
  float part[16] = {0};
  for (uint32_t i = 0; i < CENOTE_CLASSES; i += 16)
    for (uint32_t lane = 0; lane < 16; ++lane) part[lane] += voice->scratch.logits[i + lane] * 0.0f;
  float sum = 0.0f;
  for (uint32_t lane = 0; lane < 16; ++lane) sum += part[lane];
  if (sum == 0.0f) return true;
  const float last = state->last_sample;
  const uint64_t steps = state->steps;
  cn_state_reset(voice->model, state);
  cn_levels_settle(voice);
  memset(voice->scratch_block, 0, voice->model->scratch_floats * sizeof(float));
  state->steps = steps;
  state->last_sample = last;
  state->finite = 0;
  state->fade = CN_FADE;
  return false;
}

/// The voices at voice[0..] that share one model, at most CN_BATCH.
CENOTE_RT static uint32_t run_of(CenoteVoice *const *voice, uint32_t voices)
{
  uint32_t run = 1;
  while (run < voices && run < CN_BATCH && voice[run]->model == voice[0]->model) ++run;
  return run;
}

/// One step of those of the voices that are finite.
CENOTE_RT static void step(CenoteVoice *const *voice, uint32_t voices, CnProbe *probe)
{
  CenoteVoice *alive[CN_BATCH];
  uint32_t count = 0;
  for (uint32_t v = 0; v < voices; ++v) {
    if (!voice[v]->state->finite) continue;
    if (voice[v]->even) {
      alive[count++] = voice[v];
    } else {
      cn_step_alone(voice[v]);
      check(voice[v]);
    }
  }
  if (count > 0) cn_step(voice[0]->model, alive, count, probe);
  for (uint32_t v = 0; v < count; ++v) check(alive[v]);
}

CENOTE_RT static void measure(CenoteVoice *voice, double bits)
{
  voice->bits += bits;
  ++voice->measured;
}

/// The sample of a voice that has been stepped.
CENOTE_RT static float draw(CenoteVoice *voice)
{
  CnState *state = voice->state;
  if (state->finite) {
    const CnKernels *kernels = voice->model->kernels;
    const float *logits = voice->scratch.logits;
    const double uniform = cn_uniform(state->seed, state->draws++);
    state->code = cn_sample(kernels, &state->sampler, logits, uniform);
    if (voice->meter && state->steps % CN_METER_EVERY == 0)
      measure(voice, cn_bits(kernels, logits, (uint8_t)state->code));
    ++state->steps;
    state->last_sample = voice->model->sample[state->code];
    return state->last_sample;
  }
  if (state->fade == 0) return 0.0f;
  return state->last_sample * ((float)--state->fade / (float)CN_FADE);
}

/// The sample of a voice that makes it in as many steps as level 0's controls say; the last sample
/// again if in none.
CENOTE_RT static float turn_alone(CenoteVoice *voice)
{
  CnState *state = voice->state;
  if (!state->finite) return draw(voice);
  float sample = state->last_sample;
  for (uint32_t left = cn_level_runs(voice, 0); left > 0 && state->finite; --left) {
    cn_step_alone(voice);
    check(voice);
    sample = draw(voice);
  }
  return sample;
}

CENOTE_RT void cn_turn(CenoteVoice *const *voice, uint32_t voices, float *const *out,
                       uint32_t frame, CnProbe *probe)
{
  CenoteVoice *even[CN_BATCH] = {0};
  uint32_t who[CN_BATCH];
  uint32_t count = 0;
  for (uint32_t v = 0; v < voices; ++v) {
    if (voice[v]->even) {
      who[count] = v;
      even[count++] = voice[v];
    } else {
      out[v][frame] = turn_alone(voice[v]);
    }
  }
  step(even, count, probe);
  for (uint32_t i = 0; i < count; ++i) out[who[i]][frame] = draw(even[i]);
  if (probe) probe->mark(probe, 0, CENOTE_LAYER_SAMPLE);
}

CENOTE_RT void cenote_voices_render(CenoteVoice *const *voice, uint32_t voices, float *const *out,
                                    uint32_t frames)
{
  const uint64_t mode = cn_fpu_enter();
  uint32_t run;
  for (uint32_t at = 0; at < voices; at += run) {
    run = run_of(voice + at, voices - at);
    for (uint32_t i = 0; i < frames; ++i) cn_turn(voice + at, run, out + at, i, NULL);
  }
  cn_fpu_leave(mode);
}

CENOTE_RT void cenote_voice_render(CenoteVoice *voice, float *out, uint32_t frames)
{
  cenote_voices_render(&voice, 1, &out, frames);
}

/// A voice that has been stepped hears a code: its bits, NaN when it is not finite. logits[256]
/// (may be NULL) are what it expected.
CENOTE_RT static double hear(CenoteVoice *voice, uint8_t code, float *logits)
{
  CnState *state = voice->state;
  for (uint32_t k = 0; logits && k < CENOTE_CLASSES; ++k)
    logits[k] = state->finite ? voice->scratch.logits[k] : NAN;
  if (!state->finite) return (double)NAN;
  state->code = code;
  ++state->steps;
  state->last_sample = voice->model->sample[code];
  const double bits = cn_bits(voice->model->kernels, voice->scratch.logits, code);
  if (voice->meter) measure(voice, bits);
  return bits;
}

CENOTE_RT void cenote_voices_listen(CenoteVoice *const *voice, uint32_t voices,
                                    const uint8_t *const *codes, uint32_t steps,
                                    float *const *logits, double *bits)
{
  const uint64_t mode = cn_fpu_enter();
  uint32_t run;
  for (uint32_t at = 0; at < voices; at += run) {
    run = run_of(voice + at, voices - at);
    for (uint32_t v = at; v < at + run; ++v) bits[v] = 0.0;
    for (uint32_t i = 0; i < steps; ++i) {
      step(voice + at, run, NULL);
      for (uint32_t v = at; v < at + run; ++v)
        bits[v] +=
            hear(voice[v], codes[v][i], logits ? logits[v] + (size_t)i * CENOTE_CLASSES : NULL);
    }
  }
  cn_fpu_leave(mode);
}

CENOTE_RT double cenote_voice_listen(CenoteVoice *voice, const uint8_t *codes, uint32_t steps,
                                     float *logits)
{
  double bits;
  cenote_voices_listen(&voice, 1, &codes, steps, logits ? &logits : NULL, &bits);
  return bits;
}

CENOTE_RT double cenote_bits(const float *logits, uint8_t code)
{
  return cn_bits(&cn_kernels_portable, logits, code); // all tables give the same bits
}

CENOTE_RT void cenote_voice_reset(CenoteVoice *voice)
{
  cn_state_reset(voice->model, voice->state);
  cn_levels_settle(voice);
}

CENOTE_RT void cenote_voice_set_seed(CenoteVoice *voice, uint64_t seed)
{
  voice->state->seed = seed;
  voice->state->draws = 0;
}

CENOTE_RT void cenote_voice_set_temperature(CenoteVoice *voice, float temperature)
{
  if (isnan(temperature)) return;
  voice->state->sampler.temperature = temperature < 0.0f   ? 0.0f
                                      : temperature > 4.0f ? 4.0f
                                                           : temperature;
}

CENOTE_RT void cenote_voice_set_top_k(CenoteVoice *voice, uint32_t top_k)
{
  voice->state->sampler.top_k = top_k < 1 ? 1 : top_k > CENOTE_CLASSES ? CENOTE_CLASSES : top_k;
}

CENOTE_RT void cenote_voice_set_top_p(CenoteVoice *voice, float top_p)
{
  if (isnan(top_p)) return;
  voice->state->sampler.top_p = top_p < 0.0f ? 0.0f : top_p > 1.0f ? 1.0f : top_p;
}

CENOTE_RT uint64_t cenote_voice_seed(const CenoteVoice *voice)
{
  return voice->state->seed;
}

CENOTE_RT float cenote_voice_temperature(const CenoteVoice *voice)
{
  return voice->state->sampler.temperature;
}

CENOTE_RT uint32_t cenote_voice_top_k(const CenoteVoice *voice)
{
  return voice->state->sampler.top_k;
}

CENOTE_RT float cenote_voice_top_p(const CenoteVoice *voice)
{
  return voice->state->sampler.top_p;
}

CENOTE_RT bool cenote_voice_finite(const CenoteVoice *voice)
{
  return voice->state->finite;
}

CENOTE_RT const CenoteModelInfo *cenote_model_info(const CenoteModel *model)
{
  return &model->info;
}

CENOTE_RT const CenoteModel *cenote_voice_model(const CenoteVoice *voice)
{
  return voice->model;
}

CENOTE_RT uint64_t cenote_voice_steps(const CenoteVoice *voice)
{
  return voice->state->steps;
}

CENOTE_RT void cenote_voice_save(const CenoteVoice *voice, void *state)
{
  memcpy(state, voice->state, voice->model->info.state_bytes);
}

CENOTE_RT CenoteStatus cenote_voice_restore(CenoteVoice *voice, const void *state, size_t bytes)
{
  if (!cn_state_valid(voice->model, state, bytes)) return CENOTE_BAD_STATE;
  memcpy(voice->state, state, bytes);
  voice->state->seal = 0;
  cn_levels_settle(voice);
  return CENOTE_OK;
}

CENOTE_RT CenoteStatus cenote_voice_copy(CenoteVoice *voice, const CenoteVoice *from)
{
  const CenoteModelInfo *info = &voice->model->info;
  if (info->hash != from->model->info.hash || info->state_bytes != from->model->info.state_bytes)
    return CENOTE_BAD_STATE;
  memmove(voice->state, from->state, info->state_bytes);
  cn_levels_settle(voice);
  return CENOTE_OK;
}

CENOTE_RT void cenote_voice_set_meter(CenoteVoice *voice, bool on)
{
  voice->meter = on;
}

CENOTE_RT double cenote_voice_bits(CenoteVoice *voice, uint32_t *codes)
{
  const double bits = voice->bits;
  if (codes) *codes = voice->measured;
  voice->bits = 0.0;
  voice->measured = 0;
  return bits;
}

CENOTE_RT uint8_t cenote_model_code(const CenoteModel *model, float sample)
{
  return cn_encode(model->config.encoding, (double)sample);
}
