// SPDX-License-Identifier: ISC
// cenoted: start in order (model, output, engine, recorder, jobs, OSC, render thread), tend, and
// end in the reverse order.
#define _XOPEN_SOURCE 700 // realpath

#include "commands.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS = 4096, EVENTS = 1024 };

static volatile sig_atomic_t asked; // signals that asked for the end

static void on_signal(int number)
{
  (void)number;
  if (asked) _exit(1);
  asked = 1;
}

static int fail(const char *text)
{
  fprintf(stderr, "cenoted: %s\n", text);
  return 1;
}

static double now_s(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

typedef struct Daemon {
  Options options;
  Control control;
  Job *first; ///< made here: the first ensemble
  Engine *engine;
  Ring *output_ring;
  Ring *take_ring;
} Daemon;

/// Find and load what plays first.
static int load_first(Daemon *daemon, char *folder, size_t size)
{
  const Options *options = &daemon->options;
  Job *job = daemon->first = job_new(JOB_LOAD);
  CenoteError err = {""};
  if (!job) return fail("out of memory");
  folder[0] = '\0';
  if (cenote_find_model(options->model, job->path, sizeof job->path, &err) != CENOTE_OK)
    return fail(err.text);
  const bool file =
      options->model && (strchr(options->model, '/') || strstr(options->model, ".safetensors"));
  if (!file && cenote_find_preset(options->model, folder, size, &err) != CENOTE_OK)
    return fail(err.text);
  const char *slash = file ? NULL : strrchr(folder, '/');
  snprintf(job->name, sizeof job->name, "%s", slash ? slash + 1 : options->model);
  job->parts = options->voices;
  job->precision = options->precision;
  job_do(job, 0.0, NULL);
  return job->status == CENOTE_OK ? 0 : fail(job->error.text);
}

static int open_card(Daemon *daemon)
{
  const Options *options = &daemon->options;
  if (options->no_audio || (options->output && !options->device)) return 0;
  CenoteError err;
  Control *control = &daemon->control;
  if (audio_open(options->device, options->rate_hz, options->block, options->ahead_ms,
                 &control->audio, &err) != CENOTE_OK)
    return fail(err.text);
  control->rate_hz = audio_rate(control->audio);
  return 0;
}

static int make_engine(Daemon *daemon, const char *folder)
{
  Control *control = &daemon->control;
  const double rate_hz = control->rate_hz;
  Job *job = daemon->first;
  job->kind = JOB_ENSEMBLE;
  job_do(job, rate_hz, NULL);
  if (job->status != CENOTE_OK) return fail(job->error.text);
  control->playing = job->loaded;
  job->loaded->uses = 1;
  control_add_model(control, job->loaded);
  control->commands = ring_new(COMMANDS, sizeof(Command));
  control->events = ring_new(EVENTS, sizeof(Event));
  daemon->take_ring = ring_new((size_t)rate_hz, 2 * sizeof(float));
  if (daemon->options.output)
    daemon->output_ring = ring_new((size_t)rate_hz + ENGINE_BLOCK, 2 * sizeof(float));
  if (!control->commands || !control->events || !daemon->take_ring ||
      (daemon->options.output && !daemon->output_ring))
    return fail("out of memory");
  // A preset's own lines are values before the first sample, not changes after it.
  if (folder[0] != '\0') commands_run_preset(control, folder);
  control_flush(control);
  Command ignored;
  while (ring_read(control->commands, &ignored, 1) == 1) continue;
  control_dress(control, job->ensemble);
  daemon->engine = engine_new(rate_hz, daemon->options.dry, job->ensemble, control->commands,
                              control->events, daemon->take_ring);
  if (!daemon->engine) return fail("out of memory");
  job->ensemble = NULL;
  return 0;
}

/// What plays, and whether --ahead is enough for it: the worst step's backlog, the block that is
/// being rendered, and the chunk that the resampler takes at a time.
static void tell_model(const Daemon *daemon)
{
  const Options *options = &daemon->options;
  const Control *control = &daemon->control;
  const CenoteModelInfo *info = cenote_model_info(control->playing->model);
  fprintf(stderr, "cenoted: %s (%s, %s)", control->playing->name, info->precision, info->kernel);
  if (options->fast) {
    fputc('\n', stderr);
    return;
  }
  double need_ms = info->ahead_ms + 1e3 * options->block / control->rate_hz;
  if (control->rate_hz != info->sample_rate_hz)
    need_ms += 1e3 * ENGINE_CHUNK / info->sample_rate_hz;
  fprintf(stderr, ": needs %.1f ms ahead, has %g ms\n", need_ms, options->ahead_ms);
  if (options->ahead_ms < need_ms)
    fprintf(stderr,
            "cenoted: --ahead %g is too short for it: expect xruns (--ahead %.0f, or a "
            "smaller --block)\n",
            options->ahead_ms, ceil(need_ms));
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
  Sink *sink = NULL;
  if (options->output && sink_open(options->output, options->format, (uint32_t)control->rate_hz,
                                   false, &sink, &err) != CENOTE_OK)
    return fail(err.text);
  control->recorder = recorder_start(daemon->output_ring, sink, daemon->take_ring);
  if (!control->recorder) {
    sink_close(sink);
    return fail("cannot start the record thread");
  }
  control->jobs = jobs_start(control->rate_hz, control->recorder);
  if (!control->jobs) return fail("cannot start the job thread");
  const PlayerOptions player = {
      .engine = daemon->engine,
      .audio = control->audio,
      .output = daemon->output_ring,
      .rate_hz = control->rate_hz,
      .block = options->block,
      .ahead_ms = options->ahead_ms,
      .threads = options->threads < options->voices ? options->threads : options->voices,
      .frames = (uint64_t)(options->duration_s * control->rate_hz + 0.5),
      .fast = options->fast,
  };
  control->player = player_start(&player);
  if (!control->player) return fail("cannot start the render thread");
  if (control->audio && audio_start(control->audio, &err) != CENOTE_OK) return fail(err.text);
  tell_model(daemon);
  fprintf(stderr, "cenoted: ready: udp 127.0.0.1:%u, %.0f Hz, %" PRIu32 " frames, ahead %g ms\n",
          osc_port(control->osc), control->rate_hz, options->block, options->ahead_ms);
  return 0;
}

/// Whether the card's callback still comes; told once when it does not.
static void watch_card(Control *control, uint64_t *seen, double *seen_s, bool *lost)
{
  if (!control->audio || *lost) return;
  const uint64_t callbacks = audio_callbacks(control->audio);
  const double now = now_s();
  if (callbacks != *seen) {
    *seen = callbacks;
    *seen_s = now;
  } else if (now - *seen_s > 2.0) {
    *lost = true;
    fprintf(stderr, "cenoted: the sound device has stopped; going on without it "
                    "(restart cenoted once it is back)\n");
    player_lose_card(control->player);
  }
}

/// Until it is over: asked to end and silent, all played, or the output cannot be written.
static int tend(Daemon *daemon)
{
  Control *control = &daemon->control;
  uint64_t seen = 0;
  double seen_s = now_s();
  double quit_s = 0.0;
  bool lost = false;
  for (;;) {
    if (!osc_poll(control->osc, jobs_descriptor(control->jobs), 2))
      return fail("the OSC sockets have failed");
    control_tend(control);
    watch_card(control, &seen, &seen_s, &lost);
    if (asked) control_quit(control);
    if (control->quit && quit_s == 0.0) quit_s = now_s();
    if (control->quit && (control->faded || now_s() - quit_s > 0.5)) return 0;
    char error[512];
    if (recorder_failed(control->recorder, error)) return error[0] == '\0' ? 0 : fail(error);
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
  player_status(control->player, &status);
  const uint64_t xruns = control->audio ? audio_xruns(control->audio) : 0;
  const uint64_t under = control->audio ? audio_underflows(control->audio) : 0;
  if (control->audio || status.dropped > 0 || status.late > 0)
    fprintf(stderr,
            "cenoted: %" PRIu64 " xruns, %" PRIu64 " device underflows, %" PRIu64
            " late wake-ups, %" PRIu64 " frames dropped from the output\n",
            xruns, under, status.late, status.dropped);
}

/// In the reverse order of the start; true when every file is whole.
static bool stop(Daemon *daemon, bool *card_closed)
{
  Control *control = &daemon->control;
  tell_counts(control);
  player_stop(control->player);
  if (control->player) drain_card(control);
  *card_closed = audio_close(control->audio);
  jobs_stop(control->jobs);
  const bool whole = recorder_stop(control->recorder);
  osc_close(control->osc);
  if (daemon->first) ensemble_free(daemon->first->ensemble);
  if (control->ending_take) free(control->ending_take);
  Ensemble *held = NULL;
  while (daemon->engine && (held = engine_take(daemon->engine)) != NULL) ensemble_free(held);
  engine_free(daemon->engine);
  for (size_t i = 0; i < control->models; ++i) {
    cenote_model_free(control->model[i]->model);
    free(control->model[i]);
  }
  if (daemon->first && control->models == 0 && daemon->first->loaded) {
    cenote_model_free(daemon->first->loaded->model);
    free(daemon->first->loaded);
  }
  free(daemon->first);
  ring_free(control->commands);
  ring_free(control->events);
  ring_free(daemon->output_ring);
  ring_free(daemon->take_ring);
  return whole;
}

static int run(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Control *control = &daemon->control;
  char folder[4096];
  if (!realpath(options->media_dir, control->media)) {
    fprintf(stderr, "cenoted: --media-dir %s: no such folder\n", options->media_dir);
    return 1;
  }
  int status = load_first(daemon, folder, sizeof folder);
  if (status != 0) return status;
  const uint32_t model_hz = cenote_model_info(daemon->first->loaded->model)->sample_rate_hz;
  control_init(control, options, options->rate_hz > 0.0 ? options->rate_hz : model_hz);
  status = open_card(daemon);
  if (status == 0) status = make_engine(daemon, folder);
  if (status == 0) status = start(daemon);
  if (status == 0) status = tend(daemon);
  return status;
}

int main(int argc, char **argv)
{
  Daemon *daemon = calloc(1, sizeof *daemon);
  if (!daemon) return fail("out of memory");
  int status = options_parse(argc, argv, &daemon->options);
  if (status < 0 && daemon->options.help_osc) {
    commands_print();
    status = 0;
  }
  if (status < 0 && daemon->options.list_devices) {
    const int count = audio_list();
    if (count == 0) fputs("cenoted: no sound card here\n", stderr);
    status = count > 0 ? 0 : 1;
  }
  if (status >= 0) {
    free(daemon);
    return status;
  }
  const struct sigaction end = {.sa_handler = on_signal};
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGINT, &end, NULL);
  sigaction(SIGTERM, &end, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
  status = run(daemon);
  bool card_closed = true;
  if (!stop(daemon, &card_closed)) status = fail("the output could not be finished");
  if (!card_closed) _exit(status); // its thread hangs in the library, and holds the device
  free(daemon);
  return status;
}
