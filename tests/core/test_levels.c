// SPDX-License-Identifier: ISC
// The controls of the levels: exactly nothing at neutral values, what they say at others.
#include "golden.h"
#include "voices.h"

#include "rt/rt.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 200 };

static void neutral_values_change_no_bit(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    CenoteModel *model = voices_model(*name);
    CenoteVoice *plain = voices_new(model, 7);
    CenoteVoice *set = voices_new(model, 7);
    float want[STEPS];
    float got[STEPS];
    for (uint32_t i = 0; i < 9; ++i) {
      cenote_voice_set_level_gain(set, i, 3.0f);
      cenote_voice_set_level_freeze(set, i, true);
      cenote_voice_set_level_clock(set, i, 0.3f);
      cenote_voice_set_level_noise(set, i, 0.5f);
      cenote_voice_set_level_gain(set, i, 1.0f);
      cenote_voice_set_level_freeze(set, i, false);
      cenote_voice_set_level_clock(set, i, 1.0f);
      cenote_voice_set_level_noise(set, i, 0.0f);
    }
    cenote_voice_render(plain, want, STEPS);
    cenote_voice_render(set, got, STEPS);
    assert_memory_equal(got, want, sizeof got);
    void *a = voices_saved(plain);
    void *b = voices_saved(set);
    assert_memory_equal(a, b, model->info.state_bytes);
    free(a);
    free(b);
    cenote_voice_free(plain);
    cenote_voice_free(set);
    cenote_model_free(model);
  }
}

static void a_neutral_voice_that_steps_alone_makes_the_same_bits(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    CenoteModel *model = voices_model(*name);
    CenoteVoice *together = voices_new(model, 7);
    CenoteVoice *alone = voices_new(model, 7);
    float want[STEPS];
    float got[STEPS];
    cenote_voice_render(together, want, STEPS);
    alone->even = false; // as if a control were not neutral
    cenote_voice_render(alone, got, STEPS);
    assert_memory_equal(got, want, sizeof got);
    assert_memory_equal(alone->state, together->state, model->info.state_bytes);
    cenote_voice_free(together);
    cenote_voice_free(alone);
    cenote_model_free(model);
  }
}

typedef void Turn(CenoteVoice *voice, uint32_t level);

static void louder(CenoteVoice *voice, uint32_t level)
{
  cenote_voice_set_level_gain(voice, level, 2.0f);
}

static void mute(CenoteVoice *voice, uint32_t level)
{
  cenote_voice_set_level_gain(voice, level, 0.0f);
}

static void freeze(CenoteVoice *voice, uint32_t level)
{
  cenote_voice_set_level_freeze(voice, level, true);
}

static void slower(CenoteVoice *voice, uint32_t level)
{
  cenote_voice_set_level_clock(voice, level, 0.7f);
}

static void faster(CenoteVoice *voice, uint32_t level)
{
  cenote_voice_set_level_clock(voice, level, 2.0f);
}

static void noise(CenoteVoice *voice, uint32_t level)
{
  cenote_voice_set_level_noise(voice, level, 0.5f);
}

static Turn *const turns[] = {
    louder, mute, freeze, slower, faster, noise, cenote_voice_level_tick, cenote_voice_level_reset};
enum { TURNS = sizeof turns / sizeof *turns };

