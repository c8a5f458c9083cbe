// SPDX-License-Identifier: ISC
// The engine with other numbers of output channels than two: where a voice is heard, how loud, and
// that it gets there without a click. A voice's mono sound is what its gains are measured by.
#include "stage.h"
#include "voices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAMES = 4000, BLOCK = 64, RATE_HZ = 16000 };
static const uint32_t ramp = (uint32_t)(RATE_HZ * ENGINE_RAMP_S) + 1;

/// What is said to voice 0 when.
typedef struct Cue {
  uint64_t frame;
  CommandKind kind;
  double number;
} Cue;

static Stage *begin(const CenoteModel *model, uint32_t channels, float pan, bool wet)
{
  Stage *stage = stage_new(&(StageOptions){.model = model,
                                           .rate_hz = RATE_HZ,
                                           .voices = 1,
                                           .channels = channels,
                                           .seed = 5,
                                           .wet = wet});
  PartSet set = engine_part(stage->engine, 0)->set;
  set.pan = pan;
  set.level = 0.4f; // two of them, one fading, are not cut off at 1
  engine_dress(stage->engine, 0, &set);
  return stage;
}

static void play(const CenoteModel *model, uint32_t channels, float pan, bool wet, const Cue *cue,
                 size_t cues, float *out)
{
  Stage *stage = begin(model, channels, pan, wet);
  for (size_t i = 0; i < cues; ++i)
    stage_send(stage, (Command){.kind = cue[i].kind, .due = cue[i].frame, .number = cue[i].number});
  stage_play(stage, out, FRAMES, BLOCK, 1);
  stage_free(stage);
}

static const Cue turns[] = {{500, COMMAND_PAN, 0.75},   {540, COMMAND_PAN, -0.2},
                            {1500, COMMAND_PAN, -1.0},  {2000, COMMAND_PAN, 0.999},
                            {2500, COMMAND_PAN, 0.375}, {3000, COMMAND_PAN, 0.0}};
enum { TURNS = sizeof turns / sizeof *turns };

static void one_channel_is_the_left_of_two_at_the_centre(void **state)
{
  static float mono[FRAMES];
  static float stereo[2 * FRAMES];
  for (int wet = 0; wet < 2; ++wet) {
    play(*state, 1, 0.7f, wet, turns, TURNS, mono); // pan has no effect
    play(*state, 2, 0.0f, wet, NULL, 0, stereo);
    for (uint32_t i = 0; i < FRAMES; ++i) {
      assert_true(mono[i] == stereo[2 * i]);
      assert_true(mono[i] == stereo[2 * i + 1]);
    }
  }
}

static float law(double pan, bool right)
{
  const float away = right ? -(float)pan : (float)pan;
  if (away <= 0.0f) return 1.0f;
  return away >= 1.0f ? 0.0f : sqrtf(1.0f - away * away);
}

/// Bit for bit: mono times ramps that are made here.
static void two_channels_are_the_stereo_that_they_were(void **state)
{
  static float mono[FRAMES];
  static float stereo[2 * FRAMES];
  play(*state, 1, 0.0f, false, NULL, 0, mono);
  play(*state, 2, 0.0f, false, turns, TURNS, stereo);
  for (int right = 0; right < 2; ++right) {
    Ramp gain;
    ramp_set(&gain, 1.0f);
    size_t turn = 0;
    for (uint32_t i = 0; i < FRAMES; ++i) {
      if (turn < TURNS && turns[turn].frame == i)
        ramp_to(&gain, law(turns[turn++].number, right), ramp);
      assert_true(stereo[2 * i + (uint32_t)right] == mono[i] * ramp_next(&gain));
    }
  }
}

static double power(const float *frame, uint32_t channels)
{
  double sum = 0.0;
  for (uint32_t c = 0; c < channels; ++c) sum += (double)frame[c] * (double)frame[c];
  return sum;
}

static void the_power_is_the_same_all_around_the_ring(void **state)
{
  static float mono[FRAMES];
  static float out[ENGINE_CHANNELS * FRAMES];
  play(*state, 1, 0.0f, false, NULL, 0, mono);
  for (uint32_t n = 3; n <= ENGINE_CHANNELS; ++n)
    for (int step = -24; step <= 24; ++step) {
      play(*state, n, (float)step / 24.0f, false, NULL, 0, out);
      uint32_t heard = 0;
      for (uint32_t i = 0; i < FRAMES; ++i) {
        const double want = (double)mono[i] * (double)mono[i];
        assert_true(fabs(power(out + n * i, n) - want) <= 1e-6 * want); // roundings of float
        for (uint32_t c = 0; c < n; ++c)
          if (out[n * i + c] != 0.0f) heard |= 1u << c;
      }
      // One output, or two that are neighbours.
      bool good = false;
      for (uint32_t c = 0; c < n; ++c) good = good || (heard & ~(1u << c | 1u << (c + 1) % n)) == 0;
      assert_true(good && heard != 0);
    }
}

