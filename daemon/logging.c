// SPDX-License-Identifier: ISC
#include "logging.h"

#include "log.h"
#include "rt/snapshot.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 4096 };

void logging_begin(Control *control, Job *job)
{
  uint32_t slots = 0;
  for (uint32_t s = 0; s < ENGINE_SLOTS; ++s) slots += control->slot[s] != 0;
  const size_t room =
      snapshot_room(control->options->voices, slots + 8, control_state_bytes(control));
  Moment *moment = moment_new(room);
  control->due = job->due;
  const uint32_t reply = moment ? control_ask(control, job->answer ? &job->from : NULL,
                                              job->tagged ? &job->tag : NULL, job->command, NULL)
                                : 0;
  control->log = job->log;
  job->log = NULL;
  memcpy(control->log_name, job->name, sizeof control->log_name);
  const Command command = {.kind = COMMAND_LOG, .whole = 1, .object = moment, .reply = reply};
  const bool sent = reply != 0 && control_send(control, command);
  control->due = 0;
  if (sent) return;
  Asked asked;
  control_asked(control, reply, &asked);
  logging_abandon(control);
  free(moment);
  CONTROL_FAIL(control, job, FAIL_QUEUE, "the queue is full");
}

void logging_abandon(Control *control)
{
  CenoteError err;
  replay_log_close(control->log, 0, &err);
  control->log = NULL;
}

void logging_start(Control *control, const Asked *asked, const Moment *snapshot)
{
  ReplayLog *log = control->log;
  const Options *options = control->options;
  const ReplayHead head = {.logged_bytes = sizeof(Logged),
                           .snapshot_bytes = sizeof(Snapshot),
                           .voice_bytes = sizeof(SnapshotVoice),
                           .voices = options->voices,
                           .channels = options->channels,
                           .block = options->block,
                           .dry = options->dry,
                           .listens = options->input != NULL,
                           .precision = (uint32_t)options->precision,
                           .rate_hz = control->rate_hz,
                           .past_bytes = options->rewind_mb * 1e6};
  if (!log) return;
  replay_log_add(log, REPLAY_HEAD, &head, sizeof head);
  for (size_t i = 0; i < control->models; ++i) {
    ReplayModel model = {.hash = cenote_model_info(control->model[i]->model)->hash};
    snprintf(model.path, sizeof model.path, "%s", control->model[i]->path);
    replay_log_add(log, REPLAY_MODEL, &model, sizeof model);
  }
  replay_log_add(log, REPLAY_SNAPSHOT, snapshot->state, snapshot->bytes);
  control->logging = true;
  lo_message message = lo_message_new();
  lo_message_add(message, "ss", asked->command, control->log_name);
  if (asked->tagged) lo_message_add_int32(message, asked->tag);
  if (asked->answer) osc_send(control->osc, &asked->from, "/done", message);
  else lo_message_free(message);
}

void logging_tend(Control *control)
{
  Logged logged;
  float frames[PIECE];
  if (!control->log || !control->logging) return;
  while (ring_read(control->log_ring, &logged, 1) == 1)
    replay_log_add(control->log, REPLAY_COMMAND, &logged, sizeof logged);
  for (size_t got;
       control->heard_ring && (got = ring_read(control->heard_ring, frames, PIECE)) > 0;)
    replay_log_add(control->log, REPLAY_INPUT, frames, got * sizeof *frames);
}

/// A pointer may come again: what has been taken goes into the file before it has another meaning.
void logging_object(Control *control, const Command *command)
{
  if (!control->log || !command->object) return;
  ReplayObject object = {.name = (uint64_t)(uintptr_t)command->object};
  if (command->kind == COMMAND_KIT) {
    const Kit *kit = command->object;
    const Loaded *loaded = kit->model;
    ReplayModel model = {.hash = object.hash = kit->hash};
    void *state = malloc(kit->state_bytes);
    if (!state) return;
    logging_tend(control);
    snprintf(model.path, sizeof model.path, "%s", loaded->path);
    replay_log_add(control->log, REPLAY_MODEL, &model, sizeof model);
    cenote_voice_save(kit->stream[0]->voice, state);
    replay_log_add_two(control->log, REPLAY_KIT, &object, sizeof object, state, kit->state_bytes);
    free(state);
  } else if (command->kind == COMMAND_PUT || command->kind == COMMAND_LOAD) {
    const Moment *moment = command->object;
    object.hash = moment->hash;
    logging_tend(control);
    replay_log_add_two(control->log, REPLAY_MOMENT, &object, sizeof object, moment->state,
                       moment->bytes);
  }
}

void logging_end(Control *control, uint64_t frame, uint64_t lost)
{
  Job *job = control->ending_log;
  control->ending_log = NULL;
  logging_tend(control);
  control->logging = false;
  if (control->log) replay_log_lost(control->log, lost);
  if (job) {
    job->log = control->log;
    job->frames = frame;
    control_put_awaited(control, job);
  } else if (control->log) {
    CenoteError err;
    if (!replay_log_close(control->log, frame, &err)) log_error("%s", err.text);
  }
  control->log = NULL;
}
