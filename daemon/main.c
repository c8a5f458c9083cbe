// SPDX-License-Identifier: ISC
// cenoted: start in order (model, output, engine, recorder, jobs, OSC, render thread), tend, and
// end in the reverse order.
#define _XOPEN_SOURCE 700 // realpath

#include "care.h"
#include "commands.h"
#include "input.h"
#include "log.h"
#include "logging.h"
#include "midi_play.h"
#include "now.h"
#include "nsm.h"
#include "realtime.h"
#include "service.h"
#include "session.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS = 8192, EVENTS = 16384 };

static volatile sig_atomic_t asked; // signals that asked for the end

static void on_signal(int number)
{
  (void)number;
  if (asked) _exit(1);
  asked = 1;
}

static int fail(const char *text)
{
  log_error("%s", text);
  return 1;
}

typedef struct Daemon {
  Options options;
  Control control;
  Job *first; ///< made here: what plays first
  Engine *engine;
  Input *input; ///< NULL: none, or the card's
  Midi *midi;
  MidiSink sink; ///< who acts on MIDI
  Service service;
  Session session;
  Nsm *nsm;
} Daemon;

/// Find and load what plays first.
static int load_first(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Job *job = daemon->first = job_new(JOB_LOAD);
  CenoteError err = {""};
  if (!job) return fail("out of memory");
  if (cenote_find_model(options->model, job->path, sizeof job->path, &err) != CENOTE_OK)
    return fail(err.text);
  const bool file =
      options->model && (strchr(options->model, '/') || strstr(options->model, ".safetensors"));
  if (!file &&
      cenote_find_preset(options->model, job->folder, sizeof job->folder, &err) != CENOTE_OK)
    return fail(err.text);
  const char *slash = file ? NULL : strrchr(job->folder, '/');
  snprintf(job->name, sizeof job->name, "%s", slash ? slash + 1 : options->model);
  job->count = options->voices;
  job->precision = options->precision;
  job_do(job, NULL);
  return job->status == CENOTE_OK ? 0 : fail(job->error.text);
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
      .ahead_ms = options->ahead_ms,
      .input = options->input && strcmp(options->input, "card") == 0,
      .midi = midi_card(daemon->midi),
  };
  if (audio_open(&card, &control->audio, &err) != CENOTE_OK) return fail(err.text);
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
  return daemon->input ? 0 : fail(err.text);
}

