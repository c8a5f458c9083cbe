// SPDX-License-Identifier: ISC
#include "rt/engine.h"
#include "rt/engine_struct.h"

#include <stdlib.h>

Engine *engine_new(const EngineOptions *options, Kit *const *kit)
{
  Engine *engine = calloc(1, sizeof *engine);
  if (!engine) return NULL;
  engine->options = *options;
  if (options->channels == 0) engine->options.channels = ENGINE_STEREO;
  engine->times.rate_hz = options->rate_hz;
  engine->times.channels = engine->options.channels;
  engine->times.ramp = (uint32_t)(options->rate_hz * ENGINE_RAMP_S) + 1;
  PartTimes at_once = engine->times;
  at_once.ramp = 0;
  schedule_init(&engine->schedule);
  for (uint32_t k = 0; k < options->voices; ++k) {
    Part *part = &engine->part[k];
    part->kit = kit[k];
    part->now = kit[k]->stream[0];
    part->now->name = ++engine->names;
    part->set = (PartSet){.level = 1.0f,
                          .fade_ms = 10.0f,
                          .release_ms = 50.0f,
                          .speed = 1.0f,
                          .run = true,
                          .key = -1,
                          .id = -1,
                          .morph_a = ENGINE_SLOTS,
                          .morph_b = ENGINE_SLOTS};
    stream_begin(part->now, 1.0);
    part_reshape(part, &at_once);
  }
  for (uint16_t key = 0; key < ENGINE_KEYS; ++key) engine->key_slot[key] = key;
  ramp_set(&engine->master, 1.0f);
  ramp_set(&engine->end, 1.0f);
  engine->master_level = 1.0f;
  engine->pole = 1.0 - 2.0 * 3.14159265358979 * 5.0 / options->rate_hz;
  return engine;
}

void engine_free(Engine *engine)
{
  free(engine);
}

Part *engine_part(Engine *engine, uint32_t voice)
{
  return &engine->part[voice];
}

void engine_dress(Engine *engine, uint32_t voice, const PartSet *set)
{
  PartTimes at_once = engine->times;
  Part *part = &engine->part[voice];
  at_once.ramp = 0;
  part->set = *set;
  stream_begin(part->now, (double)set->speed);
  part_reshape(part, &at_once);
  ramp_set(&part->now->run, set->run ? 1.0f : 0.0f);
}

void engine_set_master(Engine *engine, float gain, bool muted)
{
  engine->master_level = gain;
  engine->master_muted = muted;
  ramp_set(&engine->master, muted ? 0.0f : gain);
}

Kit *engine_take_kit(Engine *engine)
{
  for (Waiting *waiting = schedule_first(&engine->schedule); waiting;
       waiting = schedule_next(&engine->schedule, waiting)) {
    if (waiting->command.kind != COMMAND_KIT || !waiting->command.object) continue;
    Kit *kit = waiting->command.object;
    waiting->command.object = NULL;
    return kit;
  }
  for (uint32_t k = 0; k < engine->options.voices; ++k) {
    Part *part = &engine->part[k];
    Kit *kit = part->old_kit ? part->old_kit : part->kit;
    if (part->old_kit) part->old_kit = NULL;
    else part->kit = NULL;
    if (kit) return kit;
  }
  return NULL;
}

Moment *engine_take_moment(Engine *engine)
{
  for (Waiting *waiting = schedule_first(&engine->schedule); waiting;
       waiting = schedule_next(&engine->schedule, waiting)) {
    const CommandKind kind = waiting->command.kind;
    if (kind == COMMAND_KIT || kind == COMMAND_TAP || !waiting->command.object || waiting->done)
      continue; // done: in a slot, or a kit's
    Moment *moment = waiting->command.object;
    waiting->command.object = NULL;
    return moment;
  }
  for (uint32_t i = 0; i < ENGINE_SLOTS; ++i) {
    Moment *moment = engine->slot[i];
    engine->slot[i] = NULL;
    if (moment) return moment;
  }
  return NULL;
}
