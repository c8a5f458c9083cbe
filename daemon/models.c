// SPDX-License-Identifier: ISC
// Models and the kits that play them.
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void control_dress(const Control *control, Kit *kit, uint32_t voice)
{
  const Values *values = &control->values;
  for (int i = 0; i < 2; ++i) {
    CenoteVoice *each = kit->stream[i]->voice;
    cenote_voice_set_seed(each, (uint64_t)values_get(values, VALUE_SEED, voice, 0).whole);
    cenote_voice_set_temperature(each, (float)values_get(values, VALUE_TEMPERATURE, voice, 0).real);
    cenote_voice_set_top_k(each, (uint32_t)values_get(values, VALUE_TOP_K, voice, 0).whole);
    cenote_voice_set_top_p(each, (float)values_get(values, VALUE_TOP_P, voice, 0).real);
    cenote_voice_set_meter(each, values->meter_hz > 0.0f || control->options->watchdog != NULL);
    for (uint32_t l = 0; l < kit->levels; ++l) {
      const float gain = (float)values_get(values, VALUE_LEVEL_GAIN, voice, l).real;
      cenote_voice_set_level_gain(each, l, gain);
      cenote_voice_set_level_freeze(each, l,
                                    values_get(values, VALUE_LEVEL_FREEZE, voice, l).whole != 0);
      cenote_voice_set_level_clock(each, l,
                                   (float)values_get(values, VALUE_LEVEL_CLOCK, voice, l).real);
      cenote_voice_set_level_noise(each, l,
                                   (float)values_get(values, VALUE_LEVEL_NOISE, voice, l).real);
    }
  }
}

Loaded *control_find_model(const Control *control, const char *name)
{
  for (size_t i = 0; i < control->models; ++i)
    if (strcmp(control->model[i]->name, name) == 0) return control->model[i];
  return NULL;
}

Loaded *control_model_of_hash(const Control *control, uint64_t hash)
{
  for (size_t i = 0; i < control->models; ++i)
    if (cenote_model_info(control->model[i]->model)->hash == hash) return control->model[i];
  return NULL;
}

void control_release(Control *control, Loaded *loaded)
{
  if (--loaded->uses > 0) return;
  Job *job = job_new(JOB_UNLOAD);
  if (!job) return;
  job->loaded = loaded;
  control_put(control, job);
}

void control_hold(Job *job, Loaded *loaded)
{
  job->loaded = loaded;
  job->held = true;
  ++loaded->uses;
}

void control_end_job(Control *control, Job *job)
{
  Loaded *held = job->held ? job->loaded : NULL;
  job->held = false;
  job_free(job); // first, for its kits are of that model
  if (held) control_release(control, held);
}

bool control_add_model(Control *control, Loaded *loaded)
{
  for (size_t i = 0; i < control->models; ++i) {
    if (control->model[i] == loaded) return true;
    if (strcmp(control->model[i]->name, loaded->name) != 0) continue;
    Loaded *replaced = control->model[i];
    control->model[i] = loaded;
    ++loaded->uses;
    control_release(control, replaced);
    return true;
  }
  if (control->models == CONTROL_MODELS) return false;
  control->model[control->models++] = loaded;
  ++loaded->uses;
  return true;
}

bool control_drop_model(Control *control, const char *name)
{
  for (size_t i = 0; i < control->models; ++i) {
    if (strcmp(control->model[i]->name, name) != 0) continue;
    Loaded *dropped = control->model[i];
    control->model[i] = control->model[--control->models];
    control_release(control, dropped);
    return true;
  }
  return false;
}

/// Take in the model of a job; false after a /fail.
static bool take_in(Control *control, Job *job)
{
  if (!control_add_model(control, job->loaded)) {
    CONTROL_FAIL(control, job, FAIL_LIMIT, "%d models are loaded already", CONTROL_MODELS);
    return false;
  }
  job->fresh = false;
  return true;
}

