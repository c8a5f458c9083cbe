// SPDX-License-Identifier: ISC
#ifndef DAEMON_ENGINE_STRUCT_H
#define DAEMON_ENGINE_STRUCT_H

#include "rt/engine.h"

/// Parts of an ensemble that sound in this block.
typedef struct Running {
  uint32_t parts;
  Part *part[ENGINE_VOICES];
} Running;

struct Engine {
  bool dry;
  uint32_t ramp_frames;
  uint32_t fade_frames;
  Ring *commands;
  Ring *events;
  Ring *tap;
  Ensemble *now;     ///< what sounds
  Ensemble *old;     ///< what fades out under it; NULL: nothing
  Ensemble *next;    ///< what comes once old has gone; NULL: nothing
  Ensemble *unheard; ///< what next replaced before it sounded, until the event ring takes it
  Ramp cross;        ///< of now, 0 to 1; old has the rest
  Ramp master;       ///< gain, and 0 while muted
  Ramp end;          ///< 1, or 0 when all is over
  float master_level;
  bool master_muted;
  bool ending;
  bool ended;
  bool tapping;
  uint32_t tap_voice; ///< 0: the mix
  uint64_t tapped;
  bool tap_told; ///< its end
  double pole;   ///< of the DC blocker
  double dc_in[ENGINE_CHANNELS];
  double dc_out[ENGINE_CHANNELS];
  uint64_t frames;
  uint32_t block;                ///< frames of this block
  bool crossing;                 ///< old sounds too
  Running running[2];            ///< of now, of old
  float mix[ENGINE_BLOCK];       ///< voices of one ensemble
  float fading[ENGINE_BLOCK];    ///< those of the old one
  float alone[2 * ENGINE_BLOCK]; ///< the tapped voice, both channels
};

#endif
