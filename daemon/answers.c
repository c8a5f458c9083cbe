// SPDX-License-Identifier: ISC
// What comes back from audio time, and the answers that it makes.
#include "control.h"

#include "care.h"
#include "logging.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t control_ask(Control *control, const OscPeer *from, const int32_t *tag, const char *command,
                     Job *job)
{
  for (uint32_t i = 0; i < CONTROL_ASKED; ++i) {
    const uint32_t at = (control->names + i) % CONTROL_ASKED;
    Asked *asked = &control->asked[at];
    if (asked->name != 0) continue;
    control->names += i + 1;
    // Names come round after four thousand million questions.
    asked->name = control->names / CONTROL_ASKED * CONTROL_ASKED + at + 1;
    asked->order = control->due > 0 ? UINT64_MAX : ++control->asks;
    asked->said = control->later.order;
    ++control->open;
    asked->answer = from != NULL;
    asked->tagged = tag != NULL;
    asked->quiet = asked->sets = false;
    if (tag) asked->tag = *tag;
    if (from) asked->from = *from;
    asked->job = job;
    snprintf(asked->command, sizeof asked->command, "%s", command);
    return asked->name;
  }
  control_fail(control, from, tag, command, FAIL_LIMIT, "%d answers are waited for already",
               CONTROL_ASKED);
  return 0;
}

uint32_t control_ask_set(Control *control, const LaterValue *set, const char *command)
{
  const uint32_t name = control_ask(control, set->by ? &set->from : NULL, NULL, command, NULL);
  if (name == 0) return 0;
  Asked *asked = &control->asked[(name - 1) % CONTROL_ASKED];
  asked->answer = false;
  asked->sets = true;
  asked->set = *set;
  return name;
}

uint32_t control_ask_quietly(Control *control, const OscPeer *from, const int32_t *tag,
                             const char *command)
{
  const uint32_t name = control_ask(control, from, tag, command, NULL);
  if (name != 0) control->asked[(name - 1) % CONTROL_ASKED].quiet = true;
  return name;
}

bool control_asked(Control *control, uint32_t name, Asked *out)
{
  if (name == 0) return false;
  Asked *asked = &control->asked[(name - 1) % CONTROL_ASKED];
  if (asked->name != name) return false;
  *out = *asked;
  --control->open;
  asked->name = 0;
  return true;
}

const char *control_command_of(const Job *job)
{
  return job->command;
}

void control_put_awaited(Control *control, Job *job)
{
  control_put(control, job);
  for (size_t i = 0; i < control->syncs; ++i) control->sync[i].after = control->jobs_put;
}

/// A job has one of the moments that it waits for, or will not get it; with the last it goes on.
static void go_on(Control *control, Job *job)
{
  if (job->kind == JOB_KEEP && --job->count > 0) return;
  if (job->kind == JOB_KEEP) job->count = ENGINE_VOICES;
  control_put_awaited(control, job);
}

static void refuse(Control *control, const Event *event, const Asked *asked)
{
  char slot[64];
  if (asked->sets) return; // the trigger's refusal is told
  control_slot_text(control, event->slot < ENGINE_SLOTS ? event->slot : 0, slot);
  switch ((Refusal)event->whole) {
  case REFUSED_NO_SLOT:
    CONTROL_FAIL(control, asked, FAIL_NOT_THERE, "slot %s is empty", slot);
    break;
  case REFUSED_OTHER_MODEL: {
    const uint64_t hash = event->slot < ENGINE_SLOTS ? control->slot[event->slot] : 0;
    const Loaded *loaded = control_model_of_hash(control, hash);
    CONTROL_FAIL(control, asked, FAIL_NOT_THERE,
                 "slot %s is of another model, %s, than the voice plays", slot,
                 loaded ? loaded->name : "not loaded");
    break;
  }
  case REFUSED_NO_VOICE:
    CONTROL_FAIL(control, asked, FAIL_NOT_THERE, "no such voice");
    break;
  case REFUSED_NO_PAST:
    CONTROL_FAIL(control, asked, FAIL_NOT_THERE, "the voice has no past yet");
    break;
  case REFUSED_NO_PAIR:
    CONTROL_FAIL(control, asked, FAIL_NOT_THERE, "no two slots have been morphed yet");
    break;
  case REFUSED_OTHER_VOICE:
    CONTROL_FAIL(control, asked, FAIL_NOT_THERE, "the two voices play different models");
    break;
  case REFUSED_FULL:
    CONTROL_FAIL(control, asked, FAIL_QUEUE, "the queue is full");
    break;
  case REFUSED_CLEARED:
    CONTROL_FAIL(control, asked, FAIL_QUEUE, "dropped by /clearSched");
    break;
  }
  if (strcmp(asked->command, "/rec/start") == 0) control_abandon_take(control, event->slot);
  if (strcmp(asked->command, "/log/start") == 0) logging_abandon(control);
  if (asked->job && asked->job->kind == JOB_KEEP) go_on(control, asked->job);
  else if (asked->job) control_end_job(control, asked->job);
}

