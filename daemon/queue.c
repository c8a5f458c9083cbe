// SPDX-License-Identifier: ISC
// What goes to the engine and to the job thread: each by itself, or a bundle's at once.
#include "control.h"
#include "logging.h"

enum { KEPT = 16 }; ///< places of the ring for what must always get through

/// The end of a recording or of a log: a file that is never closed would be worse than one closed
/// too early.
static bool ends(const Command *command)
{
  return (command->kind == COMMAND_TAP && !command->object) ||
         (command->kind == COMMAND_LOG && command->whole == 0);
}

/// What is taken has room, for nobody else writes: a bundle never comes to nothing after its
/// commands have been promised. Places among those that wait are counted as gone only when the
/// engine has said so, thus never too few.
static bool has_room(const Control *control, const Command *command)
{
  const bool urgent =
      ends(command) || command->kind == COMMAND_CLEAR || command->kind == COMMAND_END;
  const size_t kept = urgent ? 0 : KEPT;
  if (control->batched == CONTROL_BATCH) return false;
  if (ring_space(control->commands) <= control->batched + kept) return false;
  if (control->due == 0 || ends(command)) return true;
  if (control->refused) return false;
  return control->timed + control->batched < player_gone(control->player) + ENGINE_QUEUE;
}

bool control_send(Control *control, Command command)
{
  command.due = control->due;
  if (!has_room(control, &command)) {
    if (control->due == 0 || !control->in_bundle || control->refused) return false;
    control->refused = true;
    control->message_refused = control->message;
    return false;
  }
  control->batch_message[control->batched] = control->message;
  control->batch_address[control->batched] = control->address;
  control->batch[control->batched++] = command;
  if (!control->in_bundle) control_flush(control);
  return true;
}

/// As if the engine had refused it.
static void give_back(Control *control, const Command *command)
{
  const EventKind kind = command->kind == COMMAND_KIT ? EVENT_KIT : EVENT_MOMENT;
  if (command->object)
    control_take_event(control, &(Event){.kind = kind, .object = command->object});
  control_take_event(control, &(Event){.kind = EVENT_REFUSED,
                                       .reply = command->reply,
                                       .voice = command->voice,
                                       .slot = command->slot,
                                       .whole = REFUSED_FULL});
}

/// Those for later than a frame that were said in between.
static void drop_syncs(Control *control, uint64_t frame, uint64_t after, uint64_t until,
                       const char *why)
{
  size_t kept = 0;
  for (size_t i = 0; i < control->syncs; ++i) {
    const Sync sync = control->sync[i];
    if (sync.due > frame && sync.order > after && sync.order <= until)
      control_fail(control, &sync.from, NULL, "/sync", FAIL_QUEUE, "%s", why);
    else control->sync[kept++] = sync;
  }
  control->syncs = kept;
}

/// A bundle for later that did not find room for all of it is none, but for what it ends. Each of
/// its messages is refused; the one that found no room has been.
static void refuse_batch(Control *control)
{
  const size_t count = control->batched;
  uint64_t told = control->message_refused;
  control->batched = 0;
  for (size_t i = 0; i < count; ++i) {
    const Command command = control->batch[i];
    const uint64_t message = control->batch_message[i];
    if (ends(&command)) {
      control->batch[control->batched++] = command;
      continue;
    }
    give_back(control, &command);
    if (command.reply == 0 && message != told && message != control->message_refused &&
        control->batch_address[i])
      control_fail(control, control->from, NULL, control->batch_address[i], FAIL_QUEUE,
                   "the queue is full");
    told = message;
  }
  for (Job *job = control->held; job; job = control->held) {
    control->held = job->next;
    control_refuse_job(control, job, "the queue is full");
  }
  later_drop(&control->later, control->later_mark);
  drop_syncs(control, 0, control->later_mark, UINT64_MAX, "the queue is full");
}

static void put_held(Control *control)
{
  for (Job *job = control->held; job; job = control->held) {
    control->held = job->next;
    jobs_put(control->jobs, job);
  }
  control->holding = 0;
}

bool control_flush(Control *control)
{
  const bool whole = !control->refused;
  if (!whole) refuse_batch(control);
  for (size_t i = 0; i < control->batched; ++i) {
    logging_object(control, &control->batch[i]);
    control->timed += control->batch[i].due != 0;
  }
  if (control->batched > 0) ring_write(control->commands, control->batch, control->batched);
  put_held(control);
  control->batched = 0;
  control->in_bundle = control->refused = false;
  control->later_mark = control->later.order;
  return whole;
}

uint64_t control_frame(const Control *control)
{
  return player_frames(control->player) + control->options->block;
}

void control_put(Control *control, Job *job)
{
  ++control->jobs_put;
  job->order = ++control->later.order;
  if (!control->in_bundle || control->due == 0 || !control->address) {
    jobs_put(control->jobs, job);
    return;
  }
  job->next = NULL;
  Job **last = &control->held;
  while (*last) last = &(*last)->next;
  *last = job;
  ++control->holding;
}

void control_clear_later(Control *control, uint64_t frame, uint64_t order)
{
  if (order >= control->cleared_order) control->cleared_frame = frame;
  if (order >= control->cleared_order) control->cleared_order = order;
  later_clear(&control->later, frame, order);
  drop_syncs(control, frame, 0, order, "dropped by /clearSched");
}
