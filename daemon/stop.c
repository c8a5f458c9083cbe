// SPDX-License-Identifier: ISC
#include "daemon.h"

#include "care.h"
#include "logging.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

/// What the card has not played yet, the fade at the end too, is played before it is closed.
static void drain_card(Control *control)
{
  if (!control->audio || (control->quit && !control->faded)) return;
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
  const uint64_t dropped = recorder_dropped(control->recorder);
  if (control->audio || dropped > 0 || status.late > 0)
    log_info("%" PRIu64 " xruns, %" PRIu64 " device underflows, %" PRIu64 " late wake-ups, %" PRIu64
             " frames dropped from the output",
             xruns, under, status.late, dropped);
}

static void drop_kit(Kit *kit)
{
  Loaded *loaded = kit->model;
  kit_free(kit);
  loaded_drop(loaded);
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
  for (size_t i = 0; i < ENGINE_TAPS; ++i) {
    job_free(control->take[i].job);
    ring_free(control->take[i].ring);
  }
}

static void end_log(Daemon *daemon)
{
  const Engine *engine = daemon->control.player ? daemon->engine : NULL;
  job_free(daemon->control.ending_log); // the jobs are over
  daemon->control.ending_log = NULL;
  if (engine) logging_end(&daemon->control, engine_frames(engine), engine_unlogged(engine));
  else logging_end(&daemon->control, 0, 0);
}

bool daemon_stop(Daemon *daemon, bool *card_closed)
{
  Control *control = &daemon->control;
  service_stopping(&daemon->service);
  tell_counts(control);
  input_stop(daemon->input); // the player may wait for it
  player_stop(control->player);
  if (control->player) care_close(control, daemon->engine);
  if (control->player) drain_card(control);
  *card_closed = audio_close(control->audio);
  if (*card_closed) *card_closed = midi_close(daemon->midi); // the card writes to its ring
  input_close(daemon->input);
  jobs_stop(control->jobs);
  const bool whole = recorder_stop(control->recorder, control->quit);
  if (control->log) end_log(daemon);
  osc_close(control->osc);
  free_held(daemon);
  const bool listed = control->models > 0;
  for (size_t i = 0; i < control->models; ++i) loaded_drop(control->model[i]);
  if (daemon->first && listed) daemon->first->fresh = false;
  job_free(daemon->first);
  ring_free(control->commands);
  ring_free(control->events);
  ring_free(control->log_ring);
  ring_free(control->heard_ring);
  return whole;
}
