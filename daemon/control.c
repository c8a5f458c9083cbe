// SPDX-License-Identifier: ISC
#define _XOPEN_SOURCE 700 // realpath

#include "control.h"

#include "care.h"
#include "commands.h"
#include "logging.h"
#include "now.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// A client is told of one address at most so often.
#define FEEDBACK_NS (INT64_C(1000000000) / 30)

void control_init(Control *control, const Options *options, double rate_hz)
{
  control->options = options;
  control->rate_hz = rate_hz;
  values_init(&control->values, options->seed);
  for (uint32_t k = 0; k < CONTROL_KEYS; ++k) control->key_slot[k] = k;
  for (uint32_t k = 0; k < ENGINE_VOICES; ++k) control->triggered[k].socket = -1;
}

void control_fail(Control *control, const OscPeer *from, const int32_t *tag, const char *command,
                  FailCode code, const char *format, ...)
{
  char reason[JOB_TEXT];
  va_list args;
  va_start(args, format);
  vsnprintf(reason, sizeof reason, format, args);
  va_end(args);
  if (!from || dump_room(&control->dump, 1)) fprintf(stderr, "cenoted: %s: %s\n", command, reason);
  if (!from) return;
  lo_message message = lo_message_new();
  lo_message_add(message, "ssi", command, reason, (int)code);
  if (tag) lo_message_add_int32(message, *tag);
  osc_send(control->osc, from, "/fail", message);
}

void control_done(Control *control, const Job *job, lo_message rest)
{
  if (!job->answer) {
    lo_message_free(rest);
    return;
  }
  if (job->tagged) lo_message_add_int32(rest, job->tag);
  osc_send(control->osc, &job->from, "/done", rest);
}

void control_notify(Control *control, const char *address, lo_message message)
{
  for (size_t i = 0; i < CONTROL_CLIENTS; ++i) {
    if (!control->client[i].used) continue;
    lo_message copy = lo_message_clone(message);
    if (copy) osc_send(control->osc, &control->client[i].to, address, copy);
  }
  lo_message_free(message);
}

bool control_send(Control *control, Command command)
{
  // What is taken here will have room, for nobody else writes: a bundle never comes to nothing
  // after its commands have been promised.
  if (control->batched == CONTROL_BATCH || ring_space(control->commands) <= control->batched)
    return false;
  command.due = control->due;
  logging_object(control, &command);
  control->batch[control->batched++] = command;
  if (!control->in_bundle) control_flush(control);
  return true;
}

void control_flush(Control *control)
{
  if (control->batched > 0) ring_write(control->commands, control->batch, control->batched);
  control->batched = 0;
  control->in_bundle = false;
}

uint64_t control_frame(const Control *control)
{
  return player_frames(control->player) + control->options->block;
}

void control_put(Control *control, Job *job)
{
  ++control->jobs_put;
  jobs_put(control->jobs, job);
}

bool control_set(Control *control, const OscPeer *from, Value value, uint32_t voice, uint32_t level,
                 Number number)
{
  if (!control_send(control, values_command(value, voice, level, number))) return false;
  if (value == VALUE_RUN && number.whole != 0) control->began[voice] = ++control->begins;
  LaterValue later = {control->due, from != NULL, {0}, value, voice, level, number};
  if (from) later.from = *from;
  if (control->due == 0 || !later_add(&control->later, &later))
    values_set(&control->values, from, value, voice, level, number);
  return true;
}

size_t control_state_bytes(const Control *control)
{
  size_t most = 0;
  for (size_t i = 0; i < control->models; ++i) {
    const size_t bytes = cenote_model_info(control->model[i]->model)->state_bytes;
    if (bytes > most) most = bytes;
  }
  return most;
}

bool control_slot(Control *control, const char *name, bool make, uint32_t *slot)
{
  if (isdigit((unsigned char)name[0]) && name[strspn(name, "0123456789")] == '\0') {
    *slot = (uint32_t)strtoul(name, NULL, 10);
    return strlen(name) < 4 && *slot < ENGINE_NUMBERED;
  }
  uint32_t spare = ENGINE_SLOTS;
  const bool number = name[0] == '-' && isdigit((unsigned char)name[1]);
  if (name[0] == '\0' || number || strlen(name) >= sizeof control->slot_name[0].name) return false;
  for (uint32_t i = ENGINE_SLOTS; i-- > ENGINE_NUMBERED;) {
    if (strcmp(control->slot_name[i].name, name) == 0) {
      *slot = i;
      return true;
    }
    if (control->slot_name[i].name[0] == '\0') spare = i;
  }
  if (!make || spare == ENGINE_SLOTS) return false;
  snprintf(control->slot_name[spare].name, sizeof control->slot_name[spare].name, "%s", name);
  *slot = spare;
  return true;
}

