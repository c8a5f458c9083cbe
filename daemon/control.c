// SPDX-License-Identifier: ISC
#define _XOPEN_SOURCE 700 // realpath

#include "control.h"

#include "commands.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/// A client is told of one address at most so often.
#define FEEDBACK_NS (INT64_C(1000000000) / 30)

static const struct {
  const char *path; ///< behind /voice/N
  char type;
  CommandKind command;
  double start;
} values[VALUES] = {
    [VALUE_MASTER_GAIN] = {"/gain", 'f', COMMAND_MASTER_GAIN, 0.0},
    [VALUE_MASTER_MUTE] = {"/mute", 'i', COMMAND_MASTER_MUTE, 0.0},
    [VALUE_RUN] = {"/run", 'i', COMMAND_RUN, 1.0},
    [VALUE_SEED] = {"/seed", 'h', COMMAND_SEED, 0.0},
    [VALUE_TEMPERATURE] = {"/temperature", 'f', COMMAND_TEMPERATURE, 1.0},
    [VALUE_TOP_K] = {"/top_k", 'i', COMMAND_TOP_K, 256.0},
    [VALUE_TOP_P] = {"/top_p", 'f', COMMAND_TOP_P, 1.0},
    [VALUE_GAIN] = {"/gain", 'f', COMMAND_GAIN, 0.0},
    [VALUE_MUTE] = {"/mute", 'i', COMMAND_MUTE, 0.0},
};

static int64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void control_init(Control *control, const Options *options, double rate_hz)
{
  control->options = options;
  control->rate_hz = rate_hz;
  for (int v = 0; v < VALUES; ++v)
    for (uint32_t k = 0; k < ENGINE_VOICES; ++k)
      control->value[v][k] = (Number){values[v].start, (int64_t)values[v].start};
  for (uint32_t k = 0; k < ENGINE_VOICES; ++k) {
    const uint64_t seed = options->seed + k;
    control->value[VALUE_SEED][k] = (Number){(double)seed, (int64_t)seed};
  }
}

void control_fail(Control *control, const OscPeer *from, const char *command, FailCode code,
                  const char *format, ...)
{
  char reason[JOB_TEXT];
  va_list args;
  va_start(args, format);
  vsnprintf(reason, sizeof reason, format, args);
  va_end(args);
  if (control->dump > 0 || !from) fprintf(stderr, "cenoted: %s: %s\n", command, reason);
  if (!from) return;
  lo_message message = lo_message_new();
  lo_message_add(message, "ssi", command, reason, (int)code);
  osc_send(control->osc, from, "/fail", message);
}

void control_done(Control *control, const Job *job, const char *command, lo_message rest)
{
  if (!job->answer) {
    lo_message_free(rest);
    return;
  }
  if (job->tagged) lo_message_add_int32(rest, job->tag);
  (void)command;
  osc_send(control->osc, &job->from, "/done", rest);
}

bool control_send(Control *control, Command command)
{
  if (control->batched == CONTROL_BATCH) return false;
  control->batch[control->batched++] = command;
  return control->in_bundle || control_flush(control);
}

bool control_flush(Control *control)
{
  const size_t count = control->batched;
  control->batched = 0;
  control->in_bundle = false;
  return count == 0 || ring_write(control->commands, control->batch, count);
}

void control_put(Control *control, Job *job)
{
  ++control->jobs_put;
  jobs_put(control->jobs, job);
}

static double linear(double db)
{
  return db <= -90.0 ? 0.0 : db == 0.0 ? 1.0 : pow(10.0, db / 20.0);
}

bool control_set(Control *control, const OscPeer *from, Value value, uint32_t voice, Number number)
{
  Command command = {.kind = values[value].command, .voice = voice};
  command.number =
      value == VALUE_GAIN || value == VALUE_MASTER_GAIN ? linear(number.real) : number.real;
  command.whole = (uint64_t)number.whole;
  if (!control_send(control, command)) return false;
  control->value[value][voice] = number;
  Owed *owed = &control->owed[value][voice];
  owed->owed = true;
  owed->setter = from ? *from : (OscPeer){.socket = -1};
  return true;
}

void control_add_value(const Control *control, Value value, uint32_t voice, lo_message message)
{
  const Number *number = &control->value[value][voice];
  if (values[value].type == 'f') lo_message_add_float(message, (float)number->real);
  else if (values[value].type == 'h') lo_message_add_int64(message, number->whole);
  else lo_message_add_int32(message, (int32_t)number->whole);
}

void control_value_address(Value value, uint32_t voice, char address[static 64])
{
  if (value <= VALUE_MASTER_MUTE) snprintf(address, 64, "%s", values[value].path);
  else snprintf(address, 64, "/voice/%" PRIu32 "%s", voice + 1, values[value].path);
}

