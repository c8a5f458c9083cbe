// SPDX-License-Identifier: ISC
// What each command does, at its frame.
#include "rt/engine_struct.h"
#include "rt/snapshot.h"

#include <math.h>
#include <string.h>

CENOTE_RT static void refuse(Engine *engine, const Command *command, Refusal why)
{
  if (command->reply)
    engine_tell(engine, (Event){.kind = EVENT_REFUSED,
                                .reply = command->reply,
                                .voice = command->voice,
                                .slot = command->slot,
                                .whole = why});
}

CENOTE_RT static void answer(Engine *engine, const Command *command, int32_t voice, double number)
{
  if (command->reply)
    engine_tell(
        engine,
        (Event){.kind = EVENT_DONE, .reply = command->reply, .voice = voice, .number = number});
}

CENOTE_RT static void give_back(Engine *engine, void *moment)
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

CENOTE_RT static void turn(Engine *engine, Part *part, uint32_t frames, bool whole)
{
  const uint64_t name = part->now->name;
  part_turn(part, &engine->times, frames, whole);
  name_anew(engine, part, name);
}

/// The moment that a command means: a slot's, or its own.
CENOTE_RT static const Moment *moment_of(Engine *engine, const Command *command, uint64_t hash)
{
  const Moment *moment = command->object                ? command->object
                         : command->slot < ENGINE_SLOTS ? engine->slot[command->slot]
                                                        : NULL;
  if (!moment || moment->bytes == 0) {
    refuse(engine, command, REFUSED_NO_SLOT);
    return NULL;
  }
  if (moment->hash == hash) return moment;
  refuse(engine, command, REFUSED_OTHER_MODEL);
  return NULL;
}

CENOTE_RT static void do_load(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  const Moment *moment = moment_of(engine, command, part->kit->hash);
  Stream *other = moment ? part_other(part, &engine->times) : NULL;
  if (other && cenote_voice_restore(other->voice, moment->state, moment->bytes) == CENOTE_OK) {
    turn(engine, part, part_frames(&engine->times, part->set.fade_ms), false);
    engine->part[command->voice].other_state = true;
    answer(engine, command, command->voice, 0.0);
  } else if (other) {
    refuse(engine, command, REFUSED_NO_SLOT);
  }
  give_back(engine, command->object);
}

/// A free voice of the model, else the one that began first; -1: none plays the model.
CENOTE_RT static int32_t choose(const Engine *engine, uint64_t hash)
{
  int32_t chosen = -1;
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    const Part *part = &engine->part[k];
    if (part->kit->hash != hash) continue;
    if (!part->set.run && part_stands(part)) return (int32_t)k;
    const PartSet *best = chosen < 0 ? NULL : &engine->part[chosen].set;
    // A voice on its way out goes before one that is held.
    const bool better =
        !best || (part->set.releasing != best->releasing ? part->set.releasing
                                                         : part->set.began < best->began);
    if (better) chosen = (int32_t)k;
  }
  return chosen;
}

