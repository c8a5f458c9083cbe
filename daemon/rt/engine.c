// SPDX-License-Identifier: ISC
// A segment: commands that are due, voices, mix.
#include "rt/engine.h"

#include "rt/engine_struct.h"

#include <math.h>
#include <string.h>

CENOTE_RT void engine_tell(Engine *engine, Event event)
{
  if (engine->backs == 0 && ring_write(engine->options.events, &event, 1)) return;
  if (engine->backs < ENGINE_BACK) {
    engine->back[engine->backs++] = event;
    return;
  }
  // No room at all: word of an object goes before mere words, for who made it must free it.
  for (uint32_t i = ENGINE_BACK; event.object && i > 0; --i) {
    if (engine->back[i - 1].object) continue;
    engine->back[i - 1] = event;
    return;
  }
}

CENOTE_RT void engine_log(Engine *engine, const Command *command)
{
  if (!ring_write(engine->options.log, &(Logged){engine->frames, *command}, 1)) ++engine->unlogged;
}

/// What the event ring had no room for.
CENOTE_RT static void tell_backs(Engine *engine)
{
  uint32_t told = 0;
  while (told < engine->backs && ring_write(engine->options.events, &engine->back[told], 1)) ++told;
  engine->backs -= told;
  if (told > 0) memmove(engine->back, engine->back + told, engine->backs * sizeof *engine->back);
}

/// Do what is due, in order.
CENOTE_RT static void do_due(Engine *engine)
{
  for (Waiting *waiting = schedule_first(&engine->schedule);
       waiting && waiting->command.due <= engine->frames;
       waiting = schedule_first(&engine->schedule)) {
    const Command command = waiting->command;
    // A stream that has taken it has done it at its own step, unless it stood still since.
    const bool done = waiting->taken != 0 && waiting->done;
    if (waiting->taken != 0 && !done)
      stream_forget(engine->part[command.voice].now, &waiting->done);
    schedule_remove(&engine->schedule, waiting);
    if (!done) engine_do(engine, &command);
  }
}

/// Commands that are there now; a bundle's were written at once, so they are read at once. While
/// events wait for room no more commands are taken, since each may make some. What is for now is
/// done here, after what waited for this frame: it needs no place among those that wait.
CENOTE_RT static void take_commands(Engine *engine)
{
  for (size_t left = ring_filled(engine->options.commands); left > 0; --left) {
    if (engine->backs > ENGINE_BACK / 2) return;
    Command command;
    ring_read(engine->options.commands, &command, 1);
    if (engine->logging) engine_log(engine, &command);
    engine->timed += command.due != 0;
    if (command.due > engine->frames && schedule_add(&engine->schedule, &command)) continue;
    if (command.due > engine->frames && engine_drop(engine, &command, REFUSED_FULL)) continue;
    engine->late += command.due != 0 && command.due < engine->frames;
    do_due(engine);
    engine_do(engine, &command);
  }
}

/// Commands of the first kind go to their streams before the steps of their frames are made, which
/// the resamplers read ahead. The next frame at which something is due.
CENOTE_RT static uint64_t look_ahead(Engine *engine, uint32_t frames)
{
  uint64_t next = UINT64_MAX;
  const uint64_t end = engine->frames + frames;
  for (Waiting *waiting = schedule_first(&engine->schedule); waiting;
       waiting = schedule_next(&engine->schedule, waiting)) {
    const Command *command = &waiting->command;
    if (next == UINT64_MAX) next = command->due;
    if (command->due > end + (uint64_t)(engine->times.rate_hz * 0.02)) break;
    if (command->kind >= COMMAND_AT_FRAME || waiting->taken != 0) continue;
    if (command->voice < 0 || command->voice >= (int32_t)engine->options.voices) continue;
    Stream *stream = engine->part[command->voice].now;
    if (stream_stands(stream) || engine->part[command->voice].set.listening) continue;
    if (!stream_later(stream, command, (double)(command->due - engine->frames), &waiting->done))
      continue;
    waiting->taken = stream->name;
  }
  return next;
}

CENOTE_RT static void list_running(Engine *engine)
{
  Stream *other[ENGINE_VOICES];
  uint32_t others = 0;
  uint32_t count = 0;
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    if (!stream_stands(part->now) && !part->set.listening) engine->running[count++] = part->now;
    if (part->fading) other[others++] = part->fading;
  }
  memcpy(engine->running + count, other, others * sizeof *other);
  count += others;
  // Those of one model side by side: few models, short lists, mostly in order.
  for (uint32_t i = 1; i < count; ++i) {
    Stream *stream = engine->running[i];
    const CenoteModel *model = cenote_voice_model(stream->voice);
    uint32_t at = i;
    for (; at > 0 && cenote_voice_model(engine->running[at - 1]->voice) > model; --at)
      engine->running[at] = engine->running[at - 1];
    engine->running[at] = stream;
  }
  engine->runnings = count;
}

