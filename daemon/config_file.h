// SPDX-License-Identifier: ISC
// The configuration file: lines of `key = value`, empty ones, and `#` before a remark. Where it is
// found, and its lines; what the keys mean is options.c's.
#ifndef DAEMON_CONFIG_FILE_H
#define DAEMON_CONFIG_FILE_H

#include <cenote/cenote.h>

#include <stddef.h>

typedef struct Config {
  char path[4096];
  char *text; ///< the whole file, cut into strings
  char *next;
  char *end;
  unsigned line; ///< the number of the one read last
} Config;

/// Open `path`, or with NULL the first of $XDG_CONFIG_HOME/cenote/cenoted.conf and, in each folder
/// of $XDG_CONFIG_DIRS, cenote/cenoted.conf; where there is none config->text is NULL, which is
/// fine.
CenoteStatus config_open(const char *path, Config *config, CenoteError *err);

/// The next key and its value, which live until config_close. 1: there is one, 0: the end, -1: err
/// says what is wrong with the line.
int config_next(Config *config, const char **key, const char **value, CenoteError *err);

void config_close(Config *config);

#endif