static JobsPlace place_of(const Daemon *daemon)
{
  return (JobsPlace){.rate_hz = daemon->control.rate_hz,
                     .past_bytes = (size_t)(daemon->options.rewind_mb * 1e6),
                     .recorder = daemon->control.recorder};
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
    if (command.kind == COMMAND_PUT || command.kind == COMMAND_LOAD ||
        command.kind == COMMAND_TRIGGER || command.kind == COMMAND_MORPH)
      ring_write(control->commands, &command, 1);
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
  if (job->status != CENOTE_OK) return fail(job->error.text);
  job->fresh = false;
  control_add_model(control, job->loaded);
  control->commands = ring_new(COMMANDS, sizeof(Command));
  control->events = ring_new(EVENTS, sizeof(Event));
  control->log_ring = ring_new(COMMANDS, sizeof(Logged));
  if (options->input) control->heard_ring = ring_new((size_t)control->rate_hz, sizeof(float));
  if (!control->commands || !control->events || !control->log_ring) return fail("out of memory");
  for (uint32_t k = 0; k < options->voices; ++k) control->playing[k] = job->loaded;
  control_put_slots(control, job);
  if (job->folder[0] != '\0') commands_run_preset(control, job->folder);
  if (options->restore) commands_run_preset(control, options->restore);
  control_flush(control);
  const EngineOptions engine = {
      .rate_hz = control->rate_hz,
      .voices = options->voices,
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
  if (!daemon->engine) return fail("out of memory");
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

static int open_outputs(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Control *control = &daemon->control;
  const size_t second = (size_t)control->rate_hz;
  const uint64_t split = (uint64_t)(options->split_s * control->rate_hz + 0.5);
  control->recorder = recorder_new(options->fast);
  if (!control->recorder) return fail("out of memory");
  for (size_t i = 0; i < options->outputs; ++i) {
    CenoteError err = {""};
    Sink *sink;
    if (sink_open(options->output[i], options->output_format[i], (uint32_t)second, false, split,
                  &sink, &err) != CENOTE_OK)
      return fail(err.text);
    if (recorder_output(control->recorder, sink, second + ENGINE_BLOCK)) continue;
    sink_close(sink);
    return fail("cannot start the thread of an output");
  }
  return 0;
}

/// Sockets before the output file: a second daemon on the port must not write over the first's.
static int start(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Control *control = &daemon->control;
  CenoteError err = {""};
  if (osc_open(options->bind, options->binds, options->port, commands_handle, control,
               &control->osc, &err) != CENOTE_OK)
    return fail(err.text);
  const int status = open_outputs(daemon);
  if (status != 0) return status;
  const JobsPlace place = place_of(daemon);
  control->jobs = jobs_start(&place);
  if (!control->jobs) return fail("cannot start the job thread");
  const PlayerOptions player = {
      .engine = daemon->engine,
      .audio = control->audio,
      .recorder = control->recorder,
      .input = daemon->input,
      .rate_hz = control->rate_hz,
      .block = options->block,
      .ahead_ms = options->ahead_ms,
      .threads = options->threads < options->voices ? options->threads : options->voices,
      .frames = (uint64_t)(options->duration_s * control->rate_hz + 0.5),
      .fast = options->fast,
  };
  if (!options->fast) realtime_lock_memory();
  control->player = player_start(&player);
  if (!control->player) return fail("cannot start the render thread");
  player_init_clock(control->player, &control->clock);
  tell_priority(daemon);
  if (control->audio && audio_start(control->audio, &err) != CENOTE_OK) return fail(err.text);
  tell_model(daemon);
  log_info("ready: udp 127.0.0.1:%u, %.0f Hz, %" PRIu32 " frames, ahead %g ms",
           osc_port(control->osc), control->rate_hz, options->block, options->ahead_ms);
  return 0;
}

/// The clock is the card's while it is there.
static void watch_card(Control *control, bool *lost)
{
  const AudioChange change = audio_tend(control->audio);
  if (change == AUDIO_SAME) return;
  *lost = change == AUDIO_LOST;
  player_set_card(control->player, change == AUDIO_BACK);
}

/// What the service manager is to hear, when it is due.
static void tend_service(Daemon *daemon)
{
  const Control *control = &daemon->control;
  const int64_t now_ns = (int64_t)(now_s() * 1e9);
  if (!service_due(&daemon->service, now_ns)) return;
  PlayerStatus status;
  player_status(control->player, false, &status);
  const ServiceState state = {
      .frames = status.frames,
      .idle = daemon->options.fast || control->quit || !player_playing(control->player),
      .preset = control->playing[0]->name,
      .voices = status.sounding,
      .load = status.load_mean,
      .xruns = control->audio ? audio_xruns(control->audio) : 0,
  };
  service_tend(&daemon->service, &state, now_ns);
}

static bool open_session(void *data, const char *folder)
{
  Daemon *daemon = data;
  return session_open(&daemon->session, &daemon->control, folder);
}

static bool save_session(void *data, const char *folder)
{
  Daemon *daemon = data;
  return session_save(&daemon->control, folder);
}

/// Until it is over: asked to end and silent, all played, or no output can be written any more.
static int tend(Daemon *daemon)
{
  Control *control = &daemon->control;
  double quit_s = 0.0;
  bool lost = false;
  for (;;) {
    if (!osc_poll(control->osc, jobs_descriptor(control->jobs), 2))
      return fail("the OSC sockets have failed");
    control_tend(control);
    nsm_tend(daemon->nsm);
    session_tend(&daemon->session, control);
    tend_service(daemon);
    if (control->audio) watch_card(control, &lost);
    midi_tend(daemon->midi, &daemon->sink);
    if (asked) control_quit(control);
    if (control->quit && quit_s == 0.0) quit_s = now_s();
    if (control->quit && (control->faded || now_s() - quit_s > 0.5)) return 0;
    recorder_tend(control->recorder);
    const int over = recorder_over(control->recorder);
    if (over >= 0 && (!control->audio || lost)) return over;
    if (!player_playing(control->player)) return 0;
  }
}

/// What the card has not played yet is played before it is closed.
static void drain_card(Control *control)
{
  if (!control->audio || control->quit) return;
  const uint64_t before = audio_callbacks(control->audio);
  Ring *ring = audio_ring(control->audio);
  for (int turn = 0; turn < 200 && ring_space(ring) < ring_room(ring); ++turn) {
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    if (turn == 40 && audio_callbacks(control->audio) == before) return;
  }
}

static void tell_counts(Control *control)
{
  if (!control->player) return;
  PlayerStatus status;
  player_status(control->player, false, &status);
  const uint64_t xruns = control->audio ? audio_xruns(control->audio) : 0;
  const uint64_t under = control->audio ? audio_underflows(control->audio) : 0;
  const uint64_t dropped = recorder_dropped(control->recorder);
  if (control->audio || dropped > 0 || status.late > 0)
    log_info("%" PRIu64 " xruns, %" PRIu64 " device underflows, %" PRIu64 " late wake-ups, %" PRIu64
             " frames dropped from the output",
             xruns, under, status.late, dropped);
}

/// One that lists or plays the model less; the last one frees it.
static void drop_model(Loaded *loaded)
{
  if (--loaded->uses > 0) return;
  cenote_model_free(loaded->model);
  free(loaded);
}

static void drop_kit(Kit *kit)
{
  Loaded *loaded = kit->model;
  kit_free(kit);
  drop_model(loaded);
}

/// What the engine, its rings and the questions still hold.
static void free_held(Daemon *daemon)
{
  Control *control = &daemon->control;
  Event event;
  Command command;
  while (control->events && ring_read(control->events, &event, 1) == 1) {
    if (event.kind == EVENT_KIT) drop_kit(event.object);
    else if (event.kind == EVENT_MOMENT) free(event.object);
  }
  while (control->commands && ring_read(control->commands, &command, 1) == 1) {
    if (command.kind == COMMAND_KIT) drop_kit(command.object);
    else if (command.kind != COMMAND_TAP) free(command.object);
  }
  for (Kit *kit; daemon->engine && (kit = engine_take_kit(daemon->engine)) != NULL;) drop_kit(kit);
  for (Moment *moment; daemon->engine && (moment = engine_take_moment(daemon->engine)) != NULL;)
    free(moment);
  engine_free(daemon->engine);
  for (size_t i = 0; i < CONTROL_ASKED; ++i) {
    Asked open;
    if (!control_asked(control, control->asked[i].name, &open) || !open.job) continue;
    if (open.job->kind != JOB_KEEP || --open.job->count == 0) job_free(open.job);
  }
  job_free(control->ending_log);
  for (size_t i = 0; i < ENGINE_TAPS; ++i) {
    job_free(control->take[i].job);
    ring_free(control->take[i].ring);
  }
}

/// In the reverse order of the start; true when every file is whole.
static bool stop(Daemon *daemon, bool *card_closed)
{
  Control *control = &daemon->control;
  service_stopping(&daemon->service);
  tell_counts(control);
  player_stop(control->player);
  if (control->player) care_close(control, daemon->engine);
  if (control->player) drain_card(control);
  *card_closed = audio_close(control->audio);
  if (*card_closed) *card_closed = midi_close(daemon->midi); // the card writes to its ring
  input_close(daemon->input);
  jobs_stop(control->jobs);
  const bool whole = recorder_stop(control->recorder, control->quit);
  if (control->log) logging_end(control, control->player ? engine_frames(daemon->engine) : 0);
  osc_close(control->osc);
  free_held(daemon);
  const bool listed = control->models > 0;
  for (size_t i = 0; i < control->models; ++i) drop_model(control->model[i]);
  if (daemon->first && listed) daemon->first->fresh = false;
  job_free(daemon->first);
  ring_free(control->commands);
  ring_free(control->events);
  ring_free(control->log_ring);
  ring_free(control->heard_ring);
  return whole;
}

static int run(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Control *control = &daemon->control;
  if (!realpath(options->media_dir, control->media)) {
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
  status = daemon->midi ? open_card(daemon) : fail("out of memory");
  if (status == 0) status = open_inputs(daemon);
  if (status == 0) status = make_engine(daemon);
  if (status == 0) status = start(daemon);
  const NsmCalls calls = {.open = open_session, .save = save_session, .data = daemon};
  if (status == 0) daemon->nsm = nsm_start("cenoted", &calls);
  if (status == 0) status = tend(daemon);
  nsm_stop(daemon->nsm);
  return status;
}

int main(int argc, char **argv)
{
  Daemon *daemon = calloc(1, sizeof *daemon);
  if (!daemon) return fail("out of memory");
  int status = options_parse(argc, argv, &daemon->options);
  if (status < 0 && daemon->options.help_osc) {
    if (daemon->options.help_osc_as == NULL) commands_print();
    else if (strcmp(daemon->options.help_osc_as, "mdoc") == 0) commands_print_mdoc();
    else commands_print_markdown();
    status = 0;
  }
  if (status < 0 && daemon->options.list_devices) {
    const int count = audio_list();
    if (count == 0) log_error("no sound card here");
    status = count > 0 ? 0 : 1;
  }
  if (status >= 0) {
    options_clear(&daemon->options);
    free(daemon);
    return status;
  }
  const struct sigaction end = {.sa_handler = on_signal};
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGINT, &end, NULL);
  sigaction(SIGTERM, &end, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL); // a limit on files is an error of that file
  service_open(&daemon->service);
  status = run(daemon);
  bool card_closed = true;
  if (!stop(daemon, &card_closed)) status = 1; // told by its lane
  if (!card_closed) _exit(status); // its thread hangs in the library, and holds the device
  service_close(&daemon->service);
  options_clear(&daemon->options);
  free(daemon);
  return status;
}