/// Notes whose time is over.
CENOTE_RT static void end_notes(Engine *engine)
{
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    if (part->set.ends != 0 && part->set.ends <= engine->frames) part_release(part, &engine->times);
    if (part->set.releasing && part->set.run && part->now->envelope.left == 0 &&
        part->now->envelope.now == 0.0f) {
      part->set.releasing = part->set.run = part->set.noted = false;
      ramp_set(&part->now->run, 0.0f);
      engine_tell(engine, (Event){.kind = EVENT_ENDED, .voice = (int32_t)k});
    }
  }
}

/// The voice plays a state that brought its own controls, and may have been given others since.
CENOTE_RT static void tell_controls(Engine *engine, int32_t number)
{
  Part *part = &engine->part[number];
  if (!part->other_state) return;
  part->other_state = false;
  const CenoteVoice *voice = part->now->voice;
  Event event = {.kind = EVENT_CONTROLS, .voice = number};
  Controls *controls = &event.controls;
  controls->seed = cenote_voice_seed(voice);
  controls->temperature = cenote_voice_temperature(voice);
  controls->top_p = cenote_voice_top_p(voice);
  controls->top_k = cenote_voice_top_k(voice);
  controls->levels = part->kit->levels;
  for (uint32_t i = 0; i < controls->levels && i < ENGINE_LEVELS; ++i) {
    controls->level[i].gain = cenote_voice_level_gain(voice, i);
    controls->level[i].clock = cenote_voice_level_clock(voice, i);
    controls->level[i].noise = cenote_voice_level_noise(voice, i);
    controls->level[i].freeze = cenote_voice_level_freeze(voice, i);
  }
  engine_tell(engine, event);
}

CENOTE_RT static uint64_t sooner(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/// The next frame at which a part changes by itself: a note's end, the end of a release, of a stop,
/// of a crossfade; or at which its past grows. A segment ends there, so that none of it depends on
/// how time is cut.
CENOTE_RT static uint64_t next_turn(const Engine *engine)
{
  uint64_t next = UINT64_MAX;
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    const Part *part = &engine->part[k];
    const Stream *now = part->now;
    if (part->set.ends != 0) next = sooner(next, part->set.ends);
    if (part->set.releasing && now->envelope.left > 0)
      next = sooner(next, engine->frames + now->envelope.left);
    if (now->run.left > 0 && now->run.target == 0.0f)
      next = sooner(next, engine->frames + now->run.left);
    if (part->fading) next = sooner(next, engine->frames + part->fading->cross.left);
    const uint64_t every = part->kit->past_every;
    if (part->kit->past_room > 0 && every > 0 && !stream_stands(now))
      next = sooner(next, (engine->frames / every + 1) * every);
  }
  return next;
}

CENOTE_RT uint32_t engine_begin(Engine *engine, uint32_t frames)
{
  tell_backs(engine);
  end_notes(engine);
  take_commands(engine);
  do_due(engine);
  const uint64_t next = sooner(look_ahead(engine, frames), next_turn(engine));
  if (next < engine->frames + frames) frames = (uint32_t)(next - engine->frames);
  engine->segment = frames;
  for (uint32_t k = 0; k < engine->options.voices; ++k) tell_controls(engine, (int32_t)k);
  list_running(engine);
  return frames;
}

CENOTE_RT uint32_t engine_streams(const Engine *engine)
{
  return engine->runnings;
}

CENOTE_RT void engine_run(Engine *engine, uint32_t share, uint32_t shares)
{
  const uint32_t first = engine->runnings * share / shares;
  const uint32_t end = engine->runnings * (share + 1) / shares;
  if (end > first) stream_render(engine->running + first, end - first, engine->segment);
}

/// Saves go into their slots, in the order of the voices.
CENOTE_RT static void keep_saves(Engine *engine, Stream *stream)
{
  for (uint32_t i = 0; i < stream->saves; ++i) {
    Command put = stream->save[i];
    put.kind = COMMAND_PUT;
    engine_do(engine, &put);
  }
  stream->saves = 0;
}

CENOTE_RT static void mix_part(Engine *engine, uint32_t number)
{
  Part *part = &engine->part[number];
  float *alone = NULL;
  for (uint32_t t = 0; t < ENGINE_TAPS && !alone; ++t)
    if (engine->tap[t].ring && engine->tap[t].voice == (int32_t)number) alone = engine->alone[t];
  if (alone) memset(alone, 0, engine->segment * engine->options.channels * sizeof *alone);
  if (!part->told && !cenote_voice_finite(part->now->voice)) {
    part->told = true;
    engine_tell(engine, (Event){.kind = EVENT_NOT_FINITE, .voice = (int32_t)number});
  }
  part_mix(part, &engine->times, engine->segment, engine->mix, alone);
  for (int i = 0; i < 2; ++i) {
    keep_saves(engine, part->kit->stream[i]);
    if (part->old_kit) keep_saves(engine, part->old_kit->stream[i]);
  }
  Kit *retired = part_clean(part);
  if (retired) engine_tell(engine, (Event){.kind = EVENT_KIT, .object = retired});
}

