// SPDX-License-Identifier: ISC
#ifndef DAEMON_COMMANDS_H
#define DAEMON_COMMANDS_H

#include "control.h"

/// OscHandler; data is the Control.
void commands_handle(void *data, const OscMessage *message);
/// The table on standard output, for --help-osc.
void commands_print(void);

/// The lines of FOLDER/preset.osc, one message each, as if sent. No such file is no error.
void commands_run_preset(Control *control, const char *folder);

#endif
