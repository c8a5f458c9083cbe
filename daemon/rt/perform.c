// SPDX-License-Identifier: ISC
// What each command does, at its frame.
#include "rt/engine_struct.h"
#include "rt/recall.h"
#include "rt/snapshot.h"

#include <math.h>
#include <string.h>

CENOTE_RT void engine_refuse(Engine *engine, const Command *command, Refusal why)
{
  if (command->reply)
    engine_tell(engine, (Event){.kind = EVENT_REFUSED,
                                .reply = command->reply,
                                .voice = command->voice,
                                .slot = command->slot,
                                .whole = why});
}

CENOTE_RT void engine_answer(Engine *engine, const Command *command, int32_t voice, double number)
{
  if (command->reply)
    engine_tell(
        engine,
        (Event){.kind = EVENT_DONE, .reply = command->reply, .voice = voice, .number = number});
}

CENOTE_RT void engine_give_back(Engine *engine, void *moment)
{
  if (moment) engine_tell(engine, (Event){.kind = EVENT_MOMENT, .object = moment});
}

/// What the stream of this name has of the schedule is the next one's to do. A save that it has
/// done is done.
CENOTE_RT static void name_anew(Engine *engine, Part *part, uint64_t name)
{
  for (Waiting *waiting = schedule_first(&engine->schedule); waiting;
       waiting = schedule_next(&engine->schedule, waiting)) {
    if (waiting->taken != name || (waiting->done && waiting->command.kind == COMMAND_SAVE))
      continue;
    waiting->taken = 0;
    waiting->done = false;
  }
  part->now->name = ++engine->names;
}

/// What the stream has been given to do reckoned with a time that will pass otherwise: to be given
/// anew.
CENOTE_RT static void take_back(Engine *engine, Part *part)
{
  for (Waiting *waiting = schedule_first(&engine->schedule); waiting;
       waiting = schedule_next(&engine->schedule, waiting)) {
    if (waiting->taken != part->now->name || waiting->done) continue;
    stream_forget(part->now, &waiting->done);
    waiting->taken = 0;
  }
}

CENOTE_RT void engine_turn(Engine *engine, Part *part, uint32_t frames, bool whole)
{
  const uint64_t name = part->now->name;
  part_turn(part, &engine->times, frames, whole);
  name_anew(engine, part, name);
}

CENOTE_RT static void do_note_off(Engine *engine, const Command *command)
{
  const bool all = command->kind == COMMAND_NOTES_OFF;
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    if (!part->set.noted || part->set.releasing || !part->set.run) continue;
    if (all || (part->set.key == command->key && (command->id < 0 || part->set.id == command->id)))
      part_release(part, &engine->times);
  }
}

CENOTE_RT static void do_kit(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  Kit *retired;
  const uint64_t name = part->now->name;
  part_replace(part, &engine->times, command->object, &retired);
  name_anew(engine, part, name);
  part->set.listening = false;
  engine_tell(engine,
              (Event){.kind = EVENT_PLAYS, .voice = command->voice, .object = command->object});
  if (retired) engine_tell(engine, (Event){.kind = EVENT_KIT, .object = retired});
  engine_answer(engine, command, command->voice, 0.0);
}

CENOTE_RT static void do_listen(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  const bool listen = command->whole != 0;
  if (listen == part->set.listening) return;
  if (listen) {
    // What sounds fades out; the other stream's voice hears.
    part_double(part, &engine->times);
    engine_turn(engine, part, engine->times.ramp, true);
    if (part->kit->ear) cenote_resampler_reset(part->kit->ear);
  } else {
    stream_begin(part->now, (double)part->set.speed);
    ramp_set(&part->now->cross, 0.0f);
    ramp_to(&part->now->cross, 1.0f, engine->times.ramp);
  }
  part->set.listening = listen;
}

CENOTE_RT static void do_tap(Engine *engine, const Command *command)
{
  if (command->slot >= ENGINE_TAPS) return;
  Tap *tap = &engine->tap[command->slot];
  if (command->object) {
    *tap = (Tap){.ring = command->object, .voice = command->voice};
    engine_answer(engine, command, -1, 0.0);
    return;
  }
  // Ended before it was to begin: then it must not begin, for its ring goes.
  Waiting *next;
  for (Waiting *waiting = schedule_first(&engine->schedule); waiting; waiting = next) {
    next = schedule_next(&engine->schedule, waiting);
    if (waiting->command.kind != COMMAND_TAP || waiting->command.slot != command->slot) continue;
    engine_answer(engine, &waiting->command, -1, 0.0);
    schedule_remove(&engine->schedule, waiting);
  }
  engine_tell(engine, (Event){.kind = EVENT_TAP,
                              .slot = command->slot,
                              .object = tap->ring,
                              .whole = tap->ring ? tap->frames : 0});
  tap->ring = NULL;
}

