// SPDX-License-Identifier: ISC
// Audio time of the daemon allocates nothing, locks nothing and calls no system: every command, a
// change of ensemble with its crossfade, a voice that overflows, the tap, the fade at the end.
#include "golden.h"
#include "rtfence.h"

#include "rt/engine.h"
#include "rt/rt.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PARTS = 2, BLOCK = 256, BLOCKS = 40 };

typedef struct Stage {
  CenoteModel *model;
  Ensemble *ensemble[2];
  Ring *commands;
  Ring *events;
  Ring *tap;
  Engine *engine;
  float out[ENGINE_CHANNELS * BLOCK];
  float taken[ENGINE_CHANNELS * BLOCK];
} Stage;

static Ensemble *ensemble_of(const CenoteModel *model, double rate_hz)
{
  const double model_hz = cenote_model_info(model)->sample_rate_hz;
  Ensemble *ensemble = calloc(1, sizeof *ensemble + PARTS * sizeof *ensemble->part);
  assert_non_null(ensemble);
  ensemble->parts = PARTS;
  ensemble->pace = model_hz / rate_hz;
  for (uint32_t k = 0; k < PARTS; ++k) {
    Part *part = &ensemble->part[k];
    part->level = 1.0f;
    part->gain = part->run = (Ramp){.now = 1.0f, .target = 1.0f};
    assert_int_equal(cenote_voice_new(model, &part->voice), CENOTE_OK);
    if (model_hz != rate_hz)
      assert_int_equal(cenote_resampler_new(model_hz, rate_hz, CENOTE_LIVE, &part->resampler),
                       CENOTE_OK);
  }
  return ensemble;
}

/// The voice's next step is not finite.
static void make_overflow(const CenoteModel *model, CenoteVoice *voice)
{
  const size_t bytes = cenote_model_info(model)->state_bytes;
  CnState *state = malloc(bytes);
  assert_non_null(state);
  cenote_voice_save(voice, state);
  for (size_t i = 0; i < model->state_floats; ++i) state->number[i] = INFINITY;
  assert_int_equal(cenote_voice_restore(voice, state, bytes), CENOTE_OK);
  free(state);
}

static Stage *stage_new(double rate_hz, bool dry)
{
  char path[512];
  Stage *stage = calloc(1, sizeof *stage);
  assert_non_null(stage);
  golden_path("tiny.safetensors", path);
  assert_int_equal(cenote_model_load(path, &stage->model, NULL), CENOTE_OK);
  for (int i = 0; i < 2; ++i) stage->ensemble[i] = ensemble_of(stage->model, rate_hz);
  make_overflow(stage->model, stage->ensemble[1]->part[0].voice);
  stage->commands = ring_new(64, sizeof(Command));
  stage->events = ring_new(64, sizeof(Event));
  stage->tap = ring_new(4 * BLOCK, sizeof(float[ENGINE_CHANNELS]));
  stage->engine =
      engine_new(rate_hz, dry, stage->ensemble[0], stage->commands, stage->events, stage->tap);
  assert_true(stage->commands && stage->events && stage->tap && stage->engine);
  return stage;
}

static void stage_free(Stage *stage)
{
  engine_free(stage->engine);
  for (int i = 0; i < 2; ++i) {
    for (uint32_t k = 0; k < PARTS; ++k) {
      cenote_voice_free(stage->ensemble[i]->part[k].voice);
      cenote_resampler_free(stage->ensemble[i]->part[k].resampler);
    }
    free(stage->ensemble[i]);
  }
  ring_free(stage->commands);
  ring_free(stage->events);
  ring_free(stage->tap);
  cenote_model_free(stage->model);
  free(stage);
}

static void tell(Stage *stage, CommandKind kind, double number, uint64_t whole)
{
  const Command command = {.kind = kind,
                           .voice = kind == COMMAND_TAP ? (uint32_t)(whole >> 1) : 1,
                           .number = number,
                           .whole = whole,
                           .ensemble = stage->ensemble[1]};
  ring_write(stage->commands, &command, 1);
}

/// The commands before each block, one kind a block, and everything read that comes back.
static void play(void *data)
{
  Stage *stage = data;
  for (uint32_t k = 0; k < BLOCKS; ++k) {
    switch (k) {
    case 2:
      tell(stage, COMMAND_TAP, 0.0, 1); // the mix
      break;
    case 4:
      tell(stage, COMMAND_RESET, 0.0, 0);
      tell(stage, COMMAND_SEED, 0.0, 9);
      tell(stage, COMMAND_TEMPERATURE, 0.5, 0);
      tell(stage, COMMAND_TOP_K, 0.0, 10);
      tell(stage, COMMAND_TOP_P, 0.9, 0);
      break;
    case 6:
      tell(stage, COMMAND_GAIN, 3.0, 0);
      tell(stage, COMMAND_MASTER_GAIN, 2.0, 0);
      break;
    case 8:
      tell(stage, COMMAND_ENSEMBLE, 0.0, 0);
      tell(stage, COMMAND_TAP, 0.0, 5); // voice 2 alone
      break;
    case 16:
      tell(stage, COMMAND_RUN, 0.0, 0);
      tell(stage, COMMAND_MUTE, 0.0, 1);
      tell(stage, COMMAND_MASTER_MUTE, 0.0, 1);
      break;
    case 20:
      tell(stage, COMMAND_RUN, 0.0, 1);
      tell(stage, COMMAND_MUTE, 0.0, 0);
      tell(stage, COMMAND_MASTER_MUTE, 0.0, 0);
      break;
    case 24:
      tell(stage, COMMAND_TAP, 0.0, 0);
      break;
    case 32:
      tell(stage, COMMAND_FADE, 0.0, 0);
      break;
    default:
      break;
    }
    Event event;
    const uint32_t shares = engine_begin(stage->engine, BLOCK) / 2 + 1;
    for (uint32_t i = 0; i < shares; ++i) engine_run(stage->engine, i, shares);
    engine_end(stage->engine, stage->out);
    ring_read(stage->events, &event, 1);
    ring_read(stage->tap, stage->taken, BLOCK);
  }
  if (engine_sounding(stage->engine) > PARTS || engine_frames(stage->engine) == 0) abort();
}

static void a_block_allocates_nothing_and_locks_nothing(void **state)
{
  (void)state;
  for (int dry = 0; dry < 2; ++dry) {
    Stage *stage = stage_new(dry ? 16000.0 : 48000.0, dry);
    assert_int_equal(fence_calls(play, stage), 0);
    stage_free(stage);
  }
}

static void a_block_calls_no_system(void **state)
{
  (void)state;
  for (int dry = 0; dry < 2; ++dry) {
    Stage *stage = stage_new(dry ? 16000.0 : 48000.0, dry);
    const int call = fence_system_call(play, stage);
    stage_free(stage);
    if (call == FENCE_UNUSABLE) skip();
    assert_int_equal(call, FENCE_NONE);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_block_allocates_nothing_and_locks_nothing),
      cmocka_unit_test(a_block_calls_no_system),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
