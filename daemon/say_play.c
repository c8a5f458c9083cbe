// SPDX-License-Identifier: ISC
// Notes: triggers and keys.
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

Command call_trigger(uint32_t slot)
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
  Command command = call_trigger(slot);
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
  return (int32_t)rint(call_within(number.real, 0.0, ENGINE_KEYS - 1));
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
  Command command = call_trigger(ENGINE_MAPPED + (uint32_t)key);
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
  if (slot < ENGINE_SLOTS &&
      call_send(call, (Command){.kind = COMMAND_MAP, .key = key, .slot = slot}))
    control_map(control, (uint32_t)key, slot);
}
