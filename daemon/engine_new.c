// SPDX-License-Identifier: ISC
#include "rt/engine.h"
#include "rt/engine_struct.h"

#include <stdlib.h>

Engine *engine_new(double rate_hz, bool dry, Ensemble *first, Ring *commands, Ring *events,
                   Ring *tap)
{
  Engine *engine = calloc(1, sizeof *engine);
  if (!engine) return NULL;
  engine->dry = dry;
  engine->ramp_frames = (uint32_t)(rate_hz * ENGINE_RAMP_S) + 1;
  engine->fade_frames = (uint32_t)(rate_hz * ENGINE_FADE_S) + 1;
  engine->commands = commands;
  engine->events = events;
  engine->tap = tap;
  engine->now = first;
  engine->cross = engine->master = engine->end = (Ramp){.now = 1.0f, .target = 1.0f};
  engine->master_level = 1.0f;
  engine->tap_told = true;
  engine->pole = 1.0 - 2.0 * 3.14159265358979 * 5.0 / rate_hz;
  return engine;
}

void engine_free(Engine *engine)
{
  free(engine);
}

Ensemble *engine_take(Engine *engine)
{
  Ensemble **const held[] = {&engine->now, &engine->old, &engine->next, &engine->unheard};
  for (size_t i = 0; i < sizeof held / sizeof *held; ++i) {
    Ensemble *taken = *held[i];
    *held[i] = NULL;
    if (taken) return taken;
  }
  return NULL;
}