void control_dress(const Control *control, Ensemble *ensemble)
{
  for (uint32_t k = 0; k < ensemble->parts; ++k) {
    Part *part = &ensemble->part[k];
    cenote_voice_set_seed(part->voice, (uint64_t)control->value[VALUE_SEED][k].whole);
    cenote_voice_set_temperature(part->voice, (float)control->value[VALUE_TEMPERATURE][k].real);
    cenote_voice_set_top_k(part->voice, (uint32_t)control->value[VALUE_TOP_K][k].whole);
    cenote_voice_set_top_p(part->voice, (float)control->value[VALUE_TOP_P][k].real);
    part->level = (float)linear(control->value[VALUE_GAIN][k].real);
    part->muted = control->value[VALUE_MUTE][k].whole != 0;
    part->gain.now = part->gain.target = part->muted ? 0.0f : part->level;
    part->run.now = part->run.target = control->value[VALUE_RUN][k].whole ? 1.0f : 0.0f;
  }
}

Loaded *control_find_model(const Control *control, const char *name)
{
  for (size_t i = 0; i < control->models; ++i)
    if (strcmp(control->model[i]->name, name) == 0) return control->model[i];
  return NULL;
}

static void unload(Control *control, Loaded *loaded)
{
  Job *job = job_new(JOB_UNLOAD);
  if (!job) return;
  job->loaded = loaded;
  control_put(control, job);
}

static void release(Control *control, Loaded *loaded)
{
  if (--loaded->uses == 0) unload(control, loaded);
}

bool control_add_model(Control *control, Loaded *loaded)
{
  for (size_t i = 0; i < control->models; ++i) {
    if (strcmp(control->model[i]->name, loaded->name) != 0) continue;
    Loaded *replaced = control->model[i];
    control->model[i] = loaded;
    ++loaded->uses;
    release(control, replaced);
    return true;
  }
  if (control->models == CONTROL_MODELS) return false;
  control->model[control->models++] = loaded;
  ++loaded->uses;
  return true;
}

static FailCode code_of(CenoteStatus status)
{
  switch (status) {
  case CENOTE_NO_MEMORY:
    return FAIL_MEMORY;
  case CENOTE_FILE_ERROR:
    return FAIL_FILE;
  case CENOTE_BAD_MODEL:
    return FAIL_MODEL;
  case CENOTE_NOT_FOUND:
    return FAIL_NOT_THERE;
  default:
    return FAIL_BUSY;
  }
}

static const char *command_of(const Job *job)
{
  switch (job->kind) {
  case JOB_LOAD:
    return "/model/load";
  case JOB_PRESET:
    return "/preset/load";
  case JOB_TAKE:
    return "/rec/start";
  case JOB_END_TAKE:
    return "/rec/stop";
  default:
    return "";
  }
}

/// The old preset's controls give way to the new one's; gains, mutes and seeds stay the player's.
static void play_preset(Control *control, Job *job)
{
  static const Value sampler[] = {VALUE_TEMPERATURE, VALUE_TOP_K, VALUE_TOP_P};
  for (size_t v = 0; v < sizeof sampler / sizeof *sampler; ++v)
    for (uint32_t k = 0; k < control->options->voices; ++k)
      control->value[sampler[v]][k] =
          (Number){values[sampler[v]].start, (int64_t)values[sampler[v]].start};
  control_dress(control, job->ensemble);
  control->in_bundle = true; // the swap and the preset's lines at one sample
  control_send(control, (Command){.kind = COMMAND_ENSEMBLE, .ensemble = job->ensemble});
  commands_run_preset(control, job->folder);
  job->loaded->uses++;
  control->playing = job->loaded;
  if (control_flush(control)) {
    job->ensemble = NULL;
    return;
  }
  release(control, job->loaded);
}

static void finish_load(Control *control, Job *job)
{
  if (!control_add_model(control, job->loaded)) {
    control_fail(control, job->answer ? &job->from : NULL, command_of(job), FAIL_LIMIT,
                 "%d models are loaded already", CONTROL_MODELS);
    if (job->ensemble) {
      ensemble_free(job->ensemble);
      job->ensemble = NULL;
    }
    unload(control, job->loaded);
    return;
  }
  if (job->kind == JOB_PRESET) play_preset(control, job);
  if (job->ensemble) {
    ensemble_free(job->ensemble);
    control_fail(control, job->answer ? &job->from : NULL, command_of(job), FAIL_QUEUE,
                 "the queue is full");
    return;
  }
  const CenoteModelInfo *info = cenote_model_info(job->loaded->model);
  lo_message message = lo_message_new();
  lo_message_add(message, "ssiii", command_of(job), job->loaded->name, (int)info->sample_rate_hz,
                 (int)info->levels, (int)(info->bytes < INT32_MAX ? info->bytes : INT32_MAX));
  control_done(control, job, command_of(job), message);
}

