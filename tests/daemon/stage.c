// SPDX-License-Identifier: ISC
#include "stage.h"

#include "kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

Kit *stage_kit(const Stage *stage, const CenoteModel *model, uint64_t seed)
{
  Kit *kit = kit_new(model, stage->options.rate_hz, stage->options.past_bytes);
  assert_non_null(kit);
  for (int i = 0; i < 2; ++i) cenote_voice_set_seed(kit->stream[i]->voice, seed);
  return kit;
}

Stage *stage_new(const StageOptions *options)
{
  Kit *kit[ENGINE_VOICES];
  Stage *stage = calloc(1, sizeof *stage);
  assert_non_null(stage);
  stage->options = *options;
  if (options->channels == 0) stage->options.channels = ENGINE_STEREO;
  for (uint32_t k = 0; k < options->voices; ++k)
    kit[k] = stage_kit(stage, options->model, options->seed + k);
  stage->kits = options->voices;
  stage->commands = ring_new(2 * ENGINE_QUEUE, sizeof(Command));
  stage->events = ring_new(options->events ? options->events : 4096, sizeof(Event));
  assert_true(stage->commands && stage->events);
  if (options->input) stage->input = ring_new(1 << 16, sizeof(float));
  if (options->log) stage->log = ring_new(4096, sizeof(Logged));
  stage->engine = engine_new(&(EngineOptions){.rate_hz = options->rate_hz,
                                              .voices = options->voices,
                                              .channels = stage->options.channels,
                                              .dry = !options->wet,
                                              .commands = stage->commands,
                                              .events = stage->events,
                                              .input = stage->input,
                                              .log = stage->log},
                             kit);
  assert_non_null(stage->engine);
  return stage;
}

Moment *stage_room(const Stage *stage)
{
  Moment *moment = moment_new(cenote_model_info(stage->options.model)->state_bytes);
  assert_non_null(moment);
  return moment;
}

Moment *stage_moment(const CenoteModel *model, uint64_t seed, uint32_t steps)
{
  CenoteVoice *voice;
  const CenoteModelInfo *info = cenote_model_info(model);
  Moment *moment = moment_new(info->state_bytes);
  float *sound = malloc((steps + 1) * sizeof *sound);
  assert_true(moment && sound);
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  cenote_voice_set_seed(voice, seed);
  cenote_voice_render(voice, sound, steps);
  cenote_voice_save(voice, moment->state);
  moment->bytes = info->state_bytes;
  moment->hash = info->hash;
  cenote_voice_free(voice);
  free(sound);
  return moment;
}

void stage_send(Stage *stage, Command command)
{
  if (command.object && command.kind == COMMAND_KIT) ++stage->kits;
  else if (command.object && command.kind != COMMAND_TAP) ++stage->moments;
  if (!ring_write(stage->commands, &command, 1)) abort();
}

void stage_read_events(Stage *stage)
{
  Event event;
  while (ring_read(stage->events, &event, 1) == 1) {
    ++stage->seen[event.kind];
    stage->last[event.kind] = event;
    stage->at[event.kind] = engine_frames(stage->engine);
    if (event.kind == EVENT_KIT) stage->kit[stage->kits_back++] = event.object;
    if (event.kind == EVENT_MOMENT) stage->moment[stage->moments_back++] = event.object;
    if (stage->kits_back == STAGE_OBJECTS || stage->moments_back == STAGE_OBJECTS) abort();
  }
}

void stage_play(Stage *stage, float *out, uint32_t frames, uint32_t block, uint32_t shares)
{
  uint32_t segment;
  for (uint32_t done = 0; done < frames; done += segment) {
    const uint32_t left = block - done % block;
    segment = engine_begin(stage->engine, left < frames - done ? left : frames - done);
    if (segment == 0 || segment > left) abort();
    if (shares > 0)
      for (uint32_t i = shares; i-- > 0;) engine_run(stage->engine, i, shares);
    engine_end(stage->engine, out + (size_t)done * stage->options.channels);
    ++stage->segments;
    stage_read_events(stage);
  }
}

/// Moments that a kit's streams still hold: kit_free frees them.
static uint32_t held(const Kit *kit)
{
  uint32_t count = 0;
  for (int i = 0; i < 2; ++i) {
    const Stream *stream = kit->stream[i];
    for (uint32_t k = 0; k < stream->laters; ++k)
      count += !stream->later[k].done && stream->later[k].command.kind == COMMAND_SAVE;
    count += stream->saves;
  }
  return count;
}

static int by_address(const void *a, const void *b)
{
  const char *const *x = a;
  const char *const *y = b;
  return *x < *y ? -1 : *x > *y;
}

/// Each once.
static void check_each(void **object, uint32_t count)
{
  qsort(object, count, sizeof *object, by_address);
  for (uint32_t i = 1; i < count; ++i) assert_ptr_not_equal(object[i - 1], object[i]);
}

void stage_free(Stage *stage)
{
  Command command;
  while (ring_read(stage->commands, &command, 1) == 1) {
    if (!command.object || command.kind == COMMAND_TAP) continue;
    if (command.kind == COMMAND_KIT) stage->kit[stage->kits_back++] = command.object;
    else stage->moment[stage->moments_back++] = command.object;
  }
  stage_read_events(stage);
  for (void *kit; (kit = engine_take_kit(stage->engine));) stage->kit[stage->kits_back++] = kit;
  for (void *moment; (moment = engine_take_moment(stage->engine));)
    stage->moment[stage->moments_back++] = moment;
  check_each(stage->kit, stage->kits_back);
  check_each(stage->moment, stage->moments_back);
  uint32_t moments = stage->moments_back;
  for (uint32_t k = 0; k < stage->kits_back; ++k) moments += held(stage->kit[k]);
  assert_int_equal(stage->kits_back, stage->kits);
  assert_int_equal(moments, stage->moments);
  for (uint32_t k = 0; k < stage->kits_back; ++k) kit_free(stage->kit[k]);
  for (uint32_t k = 0; k < stage->moments_back; ++k) free(stage->moment[k]);
  engine_free(stage->engine);
  ring_free(stage->commands);
  ring_free(stage->events);
  ring_free(stage->input);
  ring_free(stage->log);
  free(stage);
}
