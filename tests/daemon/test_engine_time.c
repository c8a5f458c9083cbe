// SPDX-License-Identifier: ISC
// What is due at a frame is done at that very frame, at the model's rate and at others, however
// time is cut into blocks.
#include "stage.h"
#include "voices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAMES = 6000, LONG = 60000 };

static const double rates[] = {16000.0, 48000.0, 44100.0};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((*seed >> 33) % below);
}

/// One voice, which stands still when it does not run.
static Stage *solo(const CenoteModel *model, double rate_hz, bool run)
{
  Stage *stage =
      stage_new(&(StageOptions){.model = model, .rate_hz = rate_hz, .voices = 1, .seed = 1});
  PartSet set = engine_part(stage->engine, 0)->set;
  set.run = run;
  engine_dress(stage->engine, 0, &set);
  return stage;
}

/// want[frames] of steps at the model's rate, as the output has them.
static void resample(const float *steps, uint32_t count, double rate_hz, float *want,
                     uint32_t frames)
{
  CenoteResampler *resampler;
  uint32_t used;
  uint32_t made = frames;
  if (rate_hz == 16000.0) {
    memcpy(want, steps, frames * sizeof *want);
  } else {
    assert_int_equal(cenote_resampler_new(16000.0, rate_hz, CENOTE_LIVE, &resampler), CENOTE_OK);
    cenote_resampler_process(resampler, steps, count, &used, want, frames, &made, false);
    cenote_resampler_free(resampler);
  }
  assert_int_equal(made, frames);
  for (uint32_t i = 0; i < frames; ++i) want[i] = fmaxf(-1.0f, fminf(want[i], 1.0f));
}

/// The sound of a state, from its first step on.
static void sound_of(const CenoteModel *model, const Moment *moment, double rate_hz, float *want,
                     uint32_t frames)
{
  static float steps[FRAMES];
  CenoteVoice *voice = voices_new(model, 0);
  assert_int_equal(cenote_voice_restore(voice, moment->state, moment->bytes), CENOTE_OK);
  cenote_voice_render(voice, steps, FRAMES);
  cenote_voice_free(voice);
  resample(steps, FRAMES, rate_hz, want, frames);
}

static void a_trigger_begins_at_its_very_frame(void **state)
{
  static float want[FRAMES];
  static float out[FRAMES * ENGINE_STEREO];
  uint64_t seed = 1;
  for (int r = 0; r < 3; ++r) {
    Moment *moment = stage_moment(*state, 5, 321);
    sound_of(*state, moment, rates[r], want, 1000);
    free(moment);
    for (int trial = 0; trial < 200; ++trial) {
      const uint32_t frame = 1 + draw(&seed, 3000);
      Stage *stage = solo(*state, rates[r], false);
      stage_send(stage, (Command){.kind = COMMAND_PUT, .object = stage_moment(*state, 5, 321)});
      stage_send(stage, (Command){.kind = COMMAND_TRIGGER,
                                  .voice = ENGINE_ANY,
                                  .due = frame,
                                  .gain = 1.0f,
                                  .pan = NAN,
                                  .key = -1});
      stage_play(stage, out, frame + 1000, 1 + draw(&seed, 1500), 1);
      for (uint32_t i = 0; i < frame; ++i) assert_true(out[2 * i] == 0.0f);
      for (uint32_t i = 0; i < 1000; ++i) assert_true(out[2 * (frame + i)] == want[i]);
      stage_free(stage);
    }
  }
}

static void a_control_changes_at_its_step(void **state)
{
  static float steps[FRAMES];
  static float want[FRAMES];
  static float out[FRAMES * ENGINE_STEREO];
  uint64_t seed = 2;
  for (int trial = 0; trial < 150; ++trial) {
    const double rate_hz = rates[trial % 3];
    const uint32_t frame = 1500 + draw(&seed, 2000);
    const bool reseed = draw(&seed, 2);
    const uint32_t step = (uint32_t)ceil(frame * 16000.0 / rate_hz - 1e-6);
    CenoteVoice *voice = voices_new(*state, 1);
    cenote_voice_render(voice, steps, step);
    if (reseed) cenote_voice_set_seed(voice, 77);
    else cenote_voice_set_temperature(voice, 0.3f);
    cenote_voice_render(voice, steps + step, FRAMES - step);
    cenote_voice_free(voice);
    resample(steps, FRAMES, rate_hz, want, 5000);
    Stage *stage = solo(*state, rate_hz, true);
    stage_send(stage, (Command){.kind = reseed ? COMMAND_SEED : COMMAND_TEMPERATURE,
                                .due = frame,
                                .whole = 77,
                                .number = 0.3});
    stage_play(stage, out, 5000, 1 + draw(&seed, 1500), 1);
    for (uint32_t i = 0; i < 5000; ++i) assert_true(out[2 * i] == want[i]);
    stage_free(stage);
  }
}

