// SPDX-License-Identifier: ISC
// What is said to a voice: values, levels, moments.
#include "commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/// Cut to the value's range, and set; false after a /fail.
static bool set(const Call *call, const Row *row, Number number)
{
  if (control_set(call->control, call->from, row->value, call->voice, call->level,
                  call_cut(row, number)))
    return true;
  CALL_FAIL(call, FAIL_QUEUE, "the queue is full");
  return false;
}

void say_value(const Call *call)
{
  const Row *row = call->row;
  if (call->count == 0) { // a query
    lo_message message = lo_message_new();
    values_add(&call->control->values, row->value, call->voice, call->level, message);
    call_reply(call, call->address, message);
    return;
  }
  Number number;
  if (!call_number(call, 0, &number)) return;
  call_ignore(call, 1);
  set(call, row, number);
}

/// The row of a voice's value by its name; NULL: none.
static const Row *row_of(const char *name)
{
  static const char prefix[] = "/voice/N/";
  for (int i = 0; i < commands_count; ++i) {
    const Row *row = &commands_rows[i];
    if (row->value < VALUE_VOICE || row->value >= VALUE_LEVEL) continue;
    if (strcmp(row->path + sizeof prefix - 1, name) == 0) return row;
  }
  return NULL;
}

void say_set(const Call *call)
{
  Number voice;
  Call own = *call;
  if (!call_number(call, 0, &voice)) return;
  if (voice.whole < 1 || voice.whole > call->control->options->voices) {
    CALL_FAIL(call, FAIL_NOT_THERE, "no voice %" PRId64 ", there are 1 to %" PRIu32, voice.whole,
              call->control->options->voices);
    return;
  }
  own.voice = (uint32_t)voice.whole - 1;
  // All or nothing: look at every pair before the first is set.
  for (int i = 1; i < call->count; i += 2) {
    Number number;
    const char *name = call_text(call, i);
    if (!name) return;
    if (!row_of(name)) {
      CALL_FAIL(call, FAIL_ARGUMENTS, "a voice has no %s to set", name);
      return;
    }
    if (!call_number(call, i + 1, &number)) return;
  }
  const bool bundled = call->control->in_bundle;
  call->control->in_bundle = true;
  for (int i = 1; i + 1 < call->count; i += 2) {
    Number number;
    const Row *row = row_of(call_text(call, i));
    call_number(call, i + 1, &number);
    if (!set(&own, row, number)) break;
  }
  if (!bundled) control_flush(call->control);
}

static void act(const Call *call, CommandKind kind)
{
  if (call_fires(call))
    call_send(call, (Command){.kind = kind, .voice = (int32_t)call->voice, .level = call->level});
}

void say_reset(const Call *call)
{
  act(call, COMMAND_RESET);
}

void say_tick(const Call *call)
{
  act(call, COMMAND_LEVEL_TICK);
}

void say_level_reset(const Call *call)
{
  act(call, COMMAND_LEVEL_RESET);
}

/// The slot of the address; false after a /fail.
static bool own_slot(const Call *call, bool make, uint32_t *slot)
{
  if (control_slot(call->control, call->slot, make, slot)) return true;
  const bool number = call->slot[strspn(call->slot, "-0123456789")] == '\0';
  if (number) CALL_FAIL(call, FAIL_NOT_THERE, "no slot %s, there are 0 to 127", call->slot);
  else if (!make) CALL_FAIL(call, FAIL_NOT_THERE, "slot %s is empty", call->slot);
  else
    CALL_FAIL(call, FAIL_LIMIT, "no slot %.64s: there are %d by name, of 63 letters at most",
              call->slot, ENGINE_SLOTS - ENGINE_NUMBERED);
  return false;
}

