// SPDX-License-Identifier: ISC
#include "rt/stream.h"

#include <math.h>
#include <string.h>

/// In steps since it began, so many frames from now.
CENOTE_RT static double position(const Stream *stream, double frames)
{
  const double since = (double)(stream->frames - stream->base_frames) + frames;
  return stream->base + since * (stream->pace * stream->speed);
}

/// Of the filter, which grows with the steps in a frame when those are more than one: known before
/// it is met, so that how far the model is ahead depends on no block.
CENOTE_RT static uint32_t look_at(const Stream *stream, double speed)
{
  const double plain = stream->pace > 1.0 ? stream->pace : 1.0;
  const double longer = stream->pace * speed / plain;
  if (longer <= 1.0) return stream->least_look;
  return (uint32_t)(stream->least_look * longer) + 2;
}

CENOTE_RT void stream_begin(Stream *stream, double speed)
{
  // At the model's own rate and speed nothing stands between the model and what is heard.
  stream->resampler = stream->pace == 1.0 && speed == 1.0 ? NULL : stream->own;
  stream->speed = speed;
  cenote_resampler_reset(stream->own);
  cenote_resampler_set_ratio(stream->own, 1.0 / (stream->pace * speed));
  stream->look = look_at(stream, speed);
  stream->base = 0.0;
  stream->frames = stream->base_frames = stream->steps = 0;
  stream->held_at = stream->held = 0;
  stream->laters = 0;
  memset(stream->last, 0, sizeof stream->last);
}

CENOTE_RT static void save(Stream *stream, const Command *command)
{
  Moment *moment = command->object;
  const CenoteModelInfo *info = cenote_model_info(cenote_voice_model(stream->voice));
  moment->bytes = 0;
  if (info->state_bytes <= moment->room) {
    cenote_voice_save(stream->voice, moment->state);
    moment->bytes = info->state_bytes;
    moment->hash = info->hash;
  }
  stream->save[stream->saves++] = *command;
}

CENOTE_RT void stream_take(Stream *stream, const Command *command)
{
  CenoteVoice *voice = stream->voice;
  const float number = (float)command->number;
  switch (command->kind) {
  case COMMAND_SEED:
    cenote_voice_set_seed(voice, command->whole);
    break;
  case COMMAND_TEMPERATURE:
    cenote_voice_set_temperature(voice, number);
    break;
  case COMMAND_TOP_K:
    cenote_voice_set_top_k(voice, (uint32_t)command->whole);
    break;
  case COMMAND_TOP_P:
    cenote_voice_set_top_p(voice, number);
    break;
  case COMMAND_LEVEL_GAIN:
    cenote_voice_set_level_gain(voice, command->level, number);
    break;
  case COMMAND_LEVEL_FREEZE:
    cenote_voice_set_level_freeze(voice, command->level, command->whole != 0);
    break;
  case COMMAND_LEVEL_CLOCK:
    cenote_voice_set_level_clock(voice, command->level, number);
    break;
  case COMMAND_LEVEL_NOISE:
    cenote_voice_set_level_noise(voice, command->level, number);
    break;
  case COMMAND_LEVEL_TICK:
    cenote_voice_level_tick(voice, command->level);
    break;
  case COMMAND_LEVEL_RESET:
    cenote_voice_level_reset(voice, command->level);
    break;
  case COMMAND_SAVE:
    save(stream, command);
    break;
  default:
    break;
  }
}

CENOTE_RT bool stream_later(Stream *stream, const Command *command, double frames, bool *done)
{
  if (stream->laters + stream->saves >= STREAM_LATER) return false;
  const double step = -floor(1e-6 - position(stream, frames)); // up
  uint32_t at = stream->laters++;
  for (; at > 0 && stream->later[at - 1].step > step; --at)
    stream->later[at] = stream->later[at - 1];
  stream->later[at] = (Later){step, done, *command};
  return true;
}

CENOTE_RT void stream_forget(Stream *stream, const bool *done)
{
  uint32_t left = 0;
  for (uint32_t i = 0; i < stream->laters; ++i)
    if (stream->later[i].done != done) stream->later[left++] = stream->later[i];
  stream->laters = left;
}

CENOTE_RT static void take_due(Stream *stream)
{
  uint32_t due = 0;
  for (; due < stream->laters && stream->later[due].step <= (double)stream->steps; ++due) {
    stream_take(stream, &stream->later[due].command);
    *stream->later[due].done = true;
  }
  stream->laters -= due;
  memmove(stream->later, stream->later + due, stream->laters * sizeof *stream->later);
}

