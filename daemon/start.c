// SPDX-License-Identifier: ISC
#define _XOPEN_SOURCE 700 // realpath

#include "daemon.h"

#include "care.h"
#include "commands.h"
#include "outputs.h"
#include "realtime.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { COMMANDS = 8192, EVENTS = 16384 };

/// Find and load what plays first.
static int load_first(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Job *job = daemon->first = job_new(JOB_LOAD);
  CenoteError err = {""};
  if (!job) return daemon_fail("out of memory");
  if (cenote_find_model(options->model, job->path, sizeof job->path, &err) != CENOTE_OK)
    return daemon_fail(err.text);
  const bool file =
      options->model && (strchr(options->model, '/') || strstr(options->model, ".safetensors"));
  if (!file &&
      cenote_find_preset(options->model, job->folder, sizeof job->folder, &err) != CENOTE_OK)
    return daemon_fail(err.text);
  const char *slash = file ? NULL : strrchr(job->folder, '/');
  snprintf(job->name, sizeof job->name, "%s", slash ? slash + 1 : options->model);
  job->count = options->voices;
  job->precision = options->precision;
  job_do(job, NULL);
  return job->status == CENOTE_OK ? 0 : daemon_fail(job->error.text);
}

static int open_card(Daemon *daemon)
{
  const Options *options = &daemon->options;
  if (options->no_audio || (options->outputs > 0 && !options->device)) return 0;
  CenoteError err;
  Control *control = &daemon->control;
  const AudioOptions card = {
      .device = options->device,
      .rate_hz = options->rate_hz,
      .block = options->block,
      .channels = options->channels,
      .ahead_ms = options->ahead_ms,
      .input = options->input && strcmp(options->input, "card") == 0,
      .midi = midi_card(daemon->midi),
  };
  if (audio_open(&card, &control->audio, &err) != CENOTE_OK) return daemon_fail(err.text);
  control->rate_hz = audio_rate(control->audio);
  return 0;
}

/// MIDI, and what is listened to if not the card.
static int open_inputs(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Control *control = &daemon->control;
  CenoteError err = {""};
  if (midi_start(daemon->midi, control->audio, &err) != CENOTE_OK) {
    log_error("no MIDI: %s", err.text);
    return 1;
  }
  daemon->sink = midi_play(control);
  if (midi_from(daemon->midi)) log_info("MIDI from %s", midi_from(daemon->midi));
  if (!options->input || strcmp(options->input, "card") == 0) return 0;
  daemon->input = input_open(options->input, control->rate_hz, &err);
  return daemon->input ? 0 : daemon_fail(err.text);
}

static JobsPlace place_of(const Daemon *daemon)
{
  return (JobsPlace){.rate_hz = daemon->control.rate_hz,
                     .channels = daemon->options.channels,
                     .past_bytes = (size_t)(daemon->options.rewind_mb * 1e6),
                     .recorder = daemon->control.recorder};
}

/// Whether a part, or the master, can begin with what the command sets.
static bool sets_value(CommandKind kind)
{
  return kind < COMMAND_LEVEL_TICK || kind == COMMAND_RUN ||
         (kind >= COMMAND_GAIN && kind <= COMMAND_SPEED) || kind == COMMAND_MASTER_GAIN ||
         kind == COMMAND_MASTER_MUTE;
}

/// A preset's own lines are values before the first sample, not changes after it: what only sets
/// values is dropped, since the parts begin with them.
static void begin_parts(Daemon *daemon)
{
  Control *control = &daemon->control;
  const Values *values = &control->values;
  Command command;
  for (size_t left = ring_filled(control->commands); left > 0; --left) {
    ring_read(control->commands, &command, 1);
    if (!sets_value(command.kind)) ring_write(control->commands, &command, 1);
  }
  for (uint32_t k = 0; k < daemon->options.voices; ++k) {
    PartSet set = engine_part(daemon->engine, k)->set;
    set.level = (float)values_linear(values_get(values, VALUE_GAIN, k, 0).real);
    set.muted = values_get(values, VALUE_MUTE, k, 0).whole != 0;
    set.run = values_get(values, VALUE_RUN, k, 0).whole != 0;
    set.pan = (float)values_get(values, VALUE_PAN, k, 0).real;
    set.attack_ms = (float)values_get(values, VALUE_ATTACK, k, 0).real;
    set.release_ms = (float)values_get(values, VALUE_RELEASE, k, 0).real;
    set.fade_ms = (float)values_get(values, VALUE_FADE, k, 0).real;
    set.speed = (float)values_get(values, VALUE_SPEED, k, 0).real;
    engine_dress(daemon->engine, k, &set);
  }
  engine_set_master(daemon->engine,
                    (float)values_linear(values_get(values, VALUE_MASTER_GAIN, 0, 0).real),
                    values_get(values, VALUE_MASTER_MUTE, 0, 0).whole != 0);
}

