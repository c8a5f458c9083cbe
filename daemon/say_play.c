// SPDX-License-Identifier: ISC
// Notes: triggers, keys, and Tidal's way to say them.
#include "commands.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/// A slot by number or name; ENGINE_SLOTS: none of the kind, after a /fail.
static uint32_t slot_of(const Call *call, int index)
{
  uint32_t slot;
  Number number;
  if (call_is_text(call, index)) {
    const char *name = call_text(call, index);
    if (control_slot(call->control, name, false, &slot)) return slot;
    CALL_FAIL(call, FAIL_NOT_THERE, "slot %s is empty", name);
  } else if (call_number(call, index, &number)) {
    if (number.whole >= 0 && number.whole < ENGINE_NUMBERED) return (uint32_t)number.whole;
    CALL_FAIL(call, FAIL_NOT_THERE, "no slot %" PRId64 ", there are 0 to 127", number.whole);
  }
  return ENGINE_SLOTS;
}

static Command trigger(uint32_t slot)
{
  return (Command){.kind = COMMAND_TRIGGER,
                   .voice = ENGINE_ANY,
                   .slot = slot,
                   .gain = 1.0f,
                   .pan = NAN,
                   .key = -1,
                   .id = -1};
}

void say_trigger(const Call *call)
{
  Number seconds = {0.0, 0};
  Number gain = {0.0, 0};
  Number pan;
  const uint32_t slot = slot_of(call, 0);
  if (slot == ENGINE_SLOTS) return;
  Command command = trigger(slot);
  if (call->count > 1 && !call_number(call, 1, &seconds)) return;
  if (call->count > 2 && !call_number(call, 2, &gain)) return;
  if (call->count > 3) {
    if (!call_number(call, 3, &pan)) return;
    command.pan = (float)call_within(pan.real, -1.0, 1.0);
  }
  call_ignore(call, 4);
  command.number = call_within(seconds.real, 0.0, 86400.0);
  command.gain = (float)values_linear(call_within(gain.real, -90.0, 12.0));
  call_ask(call, command);
}

static int32_t key_of(Number number)
{
  return (int32_t)rint(call_within(number.real, 0.0, CONTROL_KEYS - 1));
}

/// Key, velocity and id of a note; false after a /fail. The velocity of one that ends may be
/// missing.
static bool note_of(const Call *call, bool starts, int32_t *key, double *velocity, int32_t *id)
{
  Number number;
  Number loud = {0.0, 0};
  Number name = {-1.0, -1};
  if (!call_number(call, 0, &number)) return false;
  if ((starts || call->count > 1) && !call_number(call, 1, &loud)) return false;
  if (call->count > 2 && !call_number(call, 2, &name)) return false;
  call_ignore(call, 3);
  *key = key_of(number);
  *velocity = call_within(loud.real, 0.0, 127.0);
  *id = (int32_t)call_within((double)name.whole, -1.0, 2147483647.0);
  return true;
}

static void release(const Call *call, int32_t key, int32_t id)
{
  call_send(call, (Command){.kind = COMMAND_NOTE_OFF, .key = key, .id = id});
}

void say_mnote(const Call *call)
{
  int32_t key;
  int32_t id;
  double velocity;
  if (!note_of(call, true, &key, &velocity, &id)) return;
  if (velocity <= 0.0) {
    release(call, key, id);
    return;
  }
  Command command = trigger(call->control->key_slot[key]);
  command.key = key;
  command.id = id;
  const double loud = velocity / 127.0;
  command.gain = (float)(loud * loud);
  call_ask(call, command);
}

void say_mnote_release(const Call *call)
{
  int32_t key;
  int32_t id;
  double velocity;
  if (note_of(call, false, &key, &velocity, &id)) release(call, key, id);
}

void say_notes_off(const Call *call)
{
  if (call_fires(call)) call_send(call, (Command){.kind = COMMAND_NOTES_OFF});
}

