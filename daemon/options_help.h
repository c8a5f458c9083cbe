// SPDX-License-Identifier: ISC
// What --help says.
#ifndef DAEMON_OPTIONS_HELP_H
#define DAEMON_OPTIONS_HELP_H

extern const char options_help[];

#endif
