// SPDX-License-Identifier: ISC
// Options from the configuration file, where the command line does not say otherwise.
#ifndef DAEMON_OPTIONS_FILE_H
#define DAEMON_OPTIONS_FILE_H

#include "options.h"

#include <getopt.h>

/// Take an option (its number in the table) with its argument, NULL for none; `where` is
/// "FILE:LINE". -1 or the status to exit with.
typedef int (*OptionsTake)(const char *where, int option, const char *text, Options *out);

/// Read what --config names, else the default file unless --no-config. A question (--help,
/// --list-…) needs none. -1: go on; else the status to exit with, everything said.
int options_from_file(int argc, char **argv, const struct option *known, OptionsTake take,
                      Options *out);

#endif