void control_slot_text(const Control *control, uint32_t slot, char text[static 64])
{
  if (slot < ENGINE_NUMBERED) snprintf(text, 64, "%" PRIu32, slot);
  else snprintf(text, 64, "%s", control->slot_name[slot].name);
}

static FailCode code_of(CenoteStatus status)
{
  switch (status) {
  case CENOTE_NO_MEMORY:
    return FAIL_MEMORY;
  case CENOTE_FILE_ERROR:
    return FAIL_FILE;
  case CENOTE_BAD_MODEL:
  case CENOTE_BAD_STATE:
    return FAIL_MODEL;
  case CENOTE_NOT_FOUND:
    return FAIL_NOT_THERE;
  default:
    return FAIL_BUSY;
  }
}

/// The engine was not told to begin: the open file is closed again.
static void abandon_take(Control *control, const Job *began)
{
  Job *job = job_new(JOB_END_TAKE);
  if (!job) return;
  job->take = began->take;
  job->lane = began->lane;
  control->take[began->take].ending = true;
  control_put(control, job);
}

static void finish_take(Control *control, Job *job)
{
  Take *take = &control->take[job->take];
  const bool began = job->kind == JOB_TAKE;
  if (job->status != CENOTE_OK) {
    if (began || job->lane < 0 || take->ending) {
      ring_free(take->ring);
      *take = (Take){0};
    }
    return;
  }
  if (began) {
    const Command tap = {
        .kind = COMMAND_TAP, .voice = take->voice, .slot = job->take, .object = take->ring};
    take->lane = job->lane;
    control->due = job->due;
    const bool sent = control_send(control, tap);
    control->due = 0;
    if (!sent) {
      CONTROL_FAIL(control, job, FAIL_QUEUE, "the queue is full");
      abandon_take(control, job);
      return;
    }
  }
  lo_message message = lo_message_new();
  lo_message_add_string(message, job->command);
  control_add_file(message, take, job->path);
  if (began) {
    lo_message_add_int64(message, 0);
  } else {
    lo_message_add_int64(message, (int64_t)job->frames);
    ring_free(take->ring);
    *take = (Take){0};
  }
  control_done(control, job, message);
}

/// A moment has come from a file or from listening: to its slot or voice.
static void finish_moment(Control *control, Job *job)
{
  const bool prime = job->kind == JOB_PRIME;
  if (!prime && !control_model_of_hash(control, job->moment[0]->hash)) {
    char model[64];
    cenote_state_model(job->moment[0]->state, job->moment[0]->bytes, model, sizeof model);
    CONTROL_FAIL(control, job, FAIL_MODEL, "%s: of another model, %s (%016" PRIx64 "), not loaded",
                 job->name, model, job->moment[0]->hash);
    return;
  }
  control->due = job->due;
  const bool sent = control_send(control, (Command){.kind = prime ? COMMAND_LOAD : COMMAND_PUT,
                                                    .voice = (int32_t)job->first,
                                                    .slot = prime ? ENGINE_SLOTS : job->slot,
                                                    .object = job->moment[0]});
  control->due = 0;
  if (!sent) {
    CONTROL_FAIL(control, job, FAIL_QUEUE, "the queue is full");
    return;
  }
  job->moment[0] = NULL;
  lo_message message = lo_message_new();
  lo_message_add_string(message, job->command);
  if (prime) lo_message_add_float(message, (float)job->bits);
  else lo_message_add_string(message, job->name);
  control_done(control, job, message);
}

static void finish(Control *control, Job *job)
{
  ++control->jobs_done;
  if (job->kind == JOB_LOG) control->opening_log = false;
  if (job->status != CENOTE_OK) {
    const FailCode code = job->kind == JOB_END_TAKE ? FAIL_FILE : code_of(job->status);
    CONTROL_FAIL(control, job, code, "%s", job->error.text);
    if (job->kind == JOB_TAKE || job->kind == JOB_END_TAKE) finish_take(control, job);
    control_end_job(control, job);
    return;
  }
  lo_message message;
  switch (job->kind) {
  case JOB_LOAD:
    control_finish_load(control, job);
    break;
  case JOB_KITS:
  case JOB_PRESET:
    control_finish_kits(control, job);
    break;
  case JOB_TAKE:
  case JOB_END_TAKE:
    finish_take(control, job);
    break;
  case JOB_READ:
  case JOB_PRIME:
    finish_moment(control, job);
    break;
  case JOB_LOG:
    logging_begin(control, job);
    break;
  case JOB_END_LOG:
  case JOB_WRITE:
    message = lo_message_new();
    lo_message_add(message, "ss", job->command, job->name);
    control_done(control, job, message);
    break;
  default:
    break;
  }
  control_end_job(control, job);
}