static void each_control_of_each_level_changes_the_sound(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  const size_t bytes = model->info.state_bytes;
  CenoteVoice *voice = voices_new(model, 7);
  float want[STEPS];
  float got[STEPS];
  cenote_voice_render(voice, want, STEPS);
  void *start = voices_saved(voice);
  cenote_voice_render(voice, want, STEPS);
  for (uint32_t level = 0; level < model->levels; ++level)
    for (size_t i = 0; i < TURNS; ++i) {
      assert_int_equal(cenote_voice_restore(voice, start, bytes), CENOTE_OK);
      turns[i](voice, level);
      cenote_voice_render(voice, got, STEPS);
      if (memcmp(got, want, sizeof got) == 0) fail_msg("control %zu of level %u", i, level);
      assert_true(cenote_voice_finite(voice));
    }
  free(start);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void a_frozen_level_and_those_below_it_hold(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("no_unet");
  for (uint32_t frozen = 1; frozen < model->levels; ++frozen) {
    CenoteVoice *voice = voices_new(model, 3);
    float sound[STEPS];
    uint64_t memory[CN_MAX_LEVELS];
    cenote_voice_render(voice, sound, STEPS);
    for (uint32_t i = 0; i < model->levels; ++i) memory[i] = voices_memory(voice, i);
    cenote_voice_set_level_freeze(voice, frozen, true);
    cenote_voice_render(voice, sound, STEPS);
    for (uint32_t i = 0; i < model->levels; ++i)
      assert_int_equal(voices_memory(voice, i) == memory[i], i >= frozen);
    cenote_voice_set_level_freeze(voice, frozen, false);
    cenote_voice_render(voice, sound, STEPS);
    for (uint32_t i = 0; i < model->levels; ++i) assert_true(voices_memory(voice, i) != memory[i]);
    cenote_voice_free(voice);
  }
  cenote_model_free(model);
}

static void level_0_frozen_holds_its_sample_and_draws_nothing(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  CenoteVoice *voice = voices_new(model, 3);
  float want[3];
  float sound[STEPS];
  cenote_voice_render(voice, want, 3);
  cenote_voice_reset(voice);
  cenote_voice_set_seed(voice, 3);
  cenote_voice_render(voice, sound, 1);
  cenote_voice_set_level_freeze(voice, 0, true);
  cenote_voice_render(voice, sound, STEPS);
  for (int i = 0; i < STEPS; ++i) assert_true(sound[i] == want[0]);
  assert_true(cenote_voice_steps(voice) == 1 && voice->state->draws == 1);
  cenote_voice_level_tick(voice, 0);
  cenote_voice_render(voice, sound, STEPS);
  for (int i = 0; i < STEPS; ++i) assert_true(sound[i] == want[1]);
  cenote_voice_set_level_freeze(voice, 0, false);
  cenote_voice_render(voice, sound, 1);
  assert_true(sound[0] == want[2]);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void the_clock_of_level_0_is_steps_a_sample(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  CenoteVoice *voice = voices_new(model, 3);
  float want[2 * STEPS];
  float got[2 * STEPS];
  cenote_voice_render(voice, want, 2 * STEPS);
  cenote_voice_reset(voice);
  cenote_voice_set_seed(voice, 3);
  cenote_voice_set_level_clock(voice, 0, 2.0f);
  cenote_voice_render(voice, got, STEPS);
  for (int i = 0; i < STEPS; ++i) assert_true(got[i] == want[2 * i + 1]);
  cenote_voice_reset(voice);
  cenote_voice_set_seed(voice, 3);
  cenote_voice_set_level_clock(voice, 0, 0.5f);
  cenote_voice_render(voice, got, 2 * STEPS);
  for (int i = 0; i < STEPS; ++i) assert_true(got[2 * i + 1] == want[i]);
  for (int i = 0; i + 1 < STEPS; ++i) assert_true(got[2 * i + 2] == want[i]);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void the_clock_sets_how_often_a_level_runs(void **state)
{
  (void)state;
  // tiny's levels run every 1, 2 and 8 steps. Each row: level, clock, runs of each in 800 steps.
  static const struct {
    uint32_t level;
    float clock;
    uint64_t runs[3];
  } want[] = {
      {1, 1.0f, {800, 400, 100}}, {1, 0.5f, {800, 200, 50}},   {1, 2.0f, {800, 800, 200}},
      {1, 0.0f, {800, 0, 0}},     {1, 2.5f, {800, 1000, 250}}, {2, 0.25f, {800, 400, 25}},
      {2, 4.0f, {800, 400, 400}}, {0, 2.0f, {1600, 800, 200}},
  };
  CenoteModel *model = voices_model("tiny");
  float sound[800];
  for (size_t i = 0; i < sizeof want / sizeof *want; ++i) {
    CenoteVoice *voice = voices_new(model, 3);
    cenote_voice_set_level_clock(voice, want[i].level, want[i].clock);
    cenote_voice_render(voice, sound, 800);
    for (uint32_t k = 0; k < 3; ++k)
      assert_int_equal(cenote_voice_level_runs(voice, k), want[i].runs[k]);
    cenote_voice_free(voice);
  }
  cenote_model_free(model);
}

static void a_tick_is_one_run_where_there_would_be_none(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  float sound[STEPS];
  for (int frozen = 0; frozen < 2; ++frozen) {
    CenoteVoice *voice = voices_new(model, 3);
    if (frozen) cenote_voice_set_level_freeze(voice, 1, true);
    else cenote_voice_set_level_clock(voice, 1, 0.0f);
    cenote_voice_render(voice, sound, STEPS);
    assert_int_equal(cenote_voice_level_runs(voice, 1), 0);
    cenote_voice_level_tick(voice, 1);
    cenote_voice_level_tick(voice, 1);
    cenote_voice_render(voice, sound, 1);
    assert_int_equal(cenote_voice_level_runs(voice, 1), 0); // not due
    cenote_voice_render(voice, sound, 1);
    assert_int_equal(cenote_voice_level_runs(voice, 1), 1);
    cenote_voice_render(voice, sound, STEPS);
    assert_int_equal(cenote_voice_level_runs(voice, 1), 2);
    for (int i = 0; i < 100; ++i) cenote_voice_level_tick(voice, 1);
    cenote_voice_render(voice, sound, STEPS);
    assert_int_equal(cenote_voice_level_runs(voice, 1), 2 + CN_TICKS);
    cenote_voice_free(voice);
  }
  cenote_model_free(model);
}

static void reset_zeros_one_level(void **state)
{
  (void)state;
  static const char *const names[] = {"cnn", "mixed", "tiny"};
  float sound[STEPS];
  for (size_t n = 0; n < 3; ++n) {
    CenoteModel *model = voices_model(names[n]);
    for (uint32_t level = 0; level < model->levels; ++level) {
      CenoteVoice *voice = voices_new(model, 3);
      uint64_t memory[CN_MAX_LEVELS];
      cenote_voice_render(voice, sound, STEPS - 3);
      for (uint32_t i = 0; i < model->levels; ++i) memory[i] = voices_memory(voice, i);
      const float had = voices_most(voice, level);
      assert_true(had > 0.0f || (n == 1 && level == 0)); // mixed has no blocks there
      cenote_voice_level_reset(voice, level);
      for (uint32_t i = 0; i < model->levels; ++i)
        assert_true((voices_memory(voice, i) == memory[i]) == (i != level || had == 0.0f));
      assert_true(voices_most(voice, level) == 0.0f);
      cenote_voice_level_reset(voice, 99);
      cenote_voice_free(voice);
    }
    cenote_model_free(model);
  }
}

static void noise_is_a_function_of_the_seed(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  CenoteVoice *voice = voices_new(model, 3);
  uint64_t memory[4];
  float sound[STEPS];
  uint8_t codes[STEPS] = {0};
  static const uint64_t seeds[4] = {3, 3, 4, 3};
  for (int i = 0; i < 4; ++i) {
    cenote_voice_reset(voice);
    cenote_voice_set_seed(voice, seeds[i]);
    cenote_voice_set_level_noise(voice, 1, i < 3 ? 0.5f : 0.6f);
    cenote_voice_listen(voice, codes, STEPS, NULL); // the same codes whatever the seed
    memory[i] = voices_memory(voice, 1);
  }
  assert_true(memory[0] == memory[1]);
  assert_true(memory[0] != memory[2]);
  assert_true(memory[0] != memory[3]);
  cenote_voice_render(voice, sound, STEPS);
  assert_true(voice->state->draws == STEPS);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void noise_is_near_gaussian_and_as_loud_as_asked(void **state)
{
  (void)state;
  enum { SIZE = 4096, ROUNDS = 50 };
  CnState *voice = calloc(1, sizeof *voice + SIZE * sizeof(float));
  assert_non_null(voice);
  const CnBlock block = {.entry = CN_LRU, .hidden = SIZE};
  voice->control[2].noise = 0.25f;
  const double grown = sqrt(1.0 + 0.25 * 0.25); // what is taken back
  double mean = 0.0;
  double square = 0.0;
  double fourth = 0.0;
  for (uint64_t round = 0; round < ROUNDS; ++round) {
    voice->runs[2] = round;
    for (int k = 0; k < SIZE; ++k) voice->number[k] = k % 2 ? 4.0f : -4.0f; // rms 4, so noise of 1
    cn_level_noise(voice, &block, 2);
    for (int k = 0; k < SIZE; ++k) {
      const double n = (double)voice->number[k] * grown - (k % 2 ? 4.0 : -4.0);
      mean += n;
      square += n * n;
      fourth += n * n * n * n;
    }
  }
  const double count = (double)SIZE * ROUNDS; // 2e5: standard errors 0.002, 0.003, 0.012
  assert_true(fabs(mean / count) < 0.01);
  assert_true(fabs(square / count - 1.0) < 0.015);
  assert_true(fabs(fourth / count - 2.7) < 0.06); // four uniforms: 3 - 1.2 / 4
  free(voice);
}

static void the_most_noise_leaves_a_voice_alive(void **state)
{
  (void)state;
  float sound[STEPS];
  for (const char *const *name = golden_names; *name; ++name) {
    CenoteModel *model = voices_model(*name);
    CenoteVoice *voice = voices_new(model, 3);
    for (uint32_t level = 0; level < model->levels; ++level)
      cenote_voice_set_level_noise(voice, level, 1.0f);
    for (int i = 0; i < 40; ++i) cenote_voice_render(voice, sound, STEPS);
    assert_true(cenote_voice_finite(voice));
    for (uint32_t level = 0; level < model->levels; ++level)
      assert_true(voices_most(voice, level) < 1e3f); // grew past 1e30 when noise only added
    cenote_voice_free(voice);
    cenote_model_free(model);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(neutral_values_change_no_bit),
      cmocka_unit_test(a_neutral_voice_that_steps_alone_makes_the_same_bits),
      cmocka_unit_test(each_control_of_each_level_changes_the_sound),
      cmocka_unit_test(a_frozen_level_and_those_below_it_hold),
      cmocka_unit_test(level_0_frozen_holds_its_sample_and_draws_nothing),
      cmocka_unit_test(the_clock_of_level_0_is_steps_a_sample),
      cmocka_unit_test(the_clock_sets_how_often_a_level_runs),
      cmocka_unit_test(a_tick_is_one_run_where_there_would_be_none),
      cmocka_unit_test(reset_zeros_one_level),
      cmocka_unit_test(noise_is_a_function_of_the_seed),
      cmocka_unit_test(noise_is_near_gaussian_and_as_loud_as_asked),
      cmocka_unit_test(the_most_noise_leaves_a_voice_alive),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