/// Begin or end the log. From its first frame on, all that sounds must follow from the states at
/// that frame: each voice goes on in a fresh stream.
CENOTE_RT static void do_log(Engine *engine, const Command *command)
{
  engine->logging = command->whole != 0 && engine->options.log;
  if (engine->logging) engine->unlogged = 0;
  for (uint32_t k = 0; engine->logging && k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    if (part->now->resampler) {
      part_double(part, &engine->times);
      engine_turn(engine, part, engine->times.ramp, false);
    }
    part_cut(part, &engine->times); // no stream but those of the snapshot
  }
  // What waits was taken before, but is done within the log.
  for (Waiting *waiting = schedule_first(&engine->schedule); engine->logging && waiting;
       waiting = schedule_next(&engine->schedule, waiting))
    if (!waiting->command.object || waiting->command.kind == COMMAND_SAVE)
      engine_log(engine, &waiting->command);
  for (uint32_t k = 0; engine->logging && k < engine->options.voices; ++k)
    engine->part[k].kit->past_held = 0; // a log knows no past before it
  if (!engine->logging) {
    engine_tell(
        engine,
        (Event){.kind = EVENT_LOGGED, .whole = engine->frames, .number = (double)engine->unlogged});
  } else if (command->object) {
    engine_snapshot(engine, command->object);
    engine_tell(engine,
                (Event){.kind = EVENT_MOMENT, .reply = command->reply, .object = command->object});
  }
}

/// A report covers no time before the meter was so set.
CENOTE_RT static void do_meter(Engine *engine, uint32_t every)
{
  if (every == engine->meter_every) return;
  engine->meter_every = every;
  engine->meter_last = engine->frames;
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    for (int i = 0; i < 2; ++i) {
      CenoteVoice *voice = part->kit->stream[i]->voice;
      uint32_t codes;
      cenote_voice_set_meter(voice, every != 0);
      cenote_voice_bits(voice, &codes);
    }
    part_reset_meter(part);
  }
}

CENOTE_RT static void set_part(Engine *engine, Part *part, const Command *command)
{
  const float number = (float)command->number;
  switch (command->kind) {
  case COMMAND_RUN:
    if (stream_stands(part->now)) take_back(engine, part);
    if (part->set.run && command->whole == 0)
      engine_tell(engine, (Event){.kind = EVENT_STOPPED, .voice = command->voice});
    part_set_run(part, &engine->times, command->whole != 0);
    if (command->whole != 0) part->set.began = engine->frames;
    return;
  case COMMAND_GAIN:
    part->set.level = number;
    break;
  case COMMAND_MUTE:
    part->set.muted = command->whole != 0;
    break;
  case COMMAND_PAN:
    part->set.pan = number;
    break;
  case COMMAND_ATTACK:
    part->set.attack_ms = number;
    // A note's own, said with it: it has not sounded yet.
    if (command->slot_b != 0 && part->set.began == engine->frames)
      part_attack(part, &engine->times);
    return;
  case COMMAND_RELEASE:
    part->set.release_ms = number;
    return;
  case COMMAND_FADE:
    part->set.fade_ms = number;
    return;
  case COMMAND_SPEED:
    part->set.speed = number;
    take_back(engine, part);
    if (!stream_set_speed(part->now, (double)number)) {
      part_double(part, &engine->times);
      engine_turn(engine, part, engine->times.ramp, false);
    }
    return;
  case COMMAND_SAVE: {
    stream_take(part->now, command);
    const Command put = part->now->save[--part->now->saves];
    recall_put(engine, &put);
    return;
  }
  default:
    stream_take(part->now, command);
    return;
  }
  part_reshape(part, &engine->times);
}

CENOTE_RT static void do_master(Engine *engine, const Command *command)
{
  if (command->kind == COMMAND_MASTER_GAIN) engine->master_level = (float)command->number;
  else engine->master_muted = command->whole != 0;
  ramp_to(&engine->master, engine->master_muted ? 0.0f : engine->master_level, engine->times.ramp);
}

