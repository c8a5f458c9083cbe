// SPDX-License-Identifier: ISC
// Takes: voices that begin in one state, each with random numbers of its own, and are rendered for
// so many steps into a file each, several at a time on threads.
#ifndef CLI_TAKE_H
#define CLI_TAKE_H

#include "output.h"

typedef struct Takes {
  CenoteVoice *start; ///< what they all begin as
  bool reseed;        ///< also the first
  uint64_t seed;      ///< of the first; the others follow it
  uint64_t steps;     ///< of the model
  uint32_t rate_hz;   ///< of the files
  const OutputFormat *format;
  const char *output;    ///< path; NULL: no sound is kept
  const char *save_slot; ///< path of the states at the end; NULL: none
  bool numbered;         ///< paths get -1, -2, ... before their ending
  uint64_t count;
  uint64_t threads;
} Takes;

/// Render them all. Says what went wrong; returns an exit status. On SIGINT, SIGTERM and SIGHUP
/// nothing unfinished is left, and the signal ends the program.
int takes_render(const Takes *takes);

/// The name of a take's file: `path` itself, or numbered: a/b.wav becomes a/b-1.wav. free() it;
/// NULL for a NULL path, and when out of memory.
char *take_name(const char *path, bool numbered, uint64_t index);

/// Frames at rate_hz of so many steps at model_hz, rounded to the nearest.
uint64_t takes_frames(uint64_t steps, uint32_t model_hz, uint32_t rate_hz);

#endif
