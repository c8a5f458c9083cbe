// SPDX-License-Identifier: ISC
#include "rt/part.h"

#include <math.h>
#include <string.h>

CENOTE_RT uint32_t part_frames(const PartTimes *times, float ms)
{
  return (uint32_t)(times->rate_hz * (double)ms * 1e-3 + 0.5);
}

CENOTE_RT bool part_stands(const Part *part)
{
  return !part->fading && stream_stands(part->now);
}

/// Gain of one of two channels for pan -1..1: unity in the centre, a quarter of a circle to
/// silence.
CENOTE_RT static float stereo_gain(float pan, bool right)
{
  const float away = right ? -pan : pan;
  if (away <= 0.0f) return 1.0f;
  return away >= 1.0f ? 0.0f : sqrtf(1.0f - away * away);
}

/// Gain of a channel of a ring: channel 0 is left of the front (pan 0), the others follow
/// clockwise, and pan -1 and 1 are the rear. The two next to the direction share the power 1, as
/// shares of d and 1 - d from them, 1 - 3 d^2 + 2 d^3: all but sine and cosine, by what is
/// correctly rounded.
CENOTE_RT static float ring_gain(float pan, uint32_t channel, uint32_t channels)
{
  const float place = 0.5f * (float)channels * pan + 0.5f;
  float off = fabsf(place - (float)channel);
  if (off > 0.5f * (float)channels) off = fabsf(off - (float)channels);
  return off < 1.0f ? (1.0f - off) * sqrtf(1.0f + 2.0f * off) : 0.0f;
}

CENOTE_RT static float pan_gain(float pan, uint32_t channel, uint32_t channels)
{
  if (channels == 1) return 1.0f;
  return channels == 2 ? stereo_gain(pan, channel == 1) : ring_gain(pan, channel, channels);
}

CENOTE_RT void part_reshape(Part *part, const PartTimes *times)
{
  Stream *now = part->now;
  ramp_to(&now->gain, part->set.muted ? 0.0f : part->set.level, times->ramp);
  for (uint32_t c = 0; c < times->channels; ++c)
    ramp_to(&now->pan[c], pan_gain(part->set.pan, c, times->channels), times->ramp);
}

CENOTE_RT void part_cut(Part *part, const PartTimes *times)
{
  if (!part->fading) return;
  const float left = part->glide > 0 ? (float)part->glide / (float)times->ramp : 0.0f;
  for (uint32_t c = 0; c < times->channels; ++c)
    part->residue[c] = part->residue[c] * left + part->fading->last[c];
  part->glide = times->ramp;
  part->fading = NULL;
}

CENOTE_RT Stream *part_other(Part *part, const PartTimes *times)
{
  part_cut(part, times);
  return part->now == part->kit->stream[0] ? part->kit->stream[1] : part->kit->stream[0];
}

CENOTE_RT Stream *part_double(Part *part, const PartTimes *times)
{
  Stream *other = part_other(part, times);
  cenote_voice_copy(other->voice, part->now->voice);
  return other;
}

CENOTE_RT static void hand_over(Part *part, Stream *fresh, uint32_t frames, bool whole)
{
  Stream *old = part->now;
  old->laters = 0; // what was on its way to it is for the other
  stream_begin(fresh, (double)part->set.speed);
  fresh->envelope = old->envelope;
  fresh->run = old->run;
  fresh->gain = old->gain;
  memcpy(fresh->pan, old->pan, sizeof fresh->pan);
  const bool silent = stream_stands(old);
  ramp_set(&fresh->cross, whole || silent ? 1.0f : 0.0f);
  ramp_to(&fresh->cross, 1.0f, frames);
  ramp_to(&old->cross, 0.0f, frames);
  part->fading = silent || frames == 0 ? NULL : old;
  part->now = fresh;
  part->told = false;
}

CENOTE_RT void part_turn(Part *part, const PartTimes *times, uint32_t frames, bool whole)
{
  hand_over(part, part_other(part, times), frames, whole);
}

CENOTE_RT void part_replace(Part *part, const PartTimes *times, Kit *kit, Kit **retired)
{
  part_cut(part, times);
  *retired = part->old_kit;
  part->old_kit = part->kit;
  part->kit = kit;
  hand_over(part, kit->stream[0], times->ramp * 4, false);
}

CENOTE_RT Kit *part_clean(Part *part)
{
  if (part->fading && part->fading->cross.left == 0) part->fading = NULL;
  Kit *retired = part->fading ? NULL : part->old_kit;
  if (retired) part->old_kit = NULL;
  return retired;
}

CENOTE_RT void part_attack(Part *part, const PartTimes *times)
{
  Ramp *envelope = &part->now->envelope;
  ramp_set(envelope, 0.0f);
  ramp_to(envelope, 1.0f, part_frames(times, part->set.attack_ms));
}

