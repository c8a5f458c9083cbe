// SPDX-License-Identifier: ISC
// The OSC thread's side of a log: opened by a job, begun with the engine's snapshot, fed with what
// is sent and what the engine took.
#ifndef DAEMON_LOGGING_H
#define DAEMON_LOGGING_H

#include "control.h"

/// A job has opened the file: ask the engine to begin.
void logging_begin(Control *control, Job *job);
/// It is not to begin: the file is closed again.
void logging_abandon(Control *control);
/// The engine's snapshot has come.
void logging_start(Control *control, const Asked *asked, const Moment *snapshot);
/// An object is on its way to the engine.
void logging_object(Control *control, const Command *command);
/// What the engine has taken, to the file.
void logging_tend(Control *control);
/// The engine has ended the log at a frame; so many commands did not get into it.
void logging_end(Control *control, uint64_t frame, uint64_t lost);

#endif
