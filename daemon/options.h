// SPDX-License-Identifier: ISC
// The command line of cenoted.
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_BINDS = 16 };

typedef struct Options {
  const char *model; ///< preset or file; NULL: the default preset
  const char *bind[OPTIONS_BINDS];
  size_t binds;
  uint16_t port;
  const char *device;
  bool list_devices;
  double rate_hz; ///< 0: the device's, or the model's where there is none
  uint32_t block;
  double ahead_ms;
  uint32_t voices;
  uint64_t seed;
  CenotePrecision precision;
  uint32_t threads;
  const char *output;
  const char *format;
  bool no_audio;
  bool fast;
  double duration_s; ///< 0: without end
  const char *media_dir;
  bool allow_remote;
  bool dry;
  bool help_osc;
} Options;

/// -1: go on; else the status to exit with, everything said.
int options_parse(int argc, char **argv, Options *out);

#endif
