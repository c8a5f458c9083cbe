// SPDX-License-Identifier: ISC
// Voices of an ensemble go through the weights together; each makes what it makes alone, whatever
// the others do, in however many shares, and standing still loses nothing of it.
#include "golden.h"

#include "rt/engine.h"

#include <cenote/cenote.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VOICES = 5, BLOCKS = 120, FRAMES = BLOCKS * 100 };

/// A block and what is said to a voice before it.
typedef struct Cue {
  uint32_t block;
  uint32_t voice;
  CommandKind kind;
  uint64_t whole;
} Cue;

// Voice 2 never hears a thing; 0 and 3 stand still, 3 twice and for long; 1 starts late.
static const Cue cues[] = {
    {0, 1, COMMAND_RUN, 0},  {7, 3, COMMAND_RUN, 0},    {9, 1, COMMAND_RUN, 1},
    {20, 0, COMMAND_RUN, 0}, {21, 4, COMMAND_RESET, 0}, {33, 3, COMMAND_RUN, 1},
    {40, 0, COMMAND_RUN, 1}, {50, 3, COMMAND_RUN, 0},   {52, 4, COMMAND_SEED, 99},
    {85, 3, COMMAND_RUN, 1},
};

typedef struct Stage {
  Ensemble *ensemble;
  Ring *commands;
  Ring *events;
  Ring *tap;
  Engine *engine;
} Stage;

/// parts voices, seeds first, first + 1, ...
static Stage stage_new(const CenoteModel *model, double rate_hz, uint32_t parts, uint64_t first)
{
  const double model_hz = cenote_model_info(model)->sample_rate_hz;
  Stage stage = {.ensemble = calloc(1, sizeof(Ensemble) + parts * sizeof(Part))};
  assert_non_null(stage.ensemble);
  stage.ensemble->pace = model_hz / rate_hz;
  stage.ensemble->parts = parts;
  for (uint32_t k = 0; k < parts; ++k) {
    Part *part = &stage.ensemble->part[k];
    part->level = 1.0f;
    part->gain = part->run = (Ramp){.now = 1.0f, .target = 1.0f};
    assert_int_equal(cenote_voice_new(model, &part->voice), CENOTE_OK);
    cenote_voice_set_seed(part->voice, first + k);
    if (model_hz != rate_hz)
      assert_int_equal(cenote_resampler_new(model_hz, rate_hz, CENOTE_LIVE, &part->resampler),
                       CENOTE_OK);
  }
  stage.commands = ring_new(64, sizeof(Command));
  stage.events = ring_new(64, sizeof(Event));
  stage.tap = ring_new(64, sizeof(float[ENGINE_CHANNELS]));
  stage.engine = engine_new(rate_hz, true, stage.ensemble, stage.commands, stage.events, stage.tap);
  assert_true(stage.commands && stage.events && stage.tap && stage.engine);
  return stage;
}

static void stage_free(Stage *stage)
{
  engine_free(stage->engine);
  for (uint32_t k = 0; k < stage->ensemble->parts; ++k) {
    cenote_voice_free(stage->ensemble->part[k].voice);
    cenote_resampler_free(stage->ensemble->part[k].resampler);
  }
  free(stage->ensemble);
  ring_free(stage->commands);
  ring_free(stage->events);
  ring_free(stage->tap);
}

/// One block after the cues of voices first, first + 1, ... that are due.
static void play_block(Stage *stage, uint32_t block, uint32_t first, uint32_t frames,
                       uint32_t shares)
{
  float out[ENGINE_CHANNELS * 100];
  for (size_t i = 0; i < sizeof cues / sizeof *cues; ++i) {
    const Cue *cue = &cues[i];
    if (cue->block != block || cue->voice - first >= stage->ensemble->parts) continue;
    const Command command = {.kind = cue->kind, .voice = cue->voice - first, .whole = cue->whole};
    assert_true(ring_write(stage->commands, &command, 1));
  }
  assert_true(engine_begin(stage->engine, frames) <= stage->ensemble->parts);
  for (uint32_t i = shares; i-- > 0;) engine_run(stage->engine, i, shares);
  engine_end(stage->engine, out);
}

static void each_voice_sounds_as_it_does_alone(void **state)
{
  static const struct {
    double rate_hz;
    uint32_t frames;
    uint32_t shares;
  } cases[] = {{16000.0, 100, 2}, {48000.0, 64, 1}, {48000.0, 100, 3}, {44100.0, 17, 5}};
  const CenoteModel *model = *state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    const uint32_t frames = cases[i].frames;
    Stage all = stage_new(model, cases[i].rate_hz, VOICES, 1);
    Stage alone[VOICES];
    for (uint32_t v = 0; v < VOICES; ++v) alone[v] = stage_new(model, cases[i].rate_hz, 1, 1 + v);
    for (uint32_t b = 0; b < BLOCKS; ++b) {
      play_block(&all, b, 0, frames, cases[i].shares);
      for (uint32_t v = 0; v < VOICES; ++v) {
        play_block(&alone[v], b, v, frames, 1);
        assert_memory_equal(all.ensemble->part[v].sound, alone[v].ensemble->part[0].sound,
                            frames * sizeof(float));
      }
    }
    for (uint32_t v = 0; v < VOICES; ++v) stage_free(&alone[v]);
    stage_free(&all);
  }
}