/// Slots 0 to 2; slot 3 is filled by saves.
static void put_slots(Stage *stage)
{
  for (uint32_t k = 0; k < 3; ++k)
    stage_send(stage, (Command){.kind = COMMAND_PUT,
                                .slot = k,
                                .object = stage_moment(stage->options.model, k, 100 + k)});
}

/// Something random, due at a frame.
static Command anything(Stage *stage, uint64_t *seed, uint64_t due)
{
  static const CommandKind kinds[] = {
      COMMAND_SEED,        COMMAND_TEMPERATURE, COMMAND_TOP_K,       COMMAND_TOP_P,
      COMMAND_LEVEL_GAIN,  COMMAND_LEVEL_CLOCK, COMMAND_LEVEL_NOISE, COMMAND_LEVEL_TICK,
      COMMAND_LEVEL_RESET, COMMAND_SAVE,        COMMAND_RUN,         COMMAND_RESET,
      COMMAND_GAIN,        COMMAND_PAN,         COMMAND_ATTACK,      COMMAND_RELEASE,
      COMMAND_FADE,        COMMAND_TRIGGER,     COMMAND_TRIGGER,     COMMAND_NOTES_OFF,
      COMMAND_LOAD,        COMMAND_MORPH,       COMMAND_COPY,        COMMAND_REWIND,
      COMMAND_SPEED};
  Command command = {.kind = kinds[draw(seed, sizeof kinds / sizeof *kinds)],
                     .voice = (int32_t)draw(seed, 3),
                     .level = draw(seed, 3),
                     .slot = draw(seed, 4),
                     .slot_b = draw(seed, 4),
                     .due = due,
                     .whole = draw(seed, 3),
                     .number = draw(seed, 1000) * 1e-3,
                     .gain = 0.5f,
                     .pan = NAN,
                     .key = 1};
  if (command.kind == COMMAND_TRIGGER && draw(seed, 2)) command.voice = ENGINE_ANY;
  if (command.kind == COMMAND_TRIGGER) command.number *= 0.1;
  if (command.kind == COMMAND_TOP_K) command.whole = 200;
  if (command.kind == COMMAND_SPEED) command.number = 0.5 + command.number;
  if (command.kind >= COMMAND_ATTACK && command.kind <= COMMAND_FADE) command.number *= 20.0;
  if (command.kind == COMMAND_SAVE) command.slot = 3;
  if (command.kind == COMMAND_SAVE) command.object = stage_room(stage);
  return command;
}

static void perform(const CenoteModel *model, double rate_hz, uint64_t seed, uint32_t block,
                    float *out)
{
  Stage *stage = stage_new(&(StageOptions){
      .model = model, .rate_hz = rate_hz, .voices = 3, .past_bytes = 20000, .wet = true});
  put_slots(stage);
  uint64_t due = 2000;
  for (int i = 0; i < 300; ++i) {
    if (draw(&seed, 3)) due += draw(&seed, 300);
    stage_send(stage, anything(stage, &seed, due));
  }
  stage_play(stage, out, LONG, block, 1 + block % 3);
  stage_free(stage);
}

static void the_same_events_make_the_same_sound_in_any_blocks(void **state)
{
  static float want[LONG * ENGINE_STEREO];
  static float out[LONG * ENGINE_STEREO];
  static const uint32_t blocks[] = {64, 17, 8192, 441};
  for (uint64_t seed = 0; seed < 6; ++seed) {
    perform(*state, rates[seed % 3], seed, 1000, want);
    for (int b = 0; b < 4; ++b) {
      perform(*state, rates[seed % 3], seed, blocks[b], out);
      for (uint32_t i = 0; i < LONG * ENGINE_STEREO; ++i)
        if (out[i] != want[i])
          fail_msg("seed %d, blocks of %u: frame %u differs", (int)seed, blocks[b], i / 2);
    }
  }
}