CENOTE_RT static void tap(Engine *engine, const float *out)
{
  for (uint32_t t = 0; t < ENGINE_TAPS; ++t) {
    Tap *each = &engine->tap[t];
    if (!each->ring) continue;
    const float *from = out;
    // Voices that several recordings want are mixed into the first one's.
    for (uint32_t i = 0; each->voice >= 0 && i <= t; ++i) {
      if (!engine->tap[i].ring || engine->tap[i].voice != each->voice) continue;
      from = engine->alone[i];
      break;
    }
    if (ring_write(each->ring, from, engine->segment)) each->frames += engine->segment;
  }
}

CENOTE_RT static void tell_meters(Engine *engine)
{
  if (engine->meter_every == 0 || engine->frames < engine->meter_last + engine->meter_every) return;
  engine->meter_last = engine->frames;
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    uint32_t codes = 0;
    const double bits = cenote_voice_bits(part->now->voice, &codes);
    Event event = {.kind = EVENT_METER, .voice = (int32_t)k};
    const double frames = part->metered > 0 ? (double)part->metered : 1.0;
    event.meter = (Meter){.peak = part->peak,
                          .rms = (float)sqrt(part->square / frames),
                          .dc = (float)(part->sum / frames),
                          .bits = codes > 0 ? (float)(bits / codes) : 0.0f,
                          .clipped = part->clipped};
    part_reset_meter(part);
    engine_tell(engine, event);
  }
}

CENOTE_RT void engine_hear(Engine *engine)
{
  const uint32_t frames = engine->segment;
  Ring *input = engine->options.input;
  const size_t got = input ? ring_read(input, engine->input, frames) : 0;
  memset(engine->input + got, 0, (frames - got) * sizeof *engine->input);
  if (input && engine->logging && engine->options.heard &&
      !ring_write(engine->options.heard, engine->input, frames))
    ++engine->unlogged;
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    if (!part->set.listening || stream_stands(part->now)) continue;
    CenoteVoice *voice = part->now->voice;
    uint32_t at = 0;
    uint8_t code[ENGINE_EAR];
    while (at < frames) {
      uint32_t used = frames - at < ENGINE_EAR ? frames - at : ENGINE_EAR;
      uint32_t made = used;
      const float *ear = engine->input + at;
      if (part->kit->ear) {
        cenote_resampler_process(part->kit->ear, engine->input + at, used, &used, engine->ear,
                                 ENGINE_EAR, &made, false);
        ear = engine->ear;
        if (used == 0 && made == 0) break;
      }
      at += used;
      for (uint32_t i = 0; i < made; ++i)
        code[i] = cenote_model_code(cenote_voice_model(voice), ear[i]);
      cenote_voice_listen(voice, code, made, NULL);
    }
    memset(part->now->sound, 0, frames * sizeof *part->now->sound);
  }
}

CENOTE_RT void engine_end(Engine *engine, float *out)
{
  const uint32_t frames = engine->segment;
  memset(engine->mix, 0, frames * engine->options.channels * sizeof *engine->mix);
  engine_hear(engine);
  for (uint32_t k = 0; k < engine->options.voices; ++k) mix_part(engine, k);
  engine_master(engine, out);
  tap(engine, out);
  engine->frames += frames;
  for (uint32_t k = 0; k < engine->options.voices; ++k) engine_remember(engine, &engine->part[k]);
  tell_meters(engine);
  if (engine->ending && !engine->ended && engine->end.left == 0) {
    engine->ended = true;
    engine_tell(engine, (Event){.kind = EVENT_FADED});
  }
}

CENOTE_RT uint32_t engine_sounding(const Engine *engine)
{
  uint32_t sounding = 0;
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    const Part *part = &engine->part[k];
    if (part->now->run.target > 0.0f && cenote_voice_finite(part->now->voice)) ++sounding;
  }
  return sounding;
}

CENOTE_RT uint64_t engine_frames(const Engine *engine)
{
  return engine->frames;
}

CENOTE_RT uint64_t engine_late(const Engine *engine)
{
  return engine->late;
}

CENOTE_RT uint64_t engine_unlogged(const Engine *engine)
{
  return engine->unlogged;
}

CENOTE_RT uint64_t engine_gone(const Engine *engine)
{
  return engine->timed - engine->schedule.count;
}

CENOTE_RT uint32_t engine_waiting(const Engine *engine)
{
  return engine->schedule.count;
}
