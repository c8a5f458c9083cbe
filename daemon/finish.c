// SPDX-License-Identifier: ISC
// What follows from a job that is done.
#include "control.h"
#include "logging.h"

#include <inttypes.h>

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

void control_abandon_take(Control *control, uint32_t number)
{
  Take *take = &control->take[number];
  Job *job = take->ending ? NULL : job_new(JOB_END_TAKE);
  if (!job) return;
  job->take = number;
  job->lane = take->lane;
  take->ending = true;
  control_put(control, job);
}

/// What follows from a job, at its frame. One for later can be dropped until then, which is told.
static bool send_for(Control *control, const Job *job, Command command)
{
  Asked asked;
  control->due = job->due;
  if (job->due > 0)
    command.reply = control_ask_quietly(control, job->answer ? &job->from : NULL,
                                        job->tagged ? &job->tag : NULL, job->command);
  const bool asks = job->due == 0 || command.reply != 0;
  const bool sent = asks && control_send(control, command);
  control->due = 0;
  if (sent || !asks) return sent;
  control_asked(control, command.reply, &asked);
  CONTROL_FAIL(control, job, FAIL_QUEUE, "the queue is full");
  return false;
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
    if (!send_for(control, job, tap)) {
      control_abandon_take(control, job->take);
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
  if (!send_for(control, job,
                (Command){.kind = prime ? COMMAND_LOAD : COMMAND_PUT,
                          .voice = (int32_t)job->first,
                          .slot = prime ? ENGINE_SLOTS : job->slot,
                          .object = job->moment[0]}))
    return;
  job->moment[0] = NULL;
  lo_message message = lo_message_new();
  lo_message_add_string(message, job->command);
  if (prime) lo_message_add_float(message, (float)job->bits);
  else lo_message_add_string(message, job->name);
  control_done(control, job, message);
}

/// Said before a /clearSched, for later than it; the end of a file is never dropped.
static bool is_cleared(const Control *control, const Job *job)
{
  return job->status == CENOTE_OK && job->kind != JOB_END_TAKE && job->kind != JOB_END_LOG &&
         job->due > control->cleared_frame && job->order <= control->cleared_order;
}

void control_finish(Control *control, Job *job)
{
  if (is_cleared(control, job)) {
    control_refuse_job(control, job, "dropped by /clearSched");
    return;
  }
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

void control_refuse_job(Control *control, Job *job, const char *why)
{
  ++control->jobs_done;
  CONTROL_FAIL(control, job, FAIL_QUEUE, "%s", why);
  if (job->kind == JOB_LOG) control->opening_log = false;
  if (job->log) {
    CenoteError err;
    replay_log_close(job->log, 0, &err);
    job->log = NULL;
  }
  if (job->kind == JOB_TAKE && job->lane >= 0) {
    control->take[job->take].lane = job->lane;
    control_abandon_take(control, job->take);
  } else if (job->kind == JOB_TAKE) {
    ring_free(control->take[job->take].ring);
    control->take[job->take] = (Take){0};
  }
  control_end_job(control, job);
}
