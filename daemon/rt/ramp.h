// SPDX-License-Identifier: ISC
// A number that moves in a straight line to its target, so that nothing clicks.
#ifndef DAEMON_RAMP_H
#define DAEMON_RAMP_H

#include <cenote/cenote.h>

typedef struct Ramp {
  float now;
  float target;
  float step;
  uint32_t left; ///< frames to go
} Ramp;

/// At rest at a value.
CENOTE_RT static inline void ramp_set(Ramp *ramp, float value)
{
  *ramp = (Ramp){.now = value, .target = value};
}

/// To the target in so many frames; 0: at once.
CENOTE_RT static inline void ramp_to(Ramp *ramp, float target, uint32_t frames)
{
  if (frames == 0) {
    ramp_set(ramp, target);
    return;
  }
  ramp->target = target;
  ramp->left = frames;
  ramp->step = (target - ramp->now) / (float)frames;
}

CENOTE_RT static inline float ramp_next(Ramp *ramp)
{
  if (ramp->left > 0) ramp->now = --ramp->left == 0 ? ramp->target : ramp->now + ramp->step;
  return ramp->now;
}

#endif