/// A voice plays: the trigger's sender hears of its end, be it that another note takes the voice.
static void note_start(Control *control, uint32_t voice, const Asked *asked)
{
  if (control->noted[voice]) control_tell_end(control, voice);
  control->noted[voice] = true;
  control->triggered[voice] = asked->answer ? asked->from : (OscPeer){.socket = -1};
  control->began[voice] = ++control->begins;
  values_set(&control->values, NULL, VALUE_RUN, voice, 0, (Number){1.0, 1});
}

/// Of a level that the voice's model has, if of one.
static void note_set(Control *control, uint32_t voice, const LaterValue *set)
{
  const Loaded *loaded = control->playing[voice];
  if (set->level > 0 && set->level >= cenote_model_info(loaded->model)->levels) return;
  values_set(&control->values, set->by ? &set->from : NULL, set->value, voice, set->level,
             set->number);
}

static void done(Control *control, const Event *event, const Asked *asked)
{
  const uint32_t voice = (uint32_t)event->voice;
  if (asked->sets) {
    note_set(control, voice, &asked->set);
    return;
  }
  const char *last = strrchr(asked->command, '/');
  const bool rewind = last && strcmp(last, "/rewind") == 0;
  const bool trigger = strncmp(asked->command, "/trigger", 8) == 0 ||
                       strncmp(asked->command, "/mnote", 6) == 0 ||
                       strncmp(asked->command, "/dirt", 5) == 0;
  if (trigger) note_start(control, voice, asked);
  if (strcmp(asked->command, "/quit") == 0) control->quit = true;
  if (strcmp(asked->command, "/clearSched") == 0)
    control_clear_later(control, (uint64_t)event->number,
                        asked->order == UINT64_MAX ? control->later.order : asked->said);
  if (!asked->answer || asked->quiet) return;
  lo_message message = lo_message_new();
  lo_message_add_string(message, asked->command);
  if (rewind) lo_message_add_float(message, (float)event->number);
  else if (trigger) lo_message_add_int32(message, event->voice + 1);
  if (asked->tagged) lo_message_add_int32(message, asked->tag);
  osc_send(control->osc, &asked->from, "/done", message);
}

static void take_controls(Control *control, const Event *event)
{
  const uint32_t voice = (uint32_t)event->voice;
  const Controls *controls = &event->controls;
  Values *values = &control->values;
  const struct {
    Value value;
    Number number;
  } own[] = {
      {VALUE_SEED, {(double)controls->seed, (int64_t)controls->seed}},
      {VALUE_TEMPERATURE, {(double)controls->temperature, (int64_t)controls->temperature}},
      {VALUE_TOP_P, {(double)controls->top_p, (int64_t)controls->top_p}},
      {VALUE_TOP_K, {controls->top_k, controls->top_k}},
  };
  for (size_t i = 0; i < sizeof own / sizeof *own; ++i)
    if (values_get(values, own[i].value, voice, 0).real != own[i].number.real)
      values_set(values, NULL, own[i].value, voice, 0, own[i].number);
  for (uint32_t l = 0; l < controls->levels && l < ENGINE_LEVELS; ++l) {
    const double number[] = {(double)controls->level[l].gain, controls->level[l].freeze ? 1.0 : 0.0,
                             (double)controls->level[l].clock, (double)controls->level[l].noise};
    for (int v = VALUE_LEVEL; v < VALUES; ++v)
      if (values_get(values, (Value)v, voice, l).real != number[v - VALUE_LEVEL])
        values_set(values, NULL, (Value)v, voice, l,
                   (Number){number[v - VALUE_LEVEL], (int64_t)number[v - VALUE_LEVEL]});
  }
}

static void voice_address(char address[static 64], int32_t voice, const char *rest)
{
  snprintf(address, 64, "/voice/%" PRId32 "/%s", voice + 1, rest);
}