void say_save(const Call *call)
{
  uint32_t slot;
  if (!call_fires(call) || !own_slot(call, true, &slot)) return;
  Moment *moment = moment_new(control_state_bytes(call->control));
  if (!moment) {
    CALL_FAIL(call, FAIL_MEMORY, "out of memory");
    return;
  }
  if (!call_ask(call, (Command){.kind = COMMAND_SAVE,
                                .voice = (int32_t)call->voice,
                                .slot = slot,
                                .object = moment}))
    free(moment);
}

void say_load(const Call *call)
{
  uint32_t slot;
  if (!call_fires(call) || !own_slot(call, false, &slot)) return;
  call_ask(call, (Command){.kind = COMMAND_LOAD, .voice = (int32_t)call->voice, .slot = slot});
}

/// Argument `index` as a slot that may be empty: a number or a name.
static bool slot_at(const Call *call, int index, uint32_t *slot)
{
  if (call_is_text(call, index)) {
    if (control_slot(call->control, call_text(call, index), false, slot)) return true;
    CALL_FAIL(call, FAIL_NOT_THERE, "slot %s is empty", call_text(call, index));
    return false;
  }
  Number number;
  if (!call_number(call, index, &number)) return false;
  *slot = (uint32_t)number.whole;
  if (number.whole >= 0 && number.whole < ENGINE_NUMBERED) return true;
  CALL_FAIL(call, FAIL_NOT_THERE, "no slot %" PRId64 ", there are 0 to 127", number.whole);
  return false;
}

void say_morph(const Call *call)
{
  uint32_t a;
  uint32_t b;
  Number x;
  Number level = {-1.0, -1};
  if (!slot_at(call, 0, &a) || !slot_at(call, 1, &b) || !call_number(call, 2, &x)) return;
  if (call->count > 3 && !call_number(call, 3, &level)) return;
  call_ignore(call, 4);
  const uint32_t levels = cenote_model_info(call->control->playing[call->voice]->model)->levels;
  if (level.whole < -1 || level.whole >= levels) {
    CALL_FAIL(call, FAIL_NOT_THERE, "its model has no level %" PRId64, level.whole);
    return;
  }
  call->control->morph_x[call->voice] = (float)call_within(x.real, 0.0, 1.0);
  call_ask(call, (Command){.kind = COMMAND_MORPH,
                           .voice = (int32_t)call->voice,
                           .slot = a,
                           .slot_b = b,
                           .level = (uint32_t)(int32_t)level.whole,
                           .number = call_within(x.real, 0.0, 1.0)});
}

void say_morph_x(const Call *call)
{
  Number x;
  float *last = &call->control->morph_x[call->voice];
  if (call->count == 0) {
    lo_message message = lo_message_new();
    lo_message_add_float(message, *last);
    call_reply(call, call->address, message);
    return;
  }
  if (!call_number(call, 0, &x)) return;
  call_ignore(call, 1);
  *last = (float)call_within(x.real, 0.0, 1.0);
  call_ask(call, (Command){.kind = COMMAND_MORPH,
                           .voice = (int32_t)call->voice,
                           .slot = ENGINE_SLOTS,
                           .number = call_within(x.real, 0.0, 1.0)});
}

void say_copy(const Call *call)
{
  Number from;
  if (!call_number(call, 0, &from)) return;
  call_ignore(call, 1);
  if (from.whole < 1 || from.whole > call->control->options->voices) {
    CALL_FAIL(call, FAIL_NOT_THERE, "no voice %" PRId64 ", there are 1 to %" PRIu32, from.whole,
              call->control->options->voices);
    return;
  }
  call_ask(call, (Command){.kind = COMMAND_COPY,
                           .voice = (int32_t)call->voice,
                           .whole = (uint64_t)from.whole - 1});
}

void say_rewind(const Call *call)
{
  Number back;
  if (!call_number(call, 0, &back)) return;
  call_ignore(call, 1);
  call_ask(call, (Command){.kind = COMMAND_REWIND,
                           .voice = (int32_t)call->voice,
                           .number = call_within(back.real, 0.0, 600.0)});
}

