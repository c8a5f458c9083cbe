// SPDX-License-Identifier: ISC
// What a session manager keeps of the daemon: a folder with a preset.osc, as a preset has, of every
// control's value, and in a remark what played.
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include "control.h"

typedef struct Session {
  char folder[JOB_TEXT]; ///< to be read once the job is done; empty: none
  uint64_t after;        ///< jobs
} Session;

/// The values in force, and what plays, to FOLDER/preset.osc, whole or not at all.
bool session_save(const Control *control, const char *folder);

/// Play what played there, with the values there; in a folder without, go on. The model is loaded
/// by a job, and the values follow it: session_tend.
bool session_open(Session *session, Control *control, const char *folder);
/// After control_tend.
void session_tend(Session *session, Control *control);

#endif
