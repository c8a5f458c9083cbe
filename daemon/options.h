// SPDX-License-Identifier: ISC
// The command line of cenoted, and its configuration file.
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include "config_file.h"
#include "midi.h"

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_BINDS = 16, OPTIONS_OUTPUTS = 8 };

typedef struct Options {
  const char *model; ///< preset or file; NULL: the default preset
  const char *bind[OPTIONS_BINDS];
  size_t binds;
  uint16_t port;
  const char *device;
  bool list_devices;
  double rate_hz; ///< 0: the device's, or the model's where there is none
  uint32_t block;
  uint32_t channels;
  double ahead_ms;
  uint32_t voices;
  uint64_t seed;
  CenotePrecision precision;
  uint32_t threads;
  const char *output[OPTIONS_OUTPUTS];
  const char *output_format[OPTIONS_OUTPUTS]; ///< NULL: by its ending
  size_t outputs;
  const char *format; ///< of those that follow
  double split_s;     ///< 0: one file each
  bool no_audio;
  bool fast;
  double duration_s; ///< 0: without end
  const char *media_dir;
  bool allow_remote;
  bool dry;
  bool help_osc;
  const char *help_osc_as;    ///< mdoc, markdown; NULL: for people
  double max_ahead_s;         ///< of time tags
  double jitter_ms;           ///< given to messages without a time
  const char *restore;        ///< folder of states kept; NULL: none
  const char *watchdog;       ///< slot that it recalls; NULL: off
  double bits_low, bits_high; ///< between which it lets a voice be
  double rewind_mb;           ///< of each voice's past
  Config config;              ///< holds the text of those from a file
  const char *input;          ///< what is listened to: "card", a file, "-"; NULL: nothing
  MidiSource midi;
  MidiMap midi_map;
} Options;

/// -1: go on; else the status to exit with, everything said.
int options_parse(int argc, char **argv, Options *out);
void options_clear(Options *options);

#endif