CENOTE_RT bool engine_drop(Engine *engine, const Command *command, Refusal why)
{
  // A file that is never closed would be worse than one closed too early.
  if (command->kind == COMMAND_TAP && !command->object) return false;
  if (command->kind == COMMAND_LOG && command->whole == 0) return false;
  // Who sent a voice's model for now takes it for played.
  if (command->kind == COMMAND_KIT && why == REFUSED_FULL) return false;
  if (command->kind == COMMAND_KIT)
    engine_tell(engine, (Event){.kind = EVENT_KIT, .object = command->object});
  else if (command->kind != COMMAND_TAP) engine_give_back(engine, command->object);
  engine_refuse(engine, command, why);
  return true;
}

/// What waits for a later frame is dropped, but for the ends of recordings and of a log.
CENOTE_RT static void do_clear(Engine *engine, const Command *clear)
{
  Waiting *next;
  for (Waiting *waiting = schedule_first(&engine->schedule); waiting; waiting = next) {
    const Command *command = &waiting->command;
    next = schedule_next(&engine->schedule, waiting);
    // A save that its stream has made already is on its way to the slot.
    if (command->due <= engine->frames || (waiting->done && command->kind == COMMAND_SAVE))
      continue;
    if (!engine_drop(engine, command, REFUSED_CLEARED)) continue;
    if (waiting->taken != 0) stream_forget(engine->part[command->voice].now, &waiting->done);
    schedule_remove(&engine->schedule, waiting);
  }
  engine_answer(engine, clear, -1, (double)engine->frames);
}

/// Whether it is for a voice, which it must name.
CENOTE_RT static bool is_voiced(const Command *command)
{
  switch (command->kind) {
  case COMMAND_TRIGGER:
    return command->voice != ENGINE_ANY;
  case COMMAND_LOOK:
    return command->slot >= ENGINE_SLOTS;
  case COMMAND_NOTE_OFF:
  case COMMAND_NOTES_OFF:
  case COMMAND_PUT:
  case COMMAND_MAP:
  case COMMAND_METER:
  case COMMAND_TAP:
    return false;
  default:
    return command->kind < COMMAND_MASTER_GAIN;
  }
}

CENOTE_RT static void do_command(Engine *engine, const Command *command)
{
  if (is_voiced(command) && (uint32_t)command->voice >= engine->options.voices) return;
  switch (command->kind) {
  case COMMAND_KIT:
    do_kit(engine, command);
    break;
  case COMMAND_RESET:
    recall_reset(engine, command);
    break;
  case COMMAND_TRIGGER:
    recall_trigger(engine, command);
    break;
  case COMMAND_NOTE_OFF:
  case COMMAND_NOTES_OFF:
    do_note_off(engine, command);
    break;
  case COMMAND_LOAD:
    recall_load(engine, command);
    break;
  case COMMAND_MORPH:
    recall_morph(engine, command);
    break;
  case COMMAND_COPY:
    recall_copy(engine, command);
    break;
  case COMMAND_REWIND:
    recall_rewind(engine, command);
    break;
  case COMMAND_PUT:
    recall_put(engine, command);
    break;
  case COMMAND_MAP:
    if (command->key >= 0 && command->key < ENGINE_KEYS && command->slot < ENGINE_SLOTS)
      engine->key_slot[command->key] = (uint16_t)command->slot;
    break;
  case COMMAND_LOOK:
    recall_look(engine, command);
    break;
  case COMMAND_LISTEN:
    do_listen(engine, command);
    break;
  case COMMAND_METER:
    do_meter(engine, (uint32_t)command->whole);
    break;
  case COMMAND_TAP:
    do_tap(engine, command);
    break;
  case COMMAND_MASTER_GAIN:
  case COMMAND_MASTER_MUTE:
    do_master(engine, command);
    break;
  case COMMAND_CLEAR:
    do_clear(engine, command);
    break;
  case COMMAND_END:
    engine->ending = true;
    ramp_to(&engine->end, 0.0f, (uint32_t)(engine->times.rate_hz * ENGINE_FADE_S) + 1);
    engine_answer(engine, command, -1, 0.0);
    break;
  case COMMAND_LOG:
    do_log(engine, command);
    break;
  default:
    set_part(engine, &engine->part[command->voice], command);
    break;
  }
}

CENOTE_RT void engine_do(Engine *engine, const Command *command)
{
  if (command->voice != ENGINE_SAME) {
    do_command(engine, command);
    return;
  }
  Command own = *command;
  own.voice = command->slot_b == engine->trigger ? engine->taken : -1;
  if (own.voice < 0) {
    engine_refuse(engine, command, REFUSED_NO_VOICE);
    return;
  }
  do_command(engine, &own);
  engine_answer(engine, &own, own.voice, 0.0);
}
