// SPDX-License-Identifier: ISC
// Models, presets and recordings.
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Path of a preset's weights into the job; false after a /fail.
static bool find_preset(const Call *call, Job *job, const char *name)
{
  CenoteError err;
  if (cenote_find_preset(name, job->folder, sizeof job->folder, &err) != CENOTE_OK) {
    CALL_FAIL(call, FAIL_NOT_THERE, "%s", err.text);
    return false;
  }
  snprintf(job->name, sizeof job->name, "%s", name);
  const int wrote = snprintf(job->path, sizeof job->path, "%s/weights.safetensors", job->folder);
  if (wrote < (int)sizeof job->path) return true;
  CALL_FAIL(call, FAIL_FILE, "the path is too long");
  return false;
}

void say_preset_load(const Call *call)
{
  const char *name = call_text(call, 0);
  Job *job = name ? call_job(call, JOB_PRESET, 1) : NULL;
  if (!job) return;
  job->first = 0;
  job->count = call->control->options->voices;
  if (find_preset(call, job, name)) control_put(call->control, job);
  else job_free(job);
}

/// Path of what a client may call a model, a file only if it may name one; false after a /fail.
static bool find_model(const Call *call, Job *job, const char *name)
{
  CenoteError err;
  const char *given = call->control->options->model;
  const bool file = strchr(name, '/') || strstr(name, ".safetensors");
  if (file && !(given && strcmp(given, name) == 0)) // the command line's own needs no permission
    return commands_permitted(call) && call_media(call, name, true, job->path, sizeof job->path);
  if (cenote_find_model(name, job->path, sizeof job->path, &err) == CENOTE_OK) return true;
  CALL_FAIL(call, file ? FAIL_FILE : FAIL_NOT_THERE, "%s", err.text);
  return false;
}

void say_model_load(const Call *call)
{
  const char *name = call_text(call, 0);
  if (!name) return;
  const char *as = call_is_text(call, 1) ? call_text(call, 1) : name;
  Job *job = call_job(call, JOB_LOAD, as == name ? 1 : 2);
  if (!job) return;
  snprintf(job->name, sizeof job->name, "%s", as);
  if (find_model(call, job, name)) control_put(call->control, job);
  else job_free(job);
}

void say_voice_model(const Call *call)
{
  const char *name = call_text(call, 0);
  Job *job = name ? call_job(call, JOB_KITS, 1) : NULL;
  if (!job) return;
  job->count = 1;
  Loaded *loaded = control_find_model(call->control, name);
  if (loaded) control_hold(job, loaded);
  snprintf(job->name, sizeof job->name, "%s", name);
  if (job->loaded || find_model(call, job, name)) control_put(call->control, job);
  else job_free(job);
}

void say_model_free(const Call *call)
{
  Control *control = call->control;
  const char *name = call_text(call, 0);
  if (!name) return;
  Job *echo = call_job(call, JOB_LOAD, 1);
  if (!echo) return;
  const Loaded *loaded = control_find_model(control, name);
  bool playing = false;
  for (uint32_t k = 0; k < control->options->voices; ++k)
    playing = playing || control->playing[k] == loaded;
  if (!loaded) {
    CALL_FAIL(call, FAIL_NOT_THERE, "no model %s is loaded", name);
  } else if (playing) {
    CALL_FAIL(call, FAIL_BUSY, "a voice plays %s", name);
  } else if (jobs_pending(control->jobs) > 0) {
    CALL_FAIL(call, FAIL_BUSY, "something is being loaded");
  } else {
    control_drop_model(control, name);
    lo_message message = call_message("/model/free");
    lo_message_add_string(message, name);
    control_done(control, echo, message);
  }
  job_free(echo);
}

void say_model_list(const Call *call)
{
  call_ignore(call, 0);
  for (size_t i = 0; i < call->control->models; ++i)
    call_reply(call, "/model/list.reply", call_message(call->control->model[i]->name));
  call_reply(call, "/done", call_message("/model/list"));
}

static void add_pair(lo_message message, const char *key, const char *value)
{
  lo_message_add_string(message, key);
  lo_message_add_string(message, value);
}

void say_model_info(const Call *call)
{
  const Control *control = call->control;
  const Loaded *loaded = control->playing[0];
  if (call->count > 0) {
    const char *name = call_text(call, 0);
    if (!name) return;
    loaded = control_find_model(control, name);
    if (!loaded) {
      CALL_FAIL(call, FAIL_NOT_THERE, "no model %s is loaded", name);
      return;
    }
  }
  call_ignore(call, 1);
  const CenoteModelInfo *info = cenote_model_info(loaded->model);
  char text[32];
  lo_message message = call_message(loaded->name);
  snprintf(text, sizeof text, "%" PRIu32, info->sample_rate_hz);
  add_pair(message, "sample_rate", text);
  snprintf(text, sizeof text, "%" PRIu32, info->levels);
  add_pair(message, "levels", text);
  snprintf(text, sizeof text, "%" PRIu64, info->parameters);
  add_pair(message, "parameters", text);
  snprintf(text, sizeof text, "%016" PRIx64, info->hash);
  add_pair(message, "hash", text);
  add_pair(message, "kernel", info->kernel);
  add_pair(message, "precision", info->precision);
  const char *key;
  const char *value;
  for (size_t i = 0; cenote_model_note(loaded->model, i, &key, &value); ++i)
    if (strlen(value) < 1024 && i < 32) add_pair(message, key, value);
  call_reply(call, "/model/info.reply", message);
}