CENOTE_RT static void do_trigger(Engine *engine, const Command *command)
{
  const Moment *moment = command->slot < ENGINE_SLOTS ? engine->slot[command->slot] : NULL;
  if (!moment || moment->bytes == 0) {
    refuse(engine, command, REFUSED_NO_SLOT);
    return;
  }
  const int32_t voice = command->voice >= 0 ? command->voice : choose(engine, moment->hash);
  if (voice < 0 || engine->part[voice].kit->hash != moment->hash) {
    refuse(engine, command, REFUSED_OTHER_MODEL);
    return;
  }
  Part *part = &engine->part[voice];
  Stream *other = part_other(part, &engine->times);
  if (cenote_voice_restore(other->voice, moment->state, moment->bytes) != CENOTE_OK) {
    refuse(engine, command, REFUSED_NO_SLOT);
    return;
  }
  turn(engine, part, engine->times.ramp, true);
  part_start(part, &engine->times, engine->frames, command->gain, command->pan);
  const double length = command->number * engine->times.rate_hz;
  if (length > 0.0) part->set.ends = engine->frames + (length < 1.0 ? 1 : (uint64_t)(length + 0.5));
  part->set.noted = command->key >= 0;
  part->set.key = command->key;
  part->set.id = command->id;
  engine->part[voice].other_state = true;
  answer(engine, command, voice, 0.0);
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

CENOTE_RT static void do_reset(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  Stream *other = part_other(part, &engine->times);
  cenote_voice_copy(other->voice, part->now->voice);
  cenote_voice_reset(other->voice);
  turn(engine, part, engine->times.ramp, false);
}

CENOTE_RT static void do_morph(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  if (command->slot < ENGINE_SLOTS) {
    part->set.morph_a = command->slot;
    part->set.morph_b = command->slot_b;
    part->set.morph_level = command->level;
  }
  const uint32_t a = part->set.morph_a;
  const uint32_t b = part->set.morph_b;
  const Moment *from = a < ENGINE_SLOTS ? engine->slot[a] : NULL;
  const Moment *to = b < ENGINE_SLOTS ? engine->slot[b] : NULL;
  if (!from || !to || from->bytes == 0 || to->bytes == 0) {
    refuse(engine, command, REFUSED_NO_SLOT);
    return;
  }
  if (from->hash != part->kit->hash || to->hash != part->kit->hash) {
    refuse(engine, command, REFUSED_OTHER_MODEL);
    return;
  }
  Stream *other = part_other(part, &engine->times);
  cenote_voice_copy(other->voice, part->now->voice);
  cenote_voice_morph(other->voice, from->state, from->bytes, to->state, to->bytes,
                     (float)command->number, (int)part->set.morph_level);
  turn(engine, part, part_frames(&engine->times, part->set.fade_ms), false);
  engine->part[command->voice].other_state = true;
  answer(engine, command, command->voice, command->number);
}

CENOTE_RT static void do_copy(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  if (command->whole >= engine->options.voices) {
    refuse(engine, command, REFUSED_NO_VOICE);
    return;
  }
  Part *from = &engine->part[command->whole];
  Stream *other = part_other(part, &engine->times);
  if (from->kit->hash != part->kit->hash) {
    refuse(engine, command, REFUSED_OTHER_MODEL);
    return;
  }
  cenote_voice_copy(other->voice, from->now->voice);
  turn(engine, part, part_frames(&engine->times, part->set.fade_ms), false);
  engine->part[command->voice].other_state = true;
  answer(engine, command, command->voice, 0.0);
}

CENOTE_RT void engine_remember(Engine *engine, Part *part)
{
  Kit *kit = part->kit;
  if (kit->past_room == 0 || stream_stands(part->now)) return;
  if (kit->past_every == 0 || engine->frames % kit->past_every != 0) return;
  cenote_voice_save(part->now->voice, kit->past + kit->past_next * kit->state_bytes);
  kit->past_frame[kit->past_next] = engine->frames;
  kit->past_next = (kit->past_next + 1) % kit->past_room;
  if (kit->past_held < kit->past_room) ++kit->past_held;
}

/// To the newest state that is as old as wanted, else the oldest there is; what came after it is
/// forgotten.
CENOTE_RT static void do_rewind(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  Kit *kit = part->kit;
  const double back = command->number * engine->times.rate_hz;
  uint32_t at = 0;
  uint32_t held = kit->past_held;
  if (held == 0) {
    refuse(engine, command, REFUSED_NO_PAST);
    return;
  }
  for (; held > 0; --held) {
    at = (kit->past_next + kit->past_room - 1) % kit->past_room;
    if ((double)(engine->frames - kit->past_frame[at]) >= back || held == 1) break;
    kit->past_next = at;
  }
  kit->past_held = held;
  Stream *other = part_other(part, &engine->times);
  cenote_voice_restore(other->voice, kit->past + at * kit->state_bytes, kit->state_bytes);
  turn(engine, part, part_frames(&engine->times, part->set.fade_ms), false);
  engine->part[command->voice].other_state = true;
  const double went = (double)(engine->frames - kit->past_frame[at]) / engine->times.rate_hz;
  answer(engine, command, command->voice, went);
}

CENOTE_RT static void do_kit(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  Kit *retired;
  const uint64_t name = part->now->name;
  part_replace(part, &engine->times, command->object, &retired);
  name_anew(engine, part, name);
  part->set.listening = false;
  if (retired) engine_tell(engine, (Event){.kind = EVENT_KIT, .object = retired});
  answer(engine, command, command->voice, 0.0);
}

CENOTE_RT static void put(Engine *engine, uint32_t slot, Moment *moment)
{
  Moment *old = engine->slot[slot];
  engine->slot[slot] = moment;
  engine_tell(engine, (Event){.kind = EVENT_SLOT,
                              .slot = slot,
                              .whole = moment && moment->bytes > 0 ? moment->hash : 0});
  give_back(engine, old);
}

/// A save that a stream has made goes into its slot.
CENOTE_RT static void do_put(Engine *engine, const Command *command)
{
  if (command->slot >= ENGINE_SLOTS) {
    give_back(engine, command->object);
    return;
  }
  put(engine, command->slot, command->object);
  answer(engine, command, command->voice, 0.0);
}

CENOTE_RT static void do_look(Engine *engine, const Command *command)
{
  Moment *moment = command->object;
  moment->bytes = 0;
  if (command->slot < ENGINE_SLOTS) {
    const Moment *held = engine->slot[command->slot];
    if (held && held->bytes <= moment->room) {
      memcpy(moment->state, held->state, held->bytes);
      moment->bytes = held->bytes;
      moment->hash = held->hash;
    }
  } else {
    const Part *part = &engine->part[command->voice];
    if (part->kit->state_bytes <= moment->room) {
      cenote_voice_save(part->now->voice, moment->state);
      moment->bytes = part->kit->state_bytes;
      moment->hash = part->kit->hash;
    }
  }
  engine_tell(engine, (Event){.kind = EVENT_MOMENT,
                              .voice = command->voice,
                              .slot = command->slot,
                              .reply = command->reply,
                              .object = moment});
}

CENOTE_RT static void do_listen(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  const bool listen = command->whole != 0;
  if (listen == part->set.listening) return;
  if (listen) {
    // What sounds fades out; the other stream's voice hears.
    Stream *other = part_other(part, &engine->times);
    cenote_voice_copy(other->voice, part->now->voice);
    turn(engine, part, engine->times.ramp, true);
    if (part->kit->ear) cenote_resampler_reset(part->kit->ear);
  } else {
    stream_begin(part->now);
    ramp_set(&part->now->cross, 0.0f);
    ramp_to(&part->now->cross, 1.0f, engine->times.ramp);
  }
  part->set.listening = listen;
}

CENOTE_RT static void do_tap(Engine *engine, const Command *command)
{
  if (command->slot >= ENGINE_TAPS) return;
  Tap *tap = &engine->tap[command->slot];
  if (tap->ring) {
    engine_tell(engine, (Event){.kind = EVENT_TAP,
                                .slot = command->slot,
                                .object = tap->ring,
                                .whole = tap->frames});
    tap->ring = NULL;
  }
  if (command->object) *tap = (Tap){.ring = command->object, .voice = command->voice};
}

/// Begin or end the log. From its first frame on, all that sounds must follow from the states at
/// that frame: each voice goes on in a fresh stream.
CENOTE_RT static void do_log(Engine *engine, const Command *command)
{
  engine->logging = command->whole != 0 && engine->options.log;
  for (uint32_t k = 0; engine->logging && k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    if (!stream_stands(part->now) && part->now->resampler) {
      Stream *other = part_other(part, &engine->times);
      cenote_voice_copy(other->voice, part->now->voice);
      turn(engine, part, engine->times.ramp, false);
    }
    part_cut(part, &engine->times); // no stream but those of the snapshot
  }
  // What waits was taken before, but is done within the log.
  for (Waiting *waiting = schedule_first(&engine->schedule); engine->logging && waiting;
       waiting = schedule_next(&engine->schedule, waiting))
    if (!waiting->command.object || waiting->command.kind == COMMAND_SAVE)
      ring_write(engine->options.log, &(Logged){engine->frames, waiting->command}, 1);
  for (uint32_t k = 0; engine->logging && k < engine->options.voices; ++k)
    engine->part[k].kit->past_held = 0; // a log knows no past before it
  if (!engine->logging) {
    engine_tell(engine, (Event){.kind = EVENT_LOGGED, .whole = engine->frames});
  } else if (command->object) {
    engine_snapshot(engine, command->object);
    engine_tell(engine,
                (Event){.kind = EVENT_MOMENT, .reply = command->reply, .object = command->object});
  }
}

CENOTE_RT static void set_part(Engine *engine, Part *part, const Command *command)
{
  const float number = (float)command->number;
  switch (command->kind) {
  case COMMAND_RUN:
    if (stream_stands(part->now)) take_back(engine, part);
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
    stream_set_speed(part->now, command->number);
    return;
  case COMMAND_SAVE: {
    stream_take(part->now, command);
    const Command put = part->now->save[--part->now->saves];
    do_put(engine, &put);
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

/// All that waits is dropped; what it carries goes back.
CENOTE_RT static void do_clear(Engine *engine)
{
  for (Waiting *waiting = schedule_first(&engine->schedule); waiting;
       waiting = schedule_first(&engine->schedule)) {
    const Command *command = &waiting->command;
    if (command->kind == COMMAND_KIT)
      engine_tell(engine, (Event){.kind = EVENT_KIT, .object = command->object});
    else if (command->kind != COMMAND_TAP && !waiting->done) give_back(engine, command->object);
    if (waiting->taken != 0) stream_forget(engine->part[command->voice].now, &waiting->done);
    schedule_remove(&engine->schedule, waiting);
  }
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
  case COMMAND_METER:
  case COMMAND_TAP:
    return false;
  default:
    return command->kind < COMMAND_MASTER_GAIN;
  }
}

CENOTE_RT void engine_do(Engine *engine, const Command *command)
{
  if (is_voiced(command) && (uint32_t)command->voice >= engine->options.voices) return;
  switch (command->kind) {
  case COMMAND_KIT:
    do_kit(engine, command);
    break;
  case COMMAND_RESET:
    do_reset(engine, command);
    break;
  case COMMAND_TRIGGER:
    do_trigger(engine, command);
    break;
  case COMMAND_NOTE_OFF:
  case COMMAND_NOTES_OFF:
    do_note_off(engine, command);
    break;
  case COMMAND_LOAD:
    do_load(engine, command);
    break;
  case COMMAND_MORPH:
    do_morph(engine, command);
    break;
  case COMMAND_COPY:
    do_copy(engine, command);
    break;
  case COMMAND_REWIND:
    do_rewind(engine, command);
    break;
  case COMMAND_PUT:
    do_put(engine, command);
    break;
  case COMMAND_LOOK:
    do_look(engine, command);
    break;
  case COMMAND_LISTEN:
    do_listen(engine, command);
    break;
  case COMMAND_METER:
    engine->meter_every = (uint32_t)command->whole;
    for (uint32_t k = 0; k < engine->options.voices; ++k)
      for (int i = 0; i < 2; ++i)
        cenote_voice_set_meter(engine->part[k].kit->stream[i]->voice, command->whole != 0);
    break;
  case COMMAND_TAP:
    do_tap(engine, command);
    break;
  case COMMAND_MASTER_GAIN:
  case COMMAND_MASTER_MUTE:
    do_master(engine, command);
    break;
  case COMMAND_CLEAR:
    do_clear(engine);
    break;
  case COMMAND_END:
    engine->ending = true;
    ramp_to(&engine->end, 0.0f, (uint32_t)(engine->times.rate_hz * ENGINE_FADE_S) + 1);
    break;
  case COMMAND_LOG:
    do_log(engine, command);
    break;
  default:
    set_part(engine, &engine->part[command->voice], command);
    break;
  }
}
