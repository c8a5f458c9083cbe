// SPDX-License-Identifier: ISC
#define _XOPEN_SOURCE 700 // realpath

#include "control.h"

#include "care.h"
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
  for (uint32_t k = 0; k < ENGINE_KEYS; ++k) control->key_slot[k] = k;
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

bool control_set(Control *control, const OscPeer *from, Value value, uint32_t voice, uint32_t level,
                 Number number)
{
  if (!control_send(control, values_command(value, voice, level, number))) return false;
  if (value == VALUE_RUN && number.whole != 0) control->began[voice] = ++control->begins;
  LaterValue later = {.due = control->due,
                      .by = from != NULL,
                      .value = value,
                      .voice = voice,
                      .level = level,
                      .number = number};
  if (from) later.from = *from;
  if (control->due == 0 || !later_add(&control->later, &later))
    values_set(&control->values, from, value, voice, level, number);
  return true;
}

void control_map(Control *control, uint32_t key, uint32_t slot)
{
  const LaterValue later = {.due = control->due, .kind = LATER_KEY, .voice = key, .level = slot};
  if (control->due == 0 || !later_add(&control->later, &later)) control->key_slot[key] = slot;
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

/// The first question that has no answer yet; UINT64_MAX: none but for later.
static uint64_t first_open(const Control *control)
{
  uint64_t first = UINT64_MAX;
  for (uint32_t i = 0; control->open > 0 && i < CONTROL_ASKED; ++i)
    if (control->asked[i].name != 0 && control->asked[i].order < first)
      first = control->asked[i].order;
  return first;
}

/// One of a bundle for later: what is to be done first is known when its time has come.
static bool has_come(const Control *control, Sync *sync)
{
  if (sync->due == 0) return true;
  if (sync->due >= control->done_frames) return false;
  sync->due = 0;
  sync->after = control->jobs_put;
  sync->after_ask = control->asks;
  return true;
}

static void answer_syncs(Control *control)
{
  size_t kept = 0;
  bool ending = false;
  for (int i = 0; i < ENGINE_TAPS; ++i) ending = ending || control->take[i].job;
  ending = ending || control->ending_log;
  const uint64_t open = control->syncs > 0 ? first_open(control) : 0;
  for (size_t i = 0; i < control->syncs; ++i) {
    Sync *sync = &control->sync[i];
    if (!has_come(control, sync) || control->jobs_done < sync->after || ending ||
        open <= sync->after_ask) {
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
  control->done_frames = player_frames(control->player); // before its events are read
  logging_tend(control);
  while (ring_read(control->events, &event, 1) == 1) control_take_event(control, &event);
  for (Job *job = jobs_get(control->jobs); job; job = jobs_get(control->jobs))
    control_finish(control, job);
  player_correct_clock(control->player, &control->clock);
  later_apply(&control->later, &control->values, control->key_slot, control_frame(control));
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