void say_slot_list(const Call *call)
{
  const Control *control = call->control;
  call_ignore(call, 0);
  for (uint32_t s = 0; s < ENGINE_SLOTS; ++s) {
    char text[64];
    if (control->slot[s] == 0) continue;
    const Loaded *loaded = control_model_of_hash(control, control->slot[s]);
    control_slot_text(control, s, text);
    lo_message message = call_message(text);
    lo_message_add_string(message, loaded ? loaded->name : "");
    call_reply(call, "/slot/list.reply", message);
  }
  call_reply(call, "/done", call_message("/slot/list"));
}

void say_slot_free(const Call *call)
{
  uint32_t slot;
  if (!slot_at(call, 0, &slot)) return;
  call_ignore(call, 1);
  call_ask(call, (Command){.kind = COMMAND_PUT, .slot = slot});
}

/// A slot argument, made if it is a new name.
static bool slot_to_fill(const Call *call, int index, uint32_t *slot)
{
  if (!call_is_text(call, index)) return slot_at(call, index, slot);
  if (control_slot(call->control, call_text(call, index), true, slot)) return true;
  CALL_FAIL(call, FAIL_LIMIT, "no slot %s: there are 0 to 127, and %d by name",
            call_text(call, index), ENGINE_SLOTS - ENGINE_NUMBERED);
  return false;
}

/// What a slot or a voice holds, brought to a job by way of the engine.
static void fetch(const Call *call, Job *job, uint32_t slot)
{
  Moment *moment = moment_new(control_state_bytes(call->control));
  if (!moment) {
    CALL_FAIL(call, FAIL_MEMORY, "out of memory");
    control_end_job(call->control, job);
    return;
  }
  Command command = {
      .kind = COMMAND_LOOK, .voice = (int32_t)call->voice, .slot = slot, .object = moment};
  command.reply =
      control_ask(call->control, call->from, call->tagged ? &call->tag : NULL, call->address, job);
  if (command.reply != 0 && call_send(call, command)) return;
  Asked asked;
  control_asked(call->control, command.reply, &asked);
  free(moment);
  control_end_job(call->control, job);
}

void say_slot_write(const Call *call)
{
  uint32_t slot;
  const char *name = slot_at(call, 0, &slot) ? call_text(call, 1) : NULL;
  if (!name) return;
  Job *job = call_job(call, JOB_WRITE, 2);
  if (!job) return;
  strncpy(job->name, name, sizeof job->name - 1);
  if (call_media(call, name, false, job->path, sizeof job->path)) fetch(call, job, slot);
  else job_free(job);
}

void say_slot_read(const Call *call)
{
  uint32_t slot;
  const char *name = slot_to_fill(call, 0, &slot) ? call_text(call, 1) : NULL;
  if (!name) return;
  Job *job = call_job(call, JOB_READ, 2);
  if (!job) return;
  strncpy(job->name, name, sizeof job->name - 1);
  job->slot = slot;
  if (call_media(call, name, true, job->path, sizeof job->path)) control_put(call->control, job);
  else job_free(job);
}

void say_prime(const Call *call)
{
  const char *name = call_text(call, 0);
  if (!name) return;
  Number begin = {0.0, 0};
  Number length = {0.0, 0};
  int used = 1;
  if (call->count > used && !call_number(call, used++, &begin)) return;
  if (call->count > used && !call_number(call, used++, &length)) return;
  Job *job = call_job(call, JOB_PRIME, used);
  if (!job) return;
  strncpy(job->name, name, sizeof job->name - 1);
  job->begin_s = call_within(begin.real, 0.0, 1e6);
  job->length_s = call_within(length.real, 0.0, 3600.0);
  control_hold(job, call->control->playing[call->voice]);
  if (call_media(call, name, true, job->path, sizeof job->path)) fetch(call, job, ENGINE_SLOTS);
  else control_end_job(call->control, job);
}