static int make_engine(Daemon *daemon)
{
  Control *control = &daemon->control;
  const Options *options = &daemon->options;
  Job *job = daemon->first;
  const JobsPlace place = place_of(daemon);
  job->kind = job->folder[0] != '\0' ? JOB_PRESET : JOB_KITS;
  job_do(job, &place);
  if (job->status != CENOTE_OK) return daemon_fail(job->error.text);
  job->fresh = false;
  control_add_model(control, job->loaded);
  control->commands = ring_new(COMMANDS, sizeof(Command));
  control->events = ring_new(EVENTS, sizeof(Event));
  control->log_ring = ring_new(COMMANDS, sizeof(Logged));
  if (options->input) control->heard_ring = ring_new((size_t)control->rate_hz, sizeof(float));
  if (!control->commands || !control->events || !control->log_ring)
    return daemon_fail("out of memory");
  for (uint32_t k = 0; k < options->voices; ++k) control->playing[k] = job->loaded;
  control_put_slots(control, job);
  if (job->folder[0] != '\0') commands_run_preset(control, job->folder);
  if (options->restore) commands_run_preset(control, options->restore);
  control_flush(control);
  const EngineOptions engine = {
      .rate_hz = control->rate_hz,
      .voices = options->voices,
      .channels = options->channels,
      .dry = options->dry,
      .commands = control->commands,
      .events = control->events,
      .log = control->log_ring,
      .heard = control->heard_ring,
      .input = daemon->input    ? input_ring(daemon->input)
               : control->audio ? audio_input(control->audio)
                                : NULL,
  };
  for (uint32_t k = 0; k < options->voices; ++k) control_dress(control, job->kit[k], k);
  care_restore(control, job->kit);
  daemon->engine = engine_new(&engine, job->kit);
  if (!daemon->engine) return daemon_fail("out of memory");
  for (uint32_t k = 0; k < options->voices; ++k) {
    job->kit[k] = NULL;
    ++job->loaded->uses;
  }
  begin_parts(daemon);
  return 0;
}

/// What plays, and whether --ahead is enough for it: the worst step's backlog, the block that is
/// being rendered, and what the resampler reads ahead.
static void tell_model(const Daemon *daemon)
{
  const Options *options = &daemon->options;
  const Control *control = &daemon->control;
  const Loaded *loaded = control->playing[0];
  const CenoteModelInfo *info = cenote_model_info(loaded->model);
  if (options->fast) {
    log_info("%s (%s, %s)", loaded->name, info->precision, info->kernel);
    return;
  }
  const double need_ms = info->ahead_ms + 1e3 * options->block / control->rate_hz +
                         1e3 * player_look(control->player) / info->sample_rate_hz;
  log_info("%s (%s, %s): needs %.1f ms ahead, has %g ms", loaded->name, info->precision,
           info->kernel, need_ms, options->ahead_ms);
  if (options->ahead_ms < need_ms)
    log_warn("--ahead %g is too short for it: expect xruns (--ahead %.0f, or a smaller --block)",
             options->ahead_ms, ceil(need_ms));
}

/// Where a card plays, for there it is heard.
static void tell_priority(const Daemon *daemon)
{
  const char *why = realtime_refused();
  if (why && daemon->control.audio)
    log_warn("plays with ordinary priority (%s): a busy machine will be heard; rtprio in "
             "/etc/security/limits.d, LimitRTPRIO= of its unit, or rtkit would help",
             why);
  else if (why) log_debug("plays with ordinary priority (%s)", why);
}

/// Sockets before the output file: a second daemon on the port must not write over the first's.
static int start(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Control *control = &daemon->control;
  CenoteError err = {""};
  if (osc_open(options->bind, options->binds, options->port, commands_handle, control,
               &control->osc, &err) != CENOTE_OK)
    return daemon_fail(err.text);
  osc_watch(control->osc, commands_watch, control);
  const int status = outputs_open(daemon);
  if (status != 0) return status;
  const JobsPlace place = place_of(daemon);
  control->jobs = jobs_start(&place);
  if (!control->jobs) return daemon_fail("cannot start the job thread");
  const PlayerOptions player = {
      .engine = daemon->engine,
      .audio = control->audio,
      .recorder = control->recorder,
      .input = daemon->input,
      .rate_hz = control->rate_hz,
      .block = options->block,
      .channels = options->channels,
      .ahead_ms = options->ahead_ms,
      .threads = options->threads < options->voices ? options->threads : options->voices,
      .frames = options->duration_s > 0.0
                    ? (uint64_t)fmax(1.0, rint(options->duration_s * control->rate_hz))
                    : 0,
      .fast = options->fast,
  };
  if (!options->fast) realtime_lock_memory();
  control->player = player_start(&player);
  if (!control->player) return daemon_fail("cannot start the render thread");
  player_init_clock(control->player, &control->clock);
  tell_priority(daemon);
  if (control->audio && audio_start(control->audio, &err) != CENOTE_OK)
    return daemon_fail(err.text);
  tell_model(daemon);
  const char *bound = options->binds > 0 ? options->bind[0] : "127.0.0.1";
  const bool colons = strchr(bound, ':') != NULL;
  log_info("ready: udp %s%s%s:%u, %.0f Hz, %" PRIu32 " frames, ahead %g ms", colons ? "[" : "",
           bound, colons ? "]" : "", osc_port(control->osc), control->rate_hz, options->block,
           options->ahead_ms);
  return 0;
}

int daemon_start(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Control *control = &daemon->control;
  struct stat about;
  if (!realpath(options->media_dir, control->media) || stat(control->media, &about) != 0 ||
      !S_ISDIR(about.st_mode)) {
    log_error("--media-dir %s: no such folder", options->media_dir);
    return 1;
  }
  control->options = options;
  if (!care_open(control)) return 1;
  int status = load_first(daemon);
  if (status != 0) return status;
  const uint32_t model_hz = cenote_model_info(daemon->first->loaded->model)->sample_rate_hz;
  control_init(control, options, options->rate_hz > 0.0 ? options->rate_hz : model_hz);
  daemon->midi = midi_new(options->midi);
  status = daemon->midi ? open_card(daemon) : daemon_fail("out of memory");
  if (status == 0) status = open_inputs(daemon);
  if (status == 0) status = make_engine(daemon);
  if (status == 0) status = start(daemon);
  return status;
}
