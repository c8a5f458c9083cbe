// SPDX-License-Identifier: ISC
// One block: commands, voices, mix, master. Gains move in ramps; a new ensemble is crossfaded in
// over the old one; a reset glides from the last value to the new start.
#include "rt/engine.h"

#include "rt/engine_struct.h"

#include <math.h>
#include <string.h>

CENOTE_RT static void ramp_to(Ramp *ramp, float target, uint32_t frames)
{
  ramp->target = target;
  ramp->left = frames;
  ramp->step = (target - ramp->now) / (float)frames;
}

CENOTE_RT static float ramp_next(Ramp *ramp)
{
  if (ramp->left > 0) ramp->now = --ramp->left == 0 ? ramp->target : ramp->now + ramp->step;
  return ramp->now;
}

CENOTE_RT static bool send_event(Engine *engine, Event event)
{
  return ring_write(engine->events, &event, 1);
}

/// Hand back an ensemble; it stays where it is while the event ring is full.
CENOTE_RT static void retire(Engine *engine, Ensemble **ensemble)
{
  if (*ensemble && send_event(engine, (Event){.kind = EVENT_RETIRED, .ensemble = *ensemble}))
    *ensemble = NULL;
}

CENOTE_RT static void apply_part(Engine *engine, Part *part, const Command *command)
{
  switch (command->kind) {
  case COMMAND_RUN:
    ramp_to(&part->run, command->whole ? 1.0f : 0.0f, engine->ramp_frames);
    break;
  case COMMAND_RESET:
    cenote_voice_reset(part->voice);
    part->told = false;
    part->residue = part->last;
    part->glide = engine->ramp_frames;
    break;
  case COMMAND_SEED:
    cenote_voice_set_seed(part->voice, command->whole);
    break;
  case COMMAND_TEMPERATURE:
    cenote_voice_set_temperature(part->voice, (float)command->number);
    break;
  case COMMAND_TOP_K:
    cenote_voice_set_top_k(part->voice, (uint32_t)command->whole);
    break;
  case COMMAND_TOP_P:
    cenote_voice_set_top_p(part->voice, (float)command->number);
    break;
  case COMMAND_GAIN:
    part->level = (float)command->number;
    break;
  case COMMAND_MUTE:
    part->muted = command->whole != 0;
    break;
  default:
    break;
  }
  if (command->kind == COMMAND_GAIN || command->kind == COMMAND_MUTE)
    ramp_to(&part->gain, part->muted ? 0.0f : part->level, engine->ramp_frames);
}

CENOTE_RT static void apply(Engine *engine, const Command *command)
{
  switch (command->kind) {
  case COMMAND_ENSEMBLE:
    if (engine->next) engine->unheard = engine->next;
    engine->next = command->ensemble;
    return;
  case COMMAND_MASTER_GAIN:
    engine->master_level = (float)command->number;
    break;
  case COMMAND_MASTER_MUTE:
    engine->master_muted = command->whole != 0;
    break;
  case COMMAND_TAP:
    engine->tapping = command->whole != 0;
    engine->tap_voice = command->voice;
    if (engine->tapping) engine->tapped = 0;
    engine->tap_told = engine->tapping;
    return;
  case COMMAND_FADE:
    engine->ending = true;
    ramp_to(&engine->end, 0.0f, engine->fade_frames);
    return;
  default: {
    // What is addressed to a coming ensemble must reach it, not the one that it replaces.
    Ensemble *ensemble = engine->next ? engine->next : engine->now;
    if (command->voice < ensemble->parts)
      apply_part(engine, &ensemble->part[command->voice], command);
    return;
  }
  }
  ramp_to(&engine->master, engine->master_muted ? 0.0f : engine->master_level, engine->ramp_frames);
}

/// Commands that are there now; a bundle's were written at once, so they are read at once.
CENOTE_RT static void take_commands(Engine *engine)
{
  for (size_t left = ring_filled(engine->commands); left > 0; --left) {
    // An ensemble waits in the ring while the one before it still waits to be handed back.
    if (engine->unheard) return;
    Command command;
    ring_read(engine->commands, &command, 1);
    apply(engine, &command);
  }
}

