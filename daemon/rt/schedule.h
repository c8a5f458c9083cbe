// SPDX-License-Identifier: ISC
// Commands that wait for their frame, in the order of their frames, and of their coming where
// those are equal. A list in an array: no room is ever asked for.
#ifndef DAEMON_SCHEDULE_H
#define DAEMON_SCHEDULE_H

#include "rt/command.h"

typedef struct Waiting {
  Command command;
  uint64_t taken; ///< name of the stream that has it already, 0: none
  bool done;      ///< by that stream
  uint16_t next;
  uint16_t before;
} Waiting;

typedef struct Schedule {
  uint32_t count;
  uint16_t first, last;              ///< of those that wait; 0: none
  uint16_t spare;                    ///< of those that are free
  Waiting waiting[ENGINE_QUEUE + 1]; ///< 0 is nobody
} Schedule;

CENOTE_RT void schedule_init(Schedule *schedule);
/// False when it is full.
CENOTE_RT bool schedule_add(Schedule *schedule, const Command *command);
/// The first, or the one after; NULL: none.
CENOTE_RT Waiting *schedule_first(Schedule *schedule);
CENOTE_RT Waiting *schedule_next(Schedule *schedule, const Waiting *waiting);
CENOTE_RT void schedule_remove(Schedule *schedule, Waiting *waiting);

#endif
