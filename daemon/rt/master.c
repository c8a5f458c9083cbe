// SPDX-License-Identifier: ISC
// From the mix to the output: the master's gain, a DC blocker and a limiter for each channel.
#include "rt/engine_struct.h"

#include <math.h>

/// Transparent up to 0.8, then bent towards 1 with a continuous slope.
CENOTE_RT static double limit(double x)
{
  const double size = fabs(x);
  if (!(size > 0.8)) return x;
  const double over = (size - 0.8) / 0.2;
  const double bent = 0.8 + 0.2 * (over / (1.0 + over));
  return x < 0.0 ? -bent : bent;
}

CENOTE_RT static float master(Engine *engine, float x, uint32_t channel)
{
  if (engine->options.dry) return x;
  double y = (double)x - engine->dc_in[channel] + engine->pole * engine->dc_out[channel];
  if (fabs(y) < 1e-15) y = 0.0; // before it becomes subnormal
  engine->dc_in[channel] = (double)x;
  engine->dc_out[channel] = y;
  return (float)limit(y);
}

/// Cut to [-most, most]; NaN becomes 0.
CENOTE_RT static float within(float x, float most)
{
  return x > most ? most : x >= -most ? x : x < -most ? -most : 0.0f;
}

/// Inlined with a number of channels that the compiler knows, where there is one for many.
CENOTE_RT static inline __attribute__((always_inline)) void
master_all(Engine *engine, uint32_t channels, float *out)
{
  for (uint32_t i = 0; i < engine->segment; ++i) {
    const float gain = ramp_next(&engine->master) * ramp_next(&engine->end);
    for (uint32_t c = 0; c < channels; ++c) {
      const float x = within(engine->mix[channels * i + c] * gain, 1000.0f);
      out[channels * i + c] = within(master(engine, x, c), 1.0f);
    }
  }
}

CENOTE_RT void engine_master(Engine *engine, float *out)
{
  if (engine->options.channels == ENGINE_STEREO) master_all(engine, ENGINE_STEREO, out);
  else master_all(engine, engine->options.channels, out);
}