CENOTE_RT static void turn_over(Engine *engine)
{
  retire(engine, &engine->unheard);
  if (engine->cross.left == 0) retire(engine, &engine->old);
  if (engine->next && !engine->old) {
    engine->old = engine->now;
    engine->now = engine->next;
    engine->next = NULL;
    engine->cross = (Ramp){0};
    ramp_to(&engine->cross, 1.0f, engine->fade_frames);
  }
  if (!engine->tap_told &&
      send_event(engine, (Event){.kind = EVENT_TAP_OFF, .whole = engine->tapped}))
    engine->tap_told = true;
}

CENOTE_RT static bool stands_still(const Part *part)
{
  return part->run.left == 0 && part->run.now == 0.0f;
}

CENOTE_RT static void list_running(Ensemble *ensemble, uint32_t frames, Running *running)
{
  running->parts = 0;
  for (uint32_t k = 0; ensemble && k < ensemble->parts; ++k) {
    Part *part = &ensemble->part[k];
    if (stands_still(part)) {
      part->lag += ensemble->pace * frames;
      part->lag -= ENGINE_CHUNK * floor(part->lag / ENGINE_CHUNK);
    } else {
      running->part[running->parts++] = part;
    }
  }
}

/// A chunk for every part that has run dry, in as few calls as there are lengths of them. A part
/// that stood still takes one short chunk, and is dry together with the others from then on.
CENOTE_RT static void refill(Part *const *part, uint32_t parts)
{
  for (uint32_t call = 0; call < parts; ++call) {
    CenoteVoice *voice[ENGINE_VOICES];
    float *out[ENGINE_VOICES];
    uint32_t count = 0;
    uint32_t steps = 0;
    for (uint32_t k = 0; k < parts; ++k) {
      if (part[k]->chunk_held > 0) continue;
      const uint32_t lag = (uint32_t)part[k]->lag;
      if (count > 0 && steps != ENGINE_CHUNK - lag) continue;
      steps = ENGINE_CHUNK - lag;
      part[k]->lag -= lag;
      part[k]->chunk_at = 0;
      part[k]->chunk_held = steps;
      voice[count] = part[k]->voice;
      out[count++] = part[k]->chunk;
    }
    if (count == 0) return;
    cenote_voices_render(voice, count, out, steps);
  }
}

/// What its chunk gives of part->sound[frames]; true when that is not all.
CENOTE_RT static bool resample(Part *part, uint32_t frames)
{
  uint32_t used;
  uint32_t made;
  if (part->made == frames) return false;
  cenote_resampler_process(part->resampler, part->chunk + part->chunk_at, part->chunk_held, &used,
                           part->sound + part->made, frames - part->made, &made, false);
  part->chunk_at += used;
  part->chunk_held -= used;
  part->made += made;
  return part->made < frames;
}

/// part[..]->sound[frames] at the output rate, of parts of one ensemble.
CENOTE_RT static void render_sounds(Part *const *part, uint32_t parts, uint32_t frames)
{
  CenoteVoice *voice[ENGINE_VOICES];
  float *out[ENGINE_VOICES];
  if (parts == 0) return;
  for (uint32_t k = 0; k < parts; ++k) {
    voice[k] = part[k]->voice;
    out[k] = part[k]->sound;
    part[k]->made = 0;
  }
  if (!part[0]->resampler) {
    cenote_voices_render(voice, parts, out, frames);
    return;
  }
  // Each turn makes at least one chunk or one frame of each, so the turns are bounded by both.
  for (bool more = true; more;) {
    more = false;
    for (uint32_t k = 0; k < parts; ++k) more = resample(part[k], frames) || more;
    refill(part, parts);
  }
}

/// The part's sound with all that moves it: glide, gain, run.
CENOTE_RT static void shape(Engine *engine, Part *part, uint32_t number)
{
  float *sound = part->sound;
  if (stands_still(part)) {
    memset(sound, 0, engine->block * sizeof *sound);
    return;
  }
  if (!part->told && !cenote_voice_finite(part->voice))
    part->told = send_event(engine, (Event){.kind = EVENT_NOT_FINITE, .voice = number});
  for (uint32_t i = 0; i < engine->block; ++i) {
    float x = sound[i];
    if (part->glide > 0) {
      const float share = (float)part->glide-- / (float)engine->ramp_frames;
      x += (part->residue - x) * share;
    }
    part->last = x;
    sound[i] = x * ramp_next(&part->gain) * ramp_next(&part->run);
  }
}