/// Chunks neither drop nor repeat a step: the engine's sound is that of all steps at once.
static void a_resampled_voice_is_its_steps_resampled(void **state)
{
  static float steps[FRAMES];
  static float want[FRAMES];
  CenoteVoice *voice;
  CenoteResampler *resampler;
  uint32_t used;
  uint32_t made;
  assert_int_equal(cenote_voice_new(*state, &voice), CENOTE_OK);
  cenote_voice_set_seed(voice, 3);
  cenote_voice_render(voice, steps, FRAMES);
  assert_int_equal(cenote_resampler_new(16000.0, 44100.0, CENOTE_LIVE, &resampler), CENOTE_OK);
  cenote_resampler_process(resampler, steps, FRAMES, &used, want, FRAMES, &made, false);
  assert_int_equal(made, FRAMES);
  Stage stage = stage_new(*state, 44100.0, VOICES, 1);
  for (uint32_t b = 0; b < BLOCKS; ++b) {
    play_block(&stage, b, 0, 100, 2);
    const float *sound = stage.ensemble->part[2].sound; // the one without a cue, seed 3
    assert_true(golden_distance(sound, want + (size_t)b * 100, 100) == 0.0);
  }
  stage_free(&stage);
  cenote_resampler_free(resampler);
  cenote_voice_free(voice);
}

/// The sound of voice v, its stops cut out; NaN where it fades. Length in *count.
static void play_alone(const CenoteModel *model, double rate_hz, uint32_t v, bool cued, float *out,
                       uint32_t *count)
{
  Stage stage = stage_new(model, rate_hz, 1, 1);
  Part *part = &stage.ensemble->part[0];
  *count = 0;
  for (uint32_t b = 0; b < BLOCKS; ++b) {
    const bool before = part->run.now == 1.0f;
    const uint64_t made = cenote_voice_steps(part->voice);
    play_block(&stage, b, cued ? v : VOICES, 100, 1);
    const bool moved = part->run.now > 0.0f || before || cenote_voice_steps(part->voice) != made;
    if (!moved) continue;
    const bool whole = before && part->run.now == 1.0f;
    for (uint32_t i = 0; i < 100; ++i) out[*count + i] = whole ? part->sound[i] : 2.0f;
    *count += 100;
  }
  stage_free(&stage);
}

static void standing_still_loses_nothing(void **state)
{
  static float still[FRAMES];
  static float on[FRAMES];
  uint32_t count;
  uint32_t all;
  for (int rate = 0; rate < 2; ++rate) {
    const double rate_hz = rate == 0 ? 16000.0 : 48000.0;
    play_alone(*state, rate_hz, 3, true, still, &count);
    play_alone(*state, rate_hz, 3, false, on, &all);
    assert_int_equal(all, FRAMES);
    assert_true(count > FRAMES / 3 && count < FRAMES - 3000);
    uint32_t same = 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (still[i] == 2.0f) continue;
      assert_true(still[i] == on[i]);
      ++same;
    }
    assert_true(same > FRAMES / 4);
  }
}

/// So that they share their calls again, whenever a voice began: but for a step, as a stop is no
/// whole number of them.
static void a_voice_that_stood_still_takes_its_chunks_with_the_others(void **state)
{
  Stage stage = stage_new(*state, 48000.0, VOICES, 1);
  uint64_t before[VOICES] = {0};
  uint32_t chunks = 0;
  uint32_t together[VOICES] = {0};
  for (uint32_t b = 0; b < 400; ++b) {
    play_block(&stage, b, 0, 17, 2);
    bool took[VOICES];
    for (uint32_t v = 0; v < VOICES; ++v) {
      const uint64_t steps = cenote_voice_steps(stage.ensemble->part[v].voice);
      took[v] = steps != before[v];
      before[v] = steps;
    }
    if (b < 100 || !took[2]) continue;
    ++chunks;
    for (uint32_t v = 0; v < VOICES; ++v) together[v] += took[v];
  }
  assert_in_range(chunks, 300 * 17 / 3 / ENGINE_CHUNK - 2, 300 * 17 / 3 / ENGINE_CHUNK + 2);
  for (uint32_t v = 0; v < VOICES; ++v)
    assert_in_range(together[v], chunks * 3 / 4, chunks); // a step is about a fifth of a block
  stage_free(&stage);
}

static int load(void **state)
{
  char path[512];
  golden_path("tiny.safetensors", path);
  return cenote_model_load(path, (CenoteModel **)state, NULL) == CENOTE_OK ? 0 : -1;
}

static int unload(void **state)
{
  cenote_model_free(*state);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_voice_sounds_as_it_does_alone),
      cmocka_unit_test(a_resampled_voice_is_its_steps_resampled),
      cmocka_unit_test(standing_still_loses_nothing),
      cmocka_unit_test(a_voice_that_stood_still_takes_its_chunks_with_the_others),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
