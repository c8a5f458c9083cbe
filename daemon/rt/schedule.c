// SPDX-License-Identifier: ISC
#include "rt/schedule.h"

CENOTE_RT void schedule_init(Schedule *schedule)
{
  schedule->count = 0;
  schedule->first = schedule->last = 0;
  schedule->spare = 1;
  for (uint32_t i = 1; i <= ENGINE_QUEUE; ++i)
    schedule->waiting[i].next = (uint16_t)(i < ENGINE_QUEUE ? i + 1 : 0);
}

CENOTE_RT bool schedule_add(Schedule *schedule, const Command *command)
{
  const uint16_t at = schedule->spare;
  if (at == 0) return false;
  Waiting *all = schedule->waiting;
  schedule->spare = all[at].next;
  ++schedule->count;
  // From the end: most come in the order of their frames.
  uint16_t before = schedule->last;
  while (before != 0 && all[before].command.due > command->due) before = all[before].before;
  const uint16_t next = before ? all[before].next : schedule->first;
  all[at] = (Waiting){.command = *command, .before = before, .next = next};
  if (before) all[before].next = at;
  else schedule->first = at;
  if (next) all[next].before = at;
  else schedule->last = at;
  return true;
}

CENOTE_RT Waiting *schedule_first(Schedule *schedule)
{
  return schedule->first ? &schedule->waiting[schedule->first] : NULL;
}

CENOTE_RT Waiting *schedule_next(Schedule *schedule, const Waiting *waiting)
{
  return waiting->next ? &schedule->waiting[waiting->next] : NULL;
}

CENOTE_RT void schedule_remove(Schedule *schedule, Waiting *waiting)
{
  Waiting *all = schedule->waiting;
  const uint16_t at = (uint16_t)(waiting - all);
  if (waiting->before) all[waiting->before].next = waiting->next;
  else schedule->first = waiting->next;
  if (waiting->next) all[waiting->next].before = waiting->before;
  else schedule->last = waiting->before;
  waiting->next = schedule->spare;
  schedule->spare = at;
  --schedule->count;
}