static void at_one_frame_the_last_one_wins(void **state)
{
  static float out[FRAMES * ENGINE_STEREO];
  for (int r = 0; r < 3; ++r)
    for (int load_first = 0; load_first < 2; ++load_first) {
      Stage *stage = solo(*state, rates[r], true);
      put_slots(stage); // of temperature 1
      const Command order[] = {
          {.kind = load_first ? COMMAND_LOAD : COMMAND_TEMPERATURE, .due = 3000, .number = 0.5},
          {.kind = load_first ? COMMAND_TEMPERATURE : COMMAND_LOAD, .due = 3000, .number = 0.5}};
      for (int i = 0; i < 2; ++i) stage_send(stage, order[i]);
      stage_play(stage, out, 4000, 128, 1);
      const CenoteVoice *voice = engine_part(stage->engine, 0)->now->voice;
      assert_true(cenote_voice_temperature(voice) == (load_first ? 0.5f : 1.0f));
      stage_free(stage);
    }
}

static void a_note_ends_after_its_seconds(void **state)
{
  static float want[FRAMES];
  static float out[FRAMES * ENGINE_STEREO];
  uint64_t seed = 3;
  for (int r = 0; r < 3; ++r)
    for (int trial = 0; trial < 30; ++trial) {
      const uint32_t frame = 1 + draw(&seed, 2000);
      const uint32_t length = trial == 0 ? 0 : draw(&seed, 1000); // 0: the shortest there is
      const uint32_t release_ms = 1 + draw(&seed, 20);
      const uint32_t ramp = (uint32_t)(rates[r] * ENGINE_RAMP_S) + 1;
      uint32_t fall = (uint32_t)(rates[r] * release_ms * 1e-3 + 0.5);
      if (fall < ramp) fall = ramp;
      Stage *stage = solo(*state, rates[r], false);
      put_slots(stage);
      Moment *moment = stage_moment(*state, 0, 100);
      sound_of(*state, moment, rates[r], want, 3000);
      free(moment);
      stage_send(stage, (Command){.kind = COMMAND_RELEASE, .number = release_ms});
      stage_send(stage, (Command){.kind = COMMAND_TRIGGER,
                                  .due = frame,
                                  .number = trial == 0 ? 1e-9 : length / rates[r],
                                  .gain = 1.0f,
                                  .pan = NAN,
                                  .key = -1});
      stage_play(stage, out, 5000, 1 + draw(&seed, 500), 1);
      for (uint32_t i = 0; i < length; ++i) assert_true(out[2 * (frame + i)] == want[i]);
      const float *at = out + 2 * (size_t)(frame + (trial == 0 ? 1 : length));
      for (uint32_t i = 0; i + 1 < fall; ++i)
        if (trial > 0 && fabsf(want[length + i]) < 0.99f)
          assert_true(fabsf(at[2 * i] - want[length + i] * (1.0f - (float)(i + 1) / (float)fall)) <
                      1e-3f);
      for (uint32_t i = fall; i < 1000; ++i) assert_true(at[2 * i] == 0.0f);
      assert_int_equal(stage->seen[EVENT_ENDED], 1);
      assert_false(engine_part(stage->engine, 0)->set.run);
      stage_free(stage);
    }
}

/// Steps of the voice but for those that its resampler has read ahead.
static double heard_steps(const Stream *stream)
{
  const double ahead = stream->resampler ? stream->look : 0.0;
  return (double)cenote_voice_steps(stream->voice) - ahead;
}

static void speed_changes_how_long_it_takes(void **state)
{
  static float out[2 * FRAMES * ENGINE_STEREO];
  static const double speeds[] = {0.25, 0.5, 2.0, 4.0};
  for (int r = 0; r < 3; ++r)
    for (int s = 0; s < 4; ++s) {
      Stage *stage = solo(*state, rates[r], true);
      const Part *part = engine_part(stage->engine, 0);
      stage_send(stage, (Command){.kind = COMMAND_SPEED, .due = 2000, .number = speeds[s]});
      stage_play(stage, out, 2000, 77, 1);
      const double before = heard_steps(part->now);
      stage_play(stage, out, 10000, 77, 1);
      const double after = heard_steps(part->now);
      const double want = 10000.0 * 16000.0 / rates[r] * speeds[s];
      assert_true(fabs(after - before - want) < 3.0);
      stage_free(stage);
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_trigger_begins_at_its_very_frame),
      cmocka_unit_test(a_control_changes_at_its_step),
      cmocka_unit_test(at_one_frame_the_last_one_wins),
      cmocka_unit_test(a_note_ends_after_its_seconds),
      cmocka_unit_test(speed_changes_how_long_it_takes),
      cmocka_unit_test(the_same_events_make_the_same_sound_in_any_blocks),
  };
  return cmocka_run_group_tests(tests, voices_load, voices_unload);
}