/// Send the kits that a job has made to their voices.
static bool send_kits(Control *control, Job *job, uint32_t reply)
{
  bool sent = true;
  for (uint32_t k = 0; k < job->count && sent; ++k) {
    const uint32_t voice = job->first + k;
    control_dress(control, job->kit[k], voice);
    sent = control_send(control, (Command){.kind = COMMAND_KIT,
                                           .voice = (int32_t)voice,
                                           .object = job->kit[k],
                                           .reply = k == 0 ? reply : 0});
    if (!sent) break;
    job->kit[k] = NULL;
    ++job->loaded->uses;
    // One for later may be dropped until then, and its model be gone: EVENT_PLAYS tells.
    if (job->due == 0) control->playing[voice] = job->loaded;
  }
  return sent;
}

/// The old preset's sampler and levels give way to the new one's; gains, mutes and seeds stay the
/// player's. What changes is told, of levels that the new model has.
static void start_preset(Control *control, uint32_t levels)
{
  static const Value own[] = {VALUE_TEMPERATURE, VALUE_TOP_K,        VALUE_TOP_P,
                              VALUE_LEVEL_GAIN,  VALUE_LEVEL_FREEZE, VALUE_LEVEL_CLOCK,
                              VALUE_LEVEL_NOISE};
  Values *values = &control->values;
  for (size_t v = 0; v < sizeof own / sizeof *own; ++v) {
    const double start = values_default(own[v]);
    const Number number = {start, (int64_t)start};
    for (uint32_t k = 0; k < control->options->voices; ++k) {
      for (uint32_t l = 0; l < (own[v] >= VALUE_LEVEL ? ENGINE_LEVELS : 1u); ++l) {
        if (values_get(values, own[v], k, l).real == start) continue;
        if (l == 0 || l < levels) values_set(values, NULL, own[v], k, l, number);
        else values->value[own[v]][k][l] = number;
      }
    }
  }
}

void control_put_slots(Control *control, Job *job)
{
  for (size_t i = 0; i < job->founds; ++i) {
    uint32_t slot;
    if (!control_slot(control, job->found[i].name, true, &slot)) continue;
    if (!control_send(control,
                      (Command){.kind = COMMAND_PUT, .slot = slot, .object = job->found[i].moment}))
      return;
    job->found[i].moment = NULL;
  }
}

static void tell_loaded(Control *control, const Job *job)
{
  const CenoteModelInfo *info = cenote_model_info(job->loaded->model);
  lo_message message = lo_message_new();
  lo_message_add(message, "ssiii", control_command_of(job), job->loaded->name,
                 (int)info->sample_rate_hz, (int)info->levels,
                 (int)(info->bytes < INT32_MAX ? info->bytes : INT32_MAX));
  control_done(control, job, message);
}

void control_finish_kits(Control *control, Job *job)
{
  if (job->fresh && !take_in(control, job)) return;
  control->due = job->due;
  control->in_bundle = true; // the swap and the preset's lines at one sample
  if (job->kind == JOB_PRESET) start_preset(control, cenote_model_info(job->loaded->model)->levels);
  Asked asked;
  uint32_t reply = 0;
  if (job->due > 0)
    reply = control_ask_quietly(control, job->answer ? &job->from : NULL,
                                job->tagged ? &job->tag : NULL, job->command);
  bool sent = send_kits(control, job, reply);
  if (sent && job->kind == JOB_PRESET) {
    control_put_slots(control, job);
    commands_run_preset(control, job->folder);
  }
  sent = control_flush(control) && sent;
  control->due = 0;
  if (sent) tell_loaded(control, job);
  else if (reply == 0 || control_asked(control, reply, &asked)) // not told yet
    CONTROL_FAIL(control, job, FAIL_QUEUE, "the queue is full");
}

void control_finish_load(Control *control, Job *job)
{
  if (take_in(control, job)) tell_loaded(control, job);
}