static void finish_take(Control *control, Job *job)
{
  const bool began = job->kind == JOB_TAKE;
  control->taking = began;
  if (began) {
    snprintf(control->take, sizeof control->take, "%s", job->name);
    control_send(control, (Command){.kind = COMMAND_TAP, .voice = job->voice, .whole = 1});
  }
  lo_message message = lo_message_new();
  lo_message_add_string(message, command_of(job));
  lo_message_add_string(message, began ? job->name : control->take);
  lo_message_add_int64(message, began ? 0 : (int64_t)job->frames);
  control_done(control, job, command_of(job), message);
}

static void finish(Control *control, Job *job)
{
  ++control->jobs_done;
  if (job->status != CENOTE_OK) {
    if (job->kind == JOB_END_TAKE) control->taking = false;
    const FailCode code = job->kind == JOB_END_TAKE ? FAIL_FILE : code_of(job->status);
    control_fail(control, job->answer ? &job->from : NULL, command_of(job), code, "%s",
                 job->error.text);
  } else if (job->kind == JOB_LOAD || job->kind == JOB_PRESET) {
    finish_load(control, job);
  } else if (job->kind == JOB_TAKE || job->kind == JOB_END_TAKE) {
    finish_take(control, job);
  }
  free(job);
}

static void tell_clients(Control *control, const char *address, lo_message (*make)(uint32_t),
                         uint32_t voice)
{
  for (size_t i = 0; i < CONTROL_CLIENTS; ++i)
    if (control->client[i].used)
      osc_send(control->osc, &control->client[i].to, address, make(voice));
}

static lo_message not_finite(uint32_t voice)
{
  char command[32];
  snprintf(command, sizeof command, "/voice/%" PRIu32, voice + 1);
  lo_message message = lo_message_new();
  lo_message_add(message, "ssi", command, "its state is no longer finite; silent until reset",
                 (int)FAIL_MODEL);
  return message;
}

static void take_event(Control *control, const Event *event)
{
  Job *job;
  switch (event->kind) {
  case EVENT_RETIRED:
    job = job_new(JOB_FREE);
    if (!job) break;
    job->ensemble = event->ensemble;
    release(control, event->ensemble->model);
    control_put(control, job);
    break;
  case EVENT_NOT_FINITE:
    ++control->fatal;
    fprintf(stderr,
            "cenoted: voice %" PRIu32
            ": its state is no longer finite; silent until /voice/%" PRIu32 "/reset\n",
            event->voice + 1, event->voice + 1);
    tell_clients(control, "/fail", not_finite, event->voice);
    break;
  case EVENT_TAP_OFF:
    if (!control->ending_take) break;
    control->ending_take->frames = event->whole;
    control_put(control, control->ending_take);
    control->ending_take = NULL;
    // Those who asked for /synced after the /rec/stop wait for this job too.
    for (size_t i = 0; i < control->syncs; ++i) control->sync[i].after = control->jobs_put;
    break;
  case EVENT_FADED:
    control->faded = true;
    break;
  }
}

static void give_feedback(Control *control)
{
  const int64_t now = now_ns();
  for (int v = 0; v < VALUES; ++v) {
    for (uint32_t k = 0; k < control->options->voices; ++k) {
      Owed *owed = &control->owed[v][k];
      if (!owed->owed || now - owed->sent_ns < FEEDBACK_NS) continue;
      owed->owed = false;
      owed->sent_ns = now;
      char address[64];
      control_value_address((Value)v, k, address);
      for (size_t i = 0; i < CONTROL_CLIENTS; ++i) {
        const Client *client = &control->client[i];
        if (!client->used || osc_peer_equal(&client->from, &owed->setter)) continue;
        lo_message message = lo_message_new();
        control_add_value(control, (Value)v, k, message);
        osc_send(control->osc, &client->to, address, message);
      }
    }
  }
}

static void answer_syncs(Control *control)
{
  size_t kept = 0;
  for (size_t i = 0; i < control->syncs; ++i) {
    const Sync *sync = &control->sync[i];
    if (control->jobs_done < sync->after || control->ending_take) {
      control->sync[kept++] = *sync;
      continue;
    }
    lo_message message = lo_message_new();
    lo_message_add_int32(message, sync->id);
    osc_send(control->osc, &sync->from, "/synced", message);
  }
  control->syncs = kept;
}

void control_tend(Control *control)
{
  Event event;
  while (ring_read(control->events, &event, 1) == 1) take_event(control, &event);
  for (Job *job = jobs_get(control->jobs); job; job = jobs_get(control->jobs)) finish(control, job);
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
  control_send(control, (Command){.kind = COMMAND_FADE});
}
