// SPDX-License-Identifier: ISC
#include "call.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 64 }; ///< at once

lo_message call_message(const char *text)
{
  lo_message message = lo_message_new();
  if (text) lo_message_add_string(message, text);
  return message;
}

void call_reply(const Call *call, const char *address, lo_message message)
{
  if (call->from) osc_send(call->control->osc, call->from, address, message);
  else lo_message_free(message);
}

bool call_is_number(const Call *call, int index)
{
  return index < call->count && strchr("ihfdTF", call->types[index]) != NULL;
}

/// Argument `index`, which is a number; false: it is not finite.
static bool read_number(const Call *call, int index, Number *out)
{
  const void *at = lo_message_get_argv(call->message)[index];
  int32_t i;
  float f;
  switch (call->types[index]) {
  case 'i':
    memcpy(&i, at, sizeof i);
    *out = (Number){i, i};
    return true;
  case 'h':
    memcpy(&out->whole, at, sizeof out->whole);
    out->real = (double)out->whole;
    return true;
  case 'f':
    memcpy(&f, at, sizeof f);
    out->real = (double)f;
    break;
  case 'd':
    memcpy(&out->real, at, sizeof out->real);
    break;
  default:
    *out = call->types[index] == 'T' ? (Number){1.0, 1} : (Number){0.0, 0};
    return true;
  }
  const double rounded = rint(out->real);
  out->whole = rounded >= 9.2e18 ? INT64_MAX : rounded >= -9.2e18 ? (int64_t)rounded : INT64_MIN;
  return isfinite(out->real);
}

bool call_number(const Call *call, int index, Number *out)
{
  if (index >= call->count) CALL_FAIL(call, FAIL_ARGUMENTS, "argument %d is missing", index + 1);
  else if (!call_is_number(call, index))
    CALL_FAIL(call, FAIL_ARGUMENTS, "argument %d is of type %c, want a number", index + 1,
              call->types[index]);
  else if (!read_number(call, index, out))
    CALL_FAIL(call, FAIL_ARGUMENTS, "argument %d is not a finite number", index + 1);
  else return true;
  return false;
}

bool call_is_text(const Call *call, int index)
{
  return index < call->count && (call->types[index] == 's' || call->types[index] == 'S');
}

const char *call_text(const Call *call, int index)
{
  if (call_is_text(call, index)) return (const char *)lo_message_get_argv(call->message)[index];
  CALL_FAIL(call, FAIL_ARGUMENTS, "argument %d: want a string", index + 1);
  return NULL;
}

void call_ignore(const Call *call, int used)
{
  if (call->count <= used) return;
  call->control->extra += (uint64_t)(call->count - used);
  if (dump_room(&call->control->dump, 1))
    fprintf(stderr, "cenoted: %s: arguments past %d are ignored (%" PRIu64 " so far)\n",
            call->address, used, call->control->extra);
}

bool call_fires(const Call *call)
{
  Number number = {1.0, 1};
  if (call->count > 0 && !call_number(call, 0, &number)) return false;
  call_ignore(call, 1);
  return number.real != 0.0;
}

double call_within(double x, double low, double high)
{
  return x < low ? low : x > high ? high : x;
}

Number call_cut(const Row *row, Number number)
{
  if (row->value != VALUE_SEED) { // every whole number is a seed
    number.real = call_within(number.real, row->low, row->high);
    number.whole = (int64_t)rint(number.real);
  }
  if (values_toggle(row->value)) number.real = (double)number.whole;
  return number;
}

void call_find_tag(Call *call)
{
  const char *types = call->row->types;
  const char *end = strstr(types, "[i tag]");
  const char *group = strchr(types, '[');
  Number tag;
  call->tagged = false;
  if (!end || call->count == 0) return;
  int needed = group > types ? 1 : 0;
  int optional = group < end ? 1 : 0;
  for (const char *at = types; at < group; ++at) needed += *at == ',';
  for (const char *at = group; at < end; ++at) optional += *at == ',';
  const int last = call->count - 1;
  if (last != needed && last != needed + optional) return;
  // Where a number may be meant that is no tag, only an i is one.
  const bool open = last == needed && optional > 0 && strchr("ihfd", group[1]);
  if (open ? call->types[last] != 'i' : !call_is_number(call, last)) return;
  if (!read_number(call, last, &tag) || tag.real != (double)tag.whole) return;
  call->tagged = true;
  call->tag = (int32_t)tag.whole;
  --call->count;
}

Job *call_job(const Call *call, JobKind kind, int used)
{
  if (!call->control->jobs) {
    CALL_FAIL(call, FAIL_BUSY, "no files and models before it plays");
    return NULL;
  }
  // All that is waiting is done before the daemon ends, and holds memory; a take's end is not kept
  // from its file.
  if (kind != JOB_END_TAKE && jobs_pending(call->control->jobs) + call->control->holding >= JOBS) {
    CALL_FAIL(call, FAIL_BUSY, "%d files and models are waited for already", JOBS);
    return NULL;
  }
  Job *job = job_new(kind);
  if (!job) {
    CALL_FAIL(call, FAIL_MEMORY, "out of memory");
    return NULL;
  }
  job->answer = call->from != NULL;
  if (call->from) job->from = *call->from;
  job->due = call->control->due;
  job->first = call->voice;
  job->precision = call->control->options->precision;
  job->tagged = call->tagged;
  job->tag = call->tag;
  snprintf(job->command, sizeof job->command, "%s", call->address);
  call_ignore(call, used);
  return job;
}

bool call_send(const Call *call, Command command)
{
  if (control_send(call->control, command)) return true;
  CALL_FAIL(call, FAIL_QUEUE, "the queue is full");
  return false;
}

bool call_ask(const Call *call, Command command)
{
  Asked asked;
  command.reply =
      control_ask(call->control, call->from, call->tagged ? &call->tag : NULL, call->address, NULL);
  if (command.reply == 0) return false;
  if (call_send(call, command)) return true;
  control_asked(call->control, command.reply, &asked);
  return false;
}

bool call_media(const Call *call, const char *name, bool exists, char *path, size_t size)
{
  const char *why;
  if (control_media_path(call->control, name, exists, path, size, &why)) return true;
  CALL_FAIL(call, strstr(why, "under") ? FAIL_NOT_PERMITTED : FAIL_FILE, "%s: %s", name, why);
  return false;
}