void say_map(const Call *call)
{
  Control *control = call->control;
  Number number;
  if (!call_number(call, 0, &number)) return;
  const int32_t key = key_of(number);
  if (call->count == 1) {
    char text[64];
    control_slot_text(control, control->key_slot[key], text);
    lo_message message = lo_message_new();
    lo_message_add_int32(message, key);
    if (control->key_slot[key] < ENGINE_NUMBERED)
      lo_message_add_int32(message, (int32_t)control->key_slot[key]);
    else lo_message_add_string(message, text);
    call_reply(call, call->address, message);
    return;
  }
  call_ignore(call, 2);
  uint32_t slot = ENGINE_SLOTS;
  if (call_is_text(call, 1)) {
    if (!control_slot(control, call_text(call, 1), true, &slot)) slot = ENGINE_SLOTS;
    if (slot == ENGINE_SLOTS) CALL_FAIL(call, FAIL_LIMIT, "no slot %s", call_text(call, 1));
  } else {
    slot = slot_of(call, 1);
  }
  if (slot < ENGINE_SLOTS) control->key_slot[key] = slot;
}

/// Tidal's numbers: gain 1 is unity, pan 0..1 with 0.5 the centre, orbits from 0.
static void take_dirt(const Call *call, const char *name, int index, Command *command,
                      bool *slotted)
{
  Number number;
  uint32_t slot;
  if (strcmp(name, "s") == 0 || strcmp(name, "sound") == 0) {
    if (call_is_text(call, index)) {
      *slotted = control_slot(call->control, call_text(call, index), false, &slot);
      if (*slotted) command->slot = slot;
      return;
    }
  }
  if (!call_is_number(call, index) || !call_number(call, index, &number)) return;
  if (strcmp(name, "s") == 0 || strcmp(name, "sound") == 0) {
    *slotted = number.whole >= 0 && number.whole < ENGINE_NUMBERED;
    if (*slotted) command->slot = (uint32_t)number.whole;
  } else if (strcmp(name, "n") == 0 || strcmp(name, "note") == 0) {
    const bool key = number.whole >= 0 && number.whole < CONTROL_KEYS;
    if (key && !*slotted) command->slot = call->control->key_slot[number.whole];
  } else if (strcmp(name, "orbit") == 0) {
    if (number.whole >= 0 && number.whole < call->control->options->voices)
      command->voice = (int32_t)number.whole;
  } else if (strcmp(name, "gain") == 0) {
    command->gain *= (float)call_within(number.real, 0.0, 4.0);
  } else if (strcmp(name, "delta") == 0) { // how long the event is, if nothing else says
    if (command->number == 0.0) command->number = call_within(number.real, 0.0, 86400.0);
  } else if (strcmp(name, "sustain") == 0) {
    command->number = call_within(number.real, 0.0, 86400.0);
  } else if (strcmp(name, "pan") == 0) {
    command->pan = (float)(2.0 * call_within(number.real, 0.0, 1.0) - 1.0);
  }
}

/// Controls of the voice that /dirt/play names beside the note's own.
static void set_dirt(const Call *call, const char *name, int index, uint32_t voice)
{
  static const char *const own[] = {"temperature", "top_k", "top_p", "attack",
                                    "release",     "speed", "fade",  "seed"};
  Number number;
  char address[64];
  for (size_t i = 0; i < sizeof own / sizeof *own; ++i) {
    if (strcmp(name, own[i]) != 0 || !call_is_number(call, index) ||
        !call_number(call, index, &number))
      continue;
    snprintf(address, sizeof address, "/voice/%" PRIu32 "/%s", voice + 1, name);
    lo_message message = lo_message_new();
    lo_message_add_double(message, number.real);
    commands_dispatch(call->control, call->from, address, message);
    lo_message_free(message);
    return;
  }
}

void say_dirt_play(const Call *call)
{
  Control *control = call->control;
  Command command = trigger(ENGINE_SLOTS);
  bool slotted = false;
  for (int i = 0; i + 1 < call->count; i += 2) {
    const char *name = call_text(call, i);
    if (!name) return;
    take_dirt(call, name, i + 1, &command, &slotted);
  }
  if (command.slot >= ENGINE_SLOTS) {
    CALL_FAIL(call, FAIL_NOT_THERE, "no slot by that s or n");
    return;
  }
  // The controls at the note's own sample, after the slot's.
  const bool bundled = control->in_bundle;
  control->in_bundle = true;
  call_ask(call, command);
  for (int i = 0; command.voice >= 0 && i + 1 < call->count; i += 2)
    set_dirt(call, call_text(call, i), i + 1, (uint32_t)command.voice);
  if (!bundled) control_flush(control);
}

void say_dirt_hello(const Call *call)
{
  char address[80];
  snprintf(address, sizeof address, "%s/reply", call->address);
  call_ignore(call, 0);
  call_reply(call, address, lo_message_new());
}