CENOTE_RT static void mix_ensemble(Engine *engine, Ensemble *ensemble, bool tap, float *mix)
{
  for (uint32_t k = 0; k < ensemble->parts; ++k) {
    const float *sound = ensemble->part[k].sound;
    shape(engine, &ensemble->part[k], k);
    if (tap && engine->tap_voice == k + 1)
      for (uint32_t i = 0; i < engine->block; ++i)
        engine->alone[2 * i] = engine->alone[2 * i + 1] = sound[i];
    if (k == 0) memcpy(mix, sound, engine->block * sizeof *mix);
    else
      for (uint32_t i = 0; i < engine->block; ++i) mix[i] += sound[i];
  }
}

/// Transparent up to 0.8, then bent towards 1 with a continuous slope.
CENOTE_RT static double limit(double x)
{
  const double size = fabs(x);
  if (!(size > 0.8)) return x;
  const double over = (size - 0.8) / 0.2;
  const double bent = 0.8 + 0.2 * (over / (1.0 + over));
  return x < 0.0 ? -bent : bent;
}

CENOTE_RT static float master(Engine *engine, float x, int channel)
{
  if (engine->dry) return x;
  double y = (double)x - engine->dc_in[channel] + engine->pole * engine->dc_out[channel];
  if (fabs(y) < 1e-15) y = 0.0; // before it becomes subnormal
  engine->dc_in[channel] = (double)x;
  engine->dc_out[channel] = y;
  return (float)limit(y);
}

/// Cut to [-most, most]; NaN becomes 0.
CENOTE_RT static float within(float x, float most)
{
  return x > most ? most : x >= -most ? x : x < -most ? -most : 0.0f;
}

CENOTE_RT uint32_t engine_begin(Engine *engine, uint32_t frames)
{
  take_commands(engine);
  turn_over(engine);
  engine->block = frames;
  engine->crossing = engine->old && engine->cross.left > 0;
  list_running(engine->now, frames, &engine->running[0]);
  list_running(engine->crossing ? engine->old : NULL, frames, &engine->running[1]);
  const uint32_t now = engine->running[0].parts;
  const uint32_t old = engine->running[1].parts;
  return now > old ? now : old;
}

CENOTE_RT void engine_run(Engine *engine, uint32_t share, uint32_t shares)
{
  for (int i = 0; i < 2; ++i) {
    const Running *running = &engine->running[i];
    const uint32_t first = running->parts * share / shares;
    const uint32_t end = running->parts * (share + 1) / shares;
    render_sounds(running->part + first, end - first, engine->block);
  }
}

CENOTE_RT void engine_end(Engine *engine, float *out)
{
  const uint32_t frames = engine->block;
  const bool crossing = engine->crossing;
  mix_ensemble(engine, engine->now, engine->tapping, engine->mix);
  if (crossing) mix_ensemble(engine, engine->old, false, engine->fading);
  for (uint32_t i = 0; i < frames; ++i) {
    float x = engine->mix[i];
    if (crossing) {
      const float share = ramp_next(&engine->cross);
      x = x * share + engine->fading[i] * (1.0f - share);
    }
    x = within(x * ramp_next(&engine->master) * ramp_next(&engine->end), 1000.0f);
    for (int channel = 0; channel < ENGINE_CHANNELS; ++channel)
      out[2 * i + (uint32_t)channel] = within(master(engine, x, channel), 1.0f);
  }
  if (engine->tapping) {
    const float *tapped = engine->tap_voice == 0 ? out : engine->alone;
    if (ring_write(engine->tap, tapped, frames)) engine->tapped += frames;
  }
  engine->frames += frames;
  if (engine->ending && !engine->ended && engine->end.left == 0)
    engine->ended = send_event(engine, (Event){.kind = EVENT_FADED});
}

CENOTE_RT uint32_t engine_sounding(const Engine *engine)
{
  uint32_t sounding = 0;
  for (uint32_t k = 0; k < engine->now->parts; ++k) {
    const Part *part = &engine->now->part[k];
    if (part->run.target > 0.0f && cenote_voice_finite(part->voice)) ++sounding;
  }
  return sounding;
}

CENOTE_RT uint64_t engine_frames(const Engine *engine)
{
  return engine->frames;
}