CENOTE_RT void part_start(Part *part, const PartTimes *times, uint64_t frame, float gain, float pan)
{
  Stream *now = part->now;
  ramp_set(&now->run, 1.0f);
  part_attack(part, times);
  ramp_set(&now->gain, part->set.muted ? 0.0f : part->set.level * gain);
  const float where = isnan(pan) ? part->set.pan : pan;
  for (uint32_t c = 0; c < times->channels; ++c)
    ramp_set(&now->pan[c], pan_gain(where, c, times->channels));
  part->set.run = true;
  part->set.releasing = false;
  part->set.listening = false;
  part->set.began = frame;
  part->set.ends = 0;
}

CENOTE_RT void part_release(Part *part, const PartTimes *times)
{
  const uint32_t frames = part_frames(times, part->set.release_ms);
  ramp_to(&part->now->envelope, 0.0f, frames < times->ramp ? times->ramp : frames);
  part->set.releasing = true;
  part->set.ends = 0;
}

CENOTE_RT void part_set_run(Part *part, const PartTimes *times, bool run)
{
  part->set.run = run;
  ramp_to(&part->now->run, run ? 1.0f : 0.0f, times->ramp);
  if (!run) return;
  if (part->now->envelope.target < 1.0f) ramp_to(&part->now->envelope, 1.0f, times->ramp);
  part->set.releasing = false;
}

/// One stream's sound into all channels. Inlined with a number of them that the compiler knows,
/// where there is one for many.
CENOTE_RT static inline __attribute__((always_inline)) void
mix_into(Stream *stream, uint32_t channels, uint32_t frames, float *mix, float *alone)
{
  float pan[ENGINE_CHANNELS];
  uint32_t left = stream->cross.left + stream->envelope.left + stream->run.left + stream->gain.left;
  for (uint32_t c = 0; c < channels; ++c) {
    left += stream->pan[c].left;
    pan[c] = stream->pan[c].now;
  }
  const bool moves = left > 0;
  float x = 0.0f;
  float gain = stream->cross.now * stream->envelope.now * stream->run.now * stream->gain.now;
  for (uint32_t i = 0; i < frames; ++i) {
    if (moves) {
      gain = ramp_next(&stream->cross) * ramp_next(&stream->envelope) * ramp_next(&stream->run) *
             ramp_next(&stream->gain);
      for (uint32_t c = 0; c < channels; ++c) pan[c] = ramp_next(&stream->pan[c]);
    }
    x = stream->sound[i] * gain;
    for (uint32_t c = 0; c < channels; ++c) {
      mix[channels * i + c] += x * pan[c];
      if (alone) alone[channels * i + c] += x * pan[c];
    }
  }
  for (uint32_t c = 0; c < channels && frames > 0; ++c) stream->last[c] = x * pan[c];
}

CENOTE_RT static void mix_stream(Stream *stream, const PartTimes *times, uint32_t frames,
                                 float *mix, float *alone)
{
  if (times->channels == ENGINE_STEREO) mix_into(stream, ENGINE_STEREO, frames, mix, alone);
  else mix_into(stream, times->channels, frames, mix, alone);
}

/// What was cut off, gliding to 0.
CENOTE_RT static void mix_residue(Part *part, const PartTimes *times, uint32_t frames, float *mix,
                                  float *alone)
{
  const uint32_t channels = times->channels;
  for (uint32_t i = 0; i < frames && part->glide > 0; ++i) {
    const float share = (float)part->glide-- / (float)times->ramp;
    for (uint32_t c = 0; c < channels; ++c) {
      mix[channels * i + c] += part->residue[c] * share;
      if (alone) alone[channels * i + c] += part->residue[c] * share;
    }
  }
}

CENOTE_RT static void measure(Part *part, uint32_t frames)
{
  for (uint32_t i = 0; i < frames; ++i) {
    const float x = part->now->sound[i];
    part->peak = fabsf(x) > part->peak ? fabsf(x) : part->peak;
    part->square += (double)x * (double)x;
    part->sum += (double)x;
    part->clipped += fabsf(x) >= 1.0f;
  }
  part->metered += frames;
}

CENOTE_RT void part_reset_meter(Part *part)
{
  part->peak = 0.0f;
  part->square = part->sum = 0.0;
  part->metered = 0;
  part->clipped = 0;
}

CENOTE_RT void part_mix(Part *part, const PartTimes *times, uint32_t frames, float *mix,
                        float *alone)
{
  if (!stream_stands(part->now)) {
    mix_stream(part->now, times, frames, mix, alone);
    measure(part, frames);
  }
  if (part->fading) mix_stream(part->fading, times, frames, mix, alone);
  mix_residue(part, times, frames, mix, alone);
}