static void the_front_is_between_the_first_two_and_the_rest_follow_clockwise(void **state)
{
  static float mono[FRAMES];
  static float out[ENGINE_CHANNELS * FRAMES];
  static float rear[ENGINE_CHANNELS * FRAMES];
  for (int wet = 0; wet < 2; ++wet) {
    play(*state, 1, 0.0f, wet, NULL, 0, mono);
    for (uint32_t n = 3; n <= ENGINE_CHANNELS; ++n) {
      play(*state, n, 0.0f, false, NULL, 0, out);
      for (uint32_t i = 0; i < FRAMES; ++i) assert_true(out[n * i] == out[n * i + 1]);
      play(*state, n, 1.0f, false, NULL, 0, out);
      play(*state, n, -1.0f, false, NULL, 0, rear);
      assert_memory_equal(out, rear, n * FRAMES * sizeof *out);
    }
    // Of four: -1/4 is the first, then each quarter of the way around; with filters of its own.
    for (uint32_t c = 0; c < 4; ++c) {
      play(*state, 4, -0.25f + 0.5f * (float)c - (c == 3 ? 2.0f : 0.0f), wet, NULL, 0, out);
      for (uint32_t i = 0; i < FRAMES; ++i)
        for (uint32_t k = 0; k < 4; ++k) assert_true(out[4 * i + k] == (k == c ? mono[i] : 0.0f));
    }
  }
}

/// No gain moves further from frame to frame than a ramp's step over its full way.
static void a_direction_is_reached_without_a_click(void **state)
{
  static float mono[FRAMES];
  static float out[ENGINE_CHANNELS * FRAMES];
  play(*state, 1, 0.0f, false, NULL, 0, mono);
  for (uint32_t n = 3; n <= ENGINE_CHANNELS; ++n) {
    play(*state, n, 0.0f, false, turns, TURNS, out);
    bool moved = false;
    for (uint32_t c = 0; c < n; ++c) {
      double before = 0.0;
      uint32_t at = 0;
      for (uint32_t i = 0; i < FRAMES; ++i) {
        if (fabsf(mono[i]) < 1e-3f) continue; // tells nothing
        const double gain = (double)out[n * i + c] / (double)mono[i];
        if (at > 0 && gain != before) moved = true;
        if (at > 0) assert_true(fabs(gain - before) <= 1.001 * (i - at) / ramp + 1e-6);
        before = gain;
        at = i;
      }
    }
    assert_true(moved);
  }
}

/// Crossfades, and what glides after one was cut off, go to all channels alike.
static void what_fades_does_so_on_every_channel(void **state)
{
  static const Cue cues[] = {{1000, COMMAND_RESET, 0.0},
                             {1030, COMMAND_RESET, 0.0},
                             {1050, COMMAND_RESET, 0.0},
                             {2000, COMMAND_GAIN, 0.1},
                             {2500, COMMAND_RESET, 0.0}};
  static float mono[FRAMES];
  static float out[ENGINE_CHANNELS * FRAMES];
  play(*state, 1, 0.0f, false, cues, 5, mono);
  for (uint32_t n = 3; n <= ENGINE_CHANNELS; ++n) {
    play(*state, n, 0.9f, false, cues, 5, out);
    double gain[ENGINE_CHANNELS];
    for (uint32_t c = 0; c < n; ++c) {
      uint32_t i = 0;
      while (fabsf(mono[i]) < 0.05f) ++i;
      gain[c] = (double)out[n * i + c] / (double)mono[i];
      for (i = 0; i < FRAMES; ++i)
        assert_true(fabs((double)out[n * i + c] - gain[c] * (double)mono[i]) < 1e-6);
    }
    assert_true(gain[(uint32_t)(0.45 * n + 1.0)] > 0.7); // the nearest to 0.9
  }
}

static void recordings_have_all_channels(void **state)
{
  enum { CHANNELS = 5 };
  static float out[CHANNELS * FRAMES];
  static float taken[CHANNELS * FRAMES];
  Stage *stage = begin(*state, CHANNELS, -0.6f, false);
  for (int32_t t = 0; t < 2; ++t) {
    Ring *ring = ring_new(FRAMES, CHANNELS * sizeof(float));
    stage_send(stage, (Command){.kind = COMMAND_TAP, .voice = -t, .slot = 0, .object = ring});
    stage_play(stage, out, FRAMES, BLOCK, 1);
    stage_send(stage, (Command){.kind = COMMAND_TAP, .slot = 0});
    assert_int_equal(ring_read(ring, taken, FRAMES + 1), FRAMES);
    assert_memory_equal(taken, out, sizeof out);
    stage_play(stage, out, BLOCK, BLOCK, 1);
    assert_int_equal(stage->seen[EVENT_TAP], t + 1);
    ring_free(ring);
  }
  stage_free(stage);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_channel_is_the_left_of_two_at_the_centre),
      cmocka_unit_test(two_channels_are_the_stereo_that_they_were),
      cmocka_unit_test(the_power_is_the_same_all_around_the_ring),
      cmocka_unit_test(the_front_is_between_the_first_two_and_the_rest_follow_clockwise),
      cmocka_unit_test(a_direction_is_reached_without_a_click),
      cmocka_unit_test(what_fades_does_so_on_every_channel),
      cmocka_unit_test(recordings_have_all_channels),
  };
  return cmocka_run_group_tests(tests, voices_load, voices_unload);
}