void control_tell_end(Control *control, uint32_t voice)
{
  char address[64];
  OscPeer *starter = &control->triggered[voice];
  bool told = starter->socket < 0;
  control->noted[voice] = false;
  voice_address(address, (int32_t)voice, "ended");
  for (size_t i = 0; i < CONTROL_CLIENTS; ++i)
    told = told || (control->client[i].used && osc_peer_equal(&control->client[i].from, starter));
  control_notify(control, address, lo_message_new());
  if (!told) osc_send(control->osc, starter, address, lo_message_new());
  starter->socket = -1;
}

static void take_end(Control *control, const Event *event)
{
  const uint32_t voice = (uint32_t)event->voice;
  control_tell_end(control, voice);
  values_set(&control->values, NULL, VALUE_RUN, voice, 0, (Number){0.0, 0});
}

static void take_not_finite(Control *control, const Event *event)
{
  char command[64];
  ++control->fatal;
  fprintf(stderr,
          "cenoted: voice %" PRId32 ": its state is no longer finite; silent until /voice/%" PRId32
          "/reset\n",
          event->voice + 1, event->voice + 1);
  snprintf(command, sizeof command, "/voice/%" PRId32, event->voice + 1);
  lo_message message = lo_message_new();
  lo_message_add(message, "ssi", command, "its state is no longer finite; silent until reset",
                 (int)FAIL_MODEL);
  control_notify(control, "/fail", message);
}

static void take_meter(Control *control, const Event *event)
{
  char address[64];
  care_meter(control, event);
  if (control->values.meter_hz <= 0.0f) return;
  voice_address(address, event->voice, "meter");
  lo_message message = lo_message_new();
  lo_message_add(message, "fffi", (double)event->meter.peak, (double)event->meter.rms,
                 (double)event->meter.bits, (int)event->meter.clipped);
  control_notify(control, address, message);
}

/// A moment comes back: one that was asked for goes on with its job, another is done with.
static void take_moment(Control *control, const Event *event)
{
  Asked asked;
  const bool awaited = control_asked(control, event->reply, &asked);
  if (awaited && !asked.job) logging_start(control, &asked, event->object);
  if (!awaited || !asked.job) {
    free(event->object);
    return;
  }
  Job *job = asked.job;
  job->moment[job->kind == JOB_KEEP ? event->voice : 0] = event->object;
  const Moment *moment = event->object;
  if (moment->bytes == 0 && job->kind != JOB_KEEP) {
    CONTROL_FAIL(control, &asked, FAIL_NOT_THERE, "there is nothing in it");
    control_end_job(control, job);
    return;
  }
  go_on(control, job);
}

static void take_tap(Control *control, const Event *event)
{
  Take *take = &control->take[event->slot];
  if (!take->job) return;
  take->job->frames = event->whole;
  control_put_awaited(control, take->job);
  take->job = NULL;
}

void control_take_event(Control *control, const Event *event)
{
  Asked asked;
  Job *job;
  Loaded *loaded;
  switch (event->kind) {
  case EVENT_DONE:
    if (control_asked(control, event->reply, &asked)) done(control, event, &asked);
    break;
  case EVENT_REFUSED:
    if (control_asked(control, event->reply, &asked)) refuse(control, event, &asked);
    break;
  case EVENT_PLAYS:
    control->playing[event->voice] = ((const Kit *)event->object)->model;
    break;
  case EVENT_KIT:
    job = job_new(JOB_FREE_KIT);
    if (!job) break;
    job->kit[0] = event->object;
    loaded = job->kit[0]->model;
    control_put(control, job); // before the model may go
    control_release(control, loaded);
    break;
  case EVENT_MOMENT:
    take_moment(control, event);
    break;
  case EVENT_SLOT:
    control->slot[event->slot] = event->whole;
    break;
  case EVENT_ENDED:
    take_end(control, event);
    break;
  case EVENT_STOPPED:
    if (control->noted[event->voice]) control_tell_end(control, (uint32_t)event->voice);
    break;
  case EVENT_CONTROLS:
    take_controls(control, event);
    break;
  case EVENT_NOT_FINITE:
    take_not_finite(control, event);
    break;
  case EVENT_METER:
    take_meter(control, event);
    break;
  case EVENT_TAP:
    take_tap(control, event);
    break;
  case EVENT_LOGGED:
    logging_end(control, event->whole, (uint64_t)event->number);
    break;
  case EVENT_FADED:
    control->faded = true;
    break;
  }
}