static void give_feedback(Control *control)
{
  const int64_t now = now_ns();
  Values *values = &control->values;
  for (int v = 0; v < VALUES && values->owing > 0; ++v) {
    for (uint32_t at = 0; at < ENGINE_VOICES * ENGINE_LEVELS; ++at) {
      const uint32_t voice = at / ENGINE_LEVELS;
      const uint32_t level = at % ENGINE_LEVELS;
      Owed *owed = &values->owed[v][voice][level];
      if (!owed->owed || now - owed->sent_ns < FEEDBACK_NS) continue;
      owed->owed = false;
      --values->owing;
      owed->sent_ns = now;
      char address[64];
      values_address((Value)v, voice, level, address);
      for (size_t i = 0; i < CONTROL_CLIENTS; ++i) {
        const Client *client = &control->client[i];
        if (!client->used || osc_peer_equal(&client->from, &owed->setter)) continue;
        lo_message message = lo_message_new();
        values_add(values, (Value)v, voice, level, message);
        osc_send(control->osc, &client->to, address, message);
      }
    }
  }
}

/// Whether a question up to that one has no answer yet.
static bool asks_open(const Control *control, uint64_t order)
{
  for (uint32_t i = 0; control->open > 0 && i < CONTROL_ASKED; ++i)
    if (control->asked[i].name != 0 && control->asked[i].order <= order) return true;
  return false;
}

static void answer_syncs(Control *control)
{
  size_t kept = 0;
  bool ending = false;
  for (int i = 0; i < ENGINE_TAPS; ++i) ending = ending || control->take[i].job;
  ending = ending || control->ending_log;
  for (size_t i = 0; i < control->syncs; ++i) {
    const Sync *sync = &control->sync[i];
    if (control->jobs_done < sync->after || ending || asks_open(control, sync->after_ask)) {
      control->sync[kept++] = *sync;
      continue;
    }
    lo_message message = lo_message_new();
    lo_message_add_int32(message, sync->id);
    osc_send(control->osc, &sync->from, "/synced", message);
  }
  control->syncs = kept;
}

/// Files of a split that are whole, by the name that /rec/start may be given.
static void tell_files(Control *control)
{
  char path[1024];
  uint64_t frames;
  int lane;
  const size_t length = strlen(control->media);
  while (recorder_next_file(control->recorder, path, sizeof path, &frames, &lane)) {
    const bool inside = strncmp(path, control->media, length) == 0 && path[length] == '/';
    lo_message message = lo_message_new();
    lo_message_add_string(message, inside ? path + length + 1 : path);
    lo_message_add_int64(message, (int64_t)frames);
    control_notify(control, "/rec/file", message);
  }
}

void control_tend(Control *control)
{
  Event event;
  logging_tend(control);
  while (ring_read(control->events, &event, 1) == 1) control_take_event(control, &event);
  for (Job *job = jobs_get(control->jobs); job; job = jobs_get(control->jobs)) finish(control, job);
  player_correct_clock(control->player, &control->clock);
  later_apply(&control->later, &control->values, control_frame(control));
  tell_files(control);
  care_tend(control);
  give_feedback(control);
  answer_syncs(control);
}

bool control_media_path(const Control *control, const char *name, bool exists, char *path,
                        size_t size, const char **why)
{
  char wanted[4096];
  char real[4096];
  const char *slash = strrchr(name, '/');
  const char *last = slash ? slash + 1 : name;
  *why = "not a file under --media-dir";
  if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) return false;
  const char *base = name[0] == '/' ? "" : control->media;
  // A new file's folder must be inside; an old one must be so itself, links followed.
  const int part = exists ? (int)strlen(name) : (int)(last - name);
  if (snprintf(wanted, sizeof wanted, "%s%s%.*s", base, *base ? "/" : "", part, name) >=
      (int)sizeof wanted)
    return false;
  if (!realpath(wanted, real)) {
    *why = "no such file or folder";
    return false;
  }
  const size_t length = strlen(control->media);
  if (strncmp(real, control->media, length) != 0 ||
      (real[length] != '/' && real[length] != '\0' && length > 1))
    return false;
  const int wrote =
      exists ? snprintf(path, size, "%s", real) : snprintf(path, size, "%s/%s", real, last);
  return wrote > 0 && (size_t)wrote < size;
}

void control_quit(Control *control)
{
  if (control->quit) return;
  control->quit = true;
  control_send(control, (Command){.kind = COMMAND_END});
}