CENOTE_RT bool stream_set_speed(Stream *stream, double speed)
{
  if (speed == stream->speed) return true;
  if (!stream->resampler) return false;
  stream->base = position(stream, 0.0);
  stream->base_frames = stream->frames;
  stream->speed = speed;
  stream->look = look_at(stream, speed);
  cenote_resampler_set_ratio(stream->resampler, 1.0 / (stream->pace * speed));
  return true;
}

CENOTE_RT static double least(double a, double b)
{
  return a < b ? a : b;
}

/// Steps that may be made at once: up to what `frames` more frames need, the next command's step
/// and the room there is.
CENOTE_RT static uint32_t steps_wanted(const Stream *stream, uint32_t frames)
{
  const double end = position(stream, frames);
  const double target = stream->resampler ? floor(end) + stream->look + 1.0 : end;
  double wanted = target - (double)stream->steps;
  if (stream->laters > 0) wanted = least(wanted, stream->later[0].step - (double)stream->steps);
  wanted = least(wanted, STREAM_STEPS);
  if (stream->resampler) wanted = least(wanted, STREAM_ROOM - stream->held);
  return wanted > 0.0 ? (uint32_t)(wanted + 0.5) : 0;
}

/// Where its next steps' sound goes.
CENOTE_RT static float *place(Stream *stream)
{
  if (!stream->resampler) return stream->sound + stream->made;
  if (stream->held_at > 0)
    memmove(stream->step_sound, stream->step_sound + stream->held_at,
            stream->held * sizeof *stream->step_sound);
  stream->held_at = 0;
  return stream->step_sound + stream->held;
}

/// The next steps of all that want some, as many of them in one call as want as many. False when
/// none does.
CENOTE_RT static bool make_steps(Stream *const *stream, uint32_t streams, uint32_t frames)
{
  CenoteVoice *voice[2 * ENGINE_VOICES];
  float *out[2 * ENGINE_VOICES];
  Stream *taking[2 * ENGINE_VOICES];
  uint32_t steps = UINT32_MAX;
  uint32_t count = 0;
  for (uint32_t k = 0; k < streams; ++k) {
    take_due(stream[k]);
    const uint32_t wanted = steps_wanted(stream[k], frames - stream[k]->made);
    if (wanted > 0 && wanted < steps) steps = wanted;
  }
  if (steps == UINT32_MAX) return false;
  for (uint32_t k = 0; k < streams; ++k) {
    if (steps_wanted(stream[k], frames - stream[k]->made) < steps) continue;
    taking[count] = stream[k];
    voice[count] = stream[k]->voice;
    out[count++] = place(stream[k]);
  }
  cenote_voices_render(voice, count, out, steps);
  for (uint32_t k = 0; k < count; ++k) {
    taking[k]->steps += steps;
    if (taking[k]->resampler) {
      taking[k]->held += steps;
    } else {
      taking[k]->made += steps;
      taking[k]->frames += steps;
    }
  }
  return true;
}

CENOTE_RT static void resample(Stream *stream, uint32_t frames)
{
  uint32_t used;
  uint32_t made;
  if (!stream->resampler || stream->made == frames) return;
  cenote_resampler_process(stream->resampler, stream->step_sound + stream->held_at, stream->held,
                           &used, stream->sound + stream->made, frames - stream->made, &made,
                           false);
  stream->held_at += used;
  stream->held -= used;
  stream->made += made;
  stream->frames += made;
}

CENOTE_RT void stream_render(Stream *const *stream, uint32_t streams, uint32_t frames)
{
  for (uint32_t k = 0; k < streams; ++k) stream[k]->made = 0;
  // Each turn makes a step or a frame of some stream, so the turns are bounded.
  for (bool more = true; more;) {
    more = make_steps(stream, streams, frames);
    for (uint32_t k = 0; k < streams; ++k) resample(stream[k], frames);
    if (more) continue;
    // The resampler's own count of its position is rounded otherwise than ours: it may want one
    // step more.
    for (uint32_t k = 0; k < streams; ++k) {
      Stream *late = stream[k];
      if (late->made == frames) continue;
      if (++late->look < STREAM_ROOM / 2) more = true;
      else memset(late->sound + late->made, 0, (frames - late->made) * sizeof *late->sound);
    }
  }
}
