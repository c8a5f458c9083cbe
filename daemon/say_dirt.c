// SPDX-License-Identifier: ISC
// Tidal's way to say a note: names and values in one message. All of them are looked at before
// anything is done, so that what is refused does not sound.
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/// The note as read so far.
typedef struct Play {
  Command trigger;
  bool slotted; ///< s names its slot: n does not
} Play;

static bool is(const char *name, const char *one, const char *other)
{
  return strcmp(name, one) == 0 || (other && strcmp(name, other) == 0);
}

/// Of a voice or a level of it ("level/0/gain"); NULL: it has no such value.
static const Row *row_of(const char *name, uint32_t *level)
{
  char path[64];
  char last[32] = "";
  int used = 0;
  *level = 0;
  const bool levelled = sscanf(name, "level/%1" SCNu32 "/%31[a-z]%n", level, last, &used) == 2 &&
                        name[used] == '\0' && *level < ENGINE_LEVELS;
  snprintf(path, sizeof path, "/voice/N/%s%.40s", levelled ? "level/L/" : "",
           levelled ? last : name);
  for (int i = 0; i < commands_count; ++i) {
    const Row *row = &commands_rows[i];
    const bool fits = levelled ? row->value >= VALUE_LEVEL && row->value < VALUES
                               : row->value >= VALUE_VOICE && row->value < VALUE_LEVEL;
    if (fits && strcmp(row->path, path) == 0) return row;
  }
  return NULL;
}

static void take_slot(const Call *call, int index, Number number, Play *play)
{
  uint32_t slot;
  if (call_is_text(call, index)) {
    play->slotted = control_slot(call->control, call_text(call, index), false, &slot);
  } else {
    play->slotted = number.whole >= 0 && number.whole < ENGINE_NUMBERED;
    slot = (uint32_t)number.whole;
  }
  if (play->slotted) play->trigger.slot = slot;
}

/// Tidal's numbers: gain 1 is unity, pan 0..1 with 0.5 the centre, orbits from 0. False after a
/// /fail.
static bool take_pair(const Call *call, const char *name, int index, Play *play)
{
  static const char *const notes[] = {"s",    "sound", "n",       "note", "orbit",
                                      "gain", "delta", "sustain", "pan"};
  Command *trigger = &play->trigger;
  uint32_t level;
  Number number = {0.0, 0};
  bool known = row_of(name, &level) != NULL;
  for (size_t i = 0; i < sizeof notes / sizeof *notes; ++i)
    known = known || is(name, notes[i], NULL);
  if (!known) return true;
  const bool slot = is(name, "s", "sound");
  if (!(slot && call_is_text(call, index)) && !call_number(call, index, &number)) return false;
  if (slot) {
    take_slot(call, index, number, play);
  } else if (is(name, "n", "note")) {
    const bool key = number.whole >= 0 && number.whole < ENGINE_KEYS;
    if (key && !play->slotted) trigger->slot = ENGINE_MAPPED + (uint32_t)number.whole;
  } else if (is(name, "orbit", NULL)) {
    if (number.whole < 0 || number.whole >= call->control->options->voices) {
      CALL_FAIL(call, FAIL_NOT_THERE, "no orbit %" PRId64 ", there are 0 to %" PRIu32, number.whole,
                call->control->options->voices - 1);
      return false;
    }
    trigger->voice = (int32_t)number.whole;
  } else if (is(name, "gain", NULL)) {
    trigger->gain *= (float)call_within(number.real, 0.0, 4.0);
  } else if (is(name, "delta", NULL)) { // how long the event is, if nothing else says
    if (trigger->number == 0.0) trigger->number = call_within(number.real, 0.0, 86400.0);
  } else if (is(name, "sustain", NULL)) {
    trigger->number = call_within(number.real, 0.0, 86400.0);
  } else if (is(name, "pan", NULL)) {
    trigger->pan = (float)(2.0 * call_within(number.real, 0.0, 1.0) - 1.0);
  }
  return true;
}

/// A control of the voice that the note takes, beside the note's own gain and pan.
static void set_control(const Call *call, const char *name, int index, uint32_t play)
{
  LaterValue set = {.by = call->from != NULL};
  const Row *row = row_of(name, &set.level);
  if (!row || row->value == VALUE_GAIN || row->value == VALUE_PAN ||
      !call_number(call, index, &set.number))
    return;
  set.value = row->value;
  if (call->from) set.from = *call->from;
  set.number = call_cut(row, set.number);
  Command command = values_command(row->value, 0, set.level, set.number);
  command.voice = ENGINE_SAME;
  command.slot_b = play;
  command.reply = control_ask_set(call->control, &set, call->address);
  if (command.reply == 0 || call_send(call, command)) return;
  Asked asked;
  control_asked(call->control, command.reply, &asked);
}

void say_dirt_play(const Call *call)
{
  Control *control = call->control;
  Play play = {.trigger = call_trigger(ENGINE_SLOTS)};
  for (int i = 0; i + 1 < call->count; i += 2) {
    const char *name = call_text(call, i);
    if (!name || !take_pair(call, name, i + 1, &play)) return;
  }
  if (play.trigger.slot == ENGINE_SLOTS) {
    CALL_FAIL(call, FAIL_NOT_THERE, "no slot by that s or n");
    return;
  }
  // The controls at the note's own sample, after the slot's.
  const bool bundled = control->in_bundle;
  control->in_bundle = true;
  play.trigger.slot_b = ++control->plays;
  const bool asked = call_ask(call, play.trigger);
  for (int i = 0; asked && i + 1 < call->count; i += 2)
    set_control(call, call_text(call, i), i + 1, play.trigger.slot_b);
  if (!bundled) control_flush(control);
}

void say_dirt_hello(const Call *call)
{
  char address[80];
  snprintf(address, sizeof address, "%s/reply", call->address);
  call_ignore(call, 0);
  call_reply(call, address, lo_message_new());
}
