// SPDX-License-Identifier: ISC
#include "rt/recall.h"

#include <string.h>

/// What a slot holds; NULL: nothing.
CENOTE_RT static const Moment *held_in(const Engine *engine, uint32_t slot)
{
  const Moment *moment = slot < ENGINE_SLOTS ? engine->slot[slot] : NULL;
  return moment && moment->bytes > 0 ? moment : NULL;
}

/// The moment that a command means: a slot's, or its own; of the model, or NULL after a refusal.
CENOTE_RT static const Moment *moment_of(Engine *engine, const Command *command, uint64_t hash)
{
  const Moment *moment = command->object ? command->object : held_in(engine, command->slot);
  if (moment && moment->bytes == 0) moment = NULL;
  if (moment && moment->hash == hash) return moment;
  engine_refuse(engine, command, moment ? REFUSED_OTHER_MODEL : REFUSED_NO_SLOT);
  return NULL;
}

CENOTE_RT void recall_load(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  const Moment *moment = moment_of(engine, command, part->kit->hash);
  Stream *other = moment ? part_other(part, &engine->times) : NULL;
  if (other && cenote_voice_restore(other->voice, moment->state, moment->bytes) == CENOTE_OK) {
    engine_turn(engine, part, part_frames(&engine->times, part->set.fade_ms), false);
    part->other_state = true;
    engine_answer(engine, command, command->voice, 0.0);
  } else if (other) {
    engine_refuse(engine, command, REFUSED_NO_SLOT);
  }
  engine_give_back(engine, command->object);
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

/// A key's slot is the one that it plays at this frame.
CENOTE_RT void recall_trigger(Engine *engine, const Command *said)
{
  Command own = *said;
  const uint32_t key = own.slot - ENGINE_MAPPED;
  if (key < ENGINE_KEYS) own.slot = engine->key_slot[key];
  const Command *command = &own;
  const Moment *moment = held_in(engine, command->slot);
  engine->trigger = command->slot_b;
  engine->taken = -1;
  if (!moment) {
    engine_refuse(engine, command, REFUSED_NO_SLOT);
    return;
  }
  const int32_t voice = command->voice >= 0 ? command->voice : choose(engine, moment->hash);
  if (voice < 0 || engine->part[voice].kit->hash != moment->hash) {
    engine_refuse(engine, command, REFUSED_OTHER_MODEL);
    return;
  }
  Part *part = &engine->part[voice];
  Stream *other = part_other(part, &engine->times);
  if (cenote_voice_restore(other->voice, moment->state, moment->bytes) != CENOTE_OK) {
    engine_refuse(engine, command, REFUSED_NO_SLOT);
    return;
  }
  engine_turn(engine, part, engine->times.ramp, true);
  part_start(part, &engine->times, engine->frames, command->gain, command->pan);
  const double length = command->number * engine->times.rate_hz;
  if (length > 0.0) part->set.ends = engine->frames + (length < 1.0 ? 1 : (uint64_t)(length + 0.5));
  part->set.noted = command->key >= 0;
  part->set.key = command->key;
  part->set.id = command->id;
  part->other_state = true;
  engine->taken = voice;
  engine_answer(engine, command, voice, 0.0);
}

CENOTE_RT void recall_reset(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  Stream *other = part_double(part, &engine->times);
  cenote_voice_reset(other->voice);
  engine_turn(engine, part, engine->times.ramp, false);
}

CENOTE_RT void recall_morph(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  Command pair = *command;
  if (command->slot >= ENGINE_SLOTS) { // the last one
    if (!part->set.morphed) {
      engine_refuse(engine, command, REFUSED_NO_PAIR);
      return;
    }
    pair.slot = part->set.morph_a;
    pair.slot_b = part->set.morph_b;
    pair.level = part->set.morph_level;
  }
  const Moment *from = moment_of(engine, &pair, part->kit->hash);
  Command second = pair;
  second.slot = pair.slot_b;
  const Moment *to = from ? moment_of(engine, &second, part->kit->hash) : NULL;
  if (!to) return;
  part->set.morphed = true;
  part->set.morph_a = pair.slot;
  part->set.morph_b = pair.slot_b;
  part->set.morph_level = pair.level;
  Stream *other = part_double(part, &engine->times);
  cenote_voice_morph(other->voice, from->state, from->bytes, to->state, to->bytes,
                     (float)command->number, (int)part->set.morph_level);
  engine_turn(engine, part, part_frames(&engine->times, part->set.fade_ms), false);
  part->other_state = true;
  engine_answer(engine, command, command->voice, command->number);
}

CENOTE_RT void recall_copy(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  if (command->whole >= engine->options.voices) {
    engine_refuse(engine, command, REFUSED_NO_VOICE);
    return;
  }
  Part *from = &engine->part[command->whole];
  if (from == part) { // is its own copy already
    engine_answer(engine, command, command->voice, 0.0);
    return;
  }
  Stream *other = part_other(part, &engine->times);
  if (from->kit->hash != part->kit->hash) {
    engine_refuse(engine, command, REFUSED_OTHER_VOICE);
    return;
  }
  cenote_voice_copy(other->voice, from->now->voice);
  engine_turn(engine, part, part_frames(&engine->times, part->set.fade_ms), false);
  part->other_state = true;
  engine_answer(engine, command, command->voice, 0.0);
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
CENOTE_RT void recall_rewind(Engine *engine, const Command *command)
{
  Part *part = &engine->part[command->voice];
  Kit *kit = part->kit;
  const double back = command->number * engine->times.rate_hz;
  uint32_t at = 0;
  uint32_t held = kit->past_held;
  if (!(back > 0.0)) { // is there
    engine_answer(engine, command, command->voice, 0.0);
    return;
  }
  if (held == 0) {
    engine_refuse(engine, command, REFUSED_NO_PAST);
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
  engine_turn(engine, part, part_frames(&engine->times, part->set.fade_ms), false);
  part->other_state = true;
  const double went = (double)(engine->frames - kit->past_frame[at]) / engine->times.rate_hz;
  engine_answer(engine, command, command->voice, went);
}

CENOTE_RT static void put(Engine *engine, uint32_t slot, Moment *moment)
{
  Moment *old = engine->slot[slot];
  engine->slot[slot] = moment;
  engine_tell(engine, (Event){.kind = EVENT_SLOT,
                              .slot = slot,
                              .whole = moment && moment->bytes > 0 ? moment->hash : 0});
  engine_give_back(engine, old);
}

/// A save that a stream has made goes into its slot.
CENOTE_RT void recall_put(Engine *engine, const Command *command)
{
  if (command->slot >= ENGINE_SLOTS) {
    engine_give_back(engine, command->object);
    return;
  }
  put(engine, command->slot, command->object);
  engine_answer(engine, command, command->voice, 0.0);
}

CENOTE_RT void recall_look(Engine *engine, const Command *command)
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