/// A free place, with its ring, for a recording; NULL after a /fail.
static Take *new_take(const Call *call, uint32_t *number)
{
  Control *control = call->control;
  for (*number = 0; *number < ENGINE_TAPS && control->take[*number].used;) ++*number;
  if (*number == ENGINE_TAPS) {
    CALL_FAIL(call, FAIL_LIMIT, "%d recordings run already", ENGINE_TAPS);
    return NULL;
  }
  Take *take = &control->take[*number];
  *take = (Take){.used = true, .lane = -1};
  take->ring =
      ring_new((size_t)(4.0 * control->rate_hz), control->options->channels * sizeof(float));
  if (take->ring) return take;
  take->used = false;
  CALL_FAIL(call, FAIL_MEMORY, "out of memory");
  return NULL;
}

void control_add_file(lo_message message, const Take *take, const char *path)
{
  char name[JOB_NAME + JOB_TEXT];
  const char *folder = strrchr(take->name, '/');
  const char *last = strrchr(path, '/');
  const int length = folder ? (int)(folder + 1 - take->name) : 0;
  snprintf(name, sizeof name, "%.*s%s", length, take->name, last ? last + 1 : path);
  lo_message_add_string(message, name);
}

static Take *take_of(Control *control, const char *name)
{
  for (int i = 0; i < ENGINE_TAPS; ++i) {
    Take *take = &control->take[i];
    if (take->used && !take->ending && (!name || strcmp(take->name, name) == 0)) return take;
  }
  return NULL;
}

void say_rec_start(const Call *call)
{
  Control *control = call->control;
  const char *name = call_text(call, 0);
  if (!name) return;
  int used = 1;
  const char *format = call_is_text(call, 1) ? call_text(call, used++) : "";
  Number voice = {0.0, 0};
  if (used == 2 && call->count > 2) {
    if (!call_number(call, used++, &voice)) return;
    if (voice.whole < 0 || voice.whole > control->options->voices) {
      CALL_FAIL(call, FAIL_NOT_THERE, "no voice %" PRId64 ", there are %" PRIu32, voice.whole,
                control->options->voices);
      return;
    }
  }
  if (*format && !sink_format_known(format)) {
    CALL_FAIL(call, FAIL_ARGUMENTS, "format %s is none of: rf64, wav, w64, flac, ogg, au, raw",
              format);
    return;
  }
  if (take_of(control, name)) {
    CALL_FAIL(call, FAIL_BUSY, "%s is being recorded", name);
    return;
  }
  Job *job = call_job(call, JOB_TAKE, used);
  if (!job) return;
  Take *take = call_media(call, name, false, job->path, sizeof job->path)
                   ? new_take(call, &job->take)
                   : NULL;
  if (!take) {
    job_free(job);
    return;
  }
  snprintf(job->name, sizeof job->name, "%s", name);
  snprintf(take->name, sizeof take->name, "%s", name);
  snprintf(job->format, sizeof job->format, "%s", format);
  job->lane = -1;
  take->voice = (int32_t)voice.whole - 1;
  job->ring = take->ring;
  job->frames = (uint64_t)(control->options->split_s * control->rate_hz + 0.5);
  control_put(control, job);
}

void say_rec_stop(const Call *call)
{
  Control *control = call->control;
  const char *name = call_is_text(call, 0) ? call_text(call, 0) : NULL;
  Take *take = take_of(control, name);
  if (!take) {
    CALL_FAIL(call, FAIL_NOT_THERE, name ? "%s is not being recorded" : "no recording is running",
              name ? name : "");
    return;
  }
  if (take->lane < 0) {
    CALL_FAIL(call, FAIL_BUSY, "it is being opened");
    return;
  }
  Job *job = call_job(call, JOB_END_TAKE, name ? 1 : 0);
  if (!job) return;
  job->take = (uint32_t)(take - control->take);
  job->lane = take->lane;
  if (!call_send(call, (Command){.kind = COMMAND_TAP, .slot = job->take})) {
    job_free(job);
    return;
  }
  take->ending = true;
  take->job = job; // goes to the job thread once the engine has closed the tap
}

void say_log_start(const Call *call)
{
  Control *control = call->control;
  const char *name = call_text(call, 0);
  if (!name) return;
  if (control->log || control->opening_log) {
    CALL_FAIL(call, FAIL_BUSY, "a log is being written");
    return;
  }
  Job *job = call_job(call, JOB_LOG, 1);
  if (!job) return;
  snprintf(job->name, sizeof job->name, "%s", name);
  if (call_media(call, name, false, job->path, sizeof job->path)) {
    control->opening_log = true;
    control_put(control, job);
  } else {
    job_free(job);
  }
}

void say_log_stop(const Call *call)
{
  Control *control = call->control;
  if (!control->logging || control->ending_log) {
    CALL_FAIL(call, FAIL_NOT_THERE, "no log is being written");
    return;
  }
  Job *job = call_job(call, JOB_END_LOG, 0);
  if (!job) return;
  snprintf(job->name, sizeof job->name, "%s", control->log_name);
  if (call_send(call, (Command){.kind = COMMAND_LOG})) control->ending_log = job;
  else job_free(job);
}
