// SPDX-License-Identifier: ISC
// Voices go through the weights together; each makes what it makes alone, whatever the others do,
// in whatever blocks and shares, and standing still loses nothing of it. What waits may be ended
// early, dropped, or find no room: whoever asked hears so, and recordings end. A meter begins anew.
#include "golden.h"
#include "stage.h"
#include "voices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VOICES = 5, FRAMES = 12000 };

/// What is said to a voice when.
typedef struct Cue {
  uint64_t frame;
  int32_t voice;
  CommandKind kind;
  uint64_t whole;
} Cue;

// Voice 2 never hears a thing; 0 and 3 stand still, 3 twice and for long; 1 starts late.
static const Cue cues[] = {
    {1, 1, COMMAND_RUN, 0},    {700, 3, COMMAND_RUN, 0},    {977, 1, COMMAND_RUN, 1},
    {2000, 0, COMMAND_RUN, 0}, {2111, 4, COMMAND_RESET, 0}, {3300, 3, COMMAND_RUN, 1},
    {4000, 0, COMMAND_RUN, 1}, {5000, 3, COMMAND_RUN, 0},   {5200, 4, COMMAND_SEED, 99},
    {8500, 3, COMMAND_RUN, 1},
};

/// All voices, or one of them alone; the sound of voice `heard` alone, as its cues have it.
static void perform(const CenoteModel *model, double rate_hz, int32_t alone, int32_t heard,
                    uint32_t block, uint32_t shares, float *out)
{
  const bool all = alone < 0;
  Stage *stage = stage_new(&(StageOptions){.model = model,
                                           .rate_hz = rate_hz,
                                           .voices = all ? VOICES : 1,
                                           .seed = all ? 1 : 1 + (uint64_t)alone});
  for (int32_t v = 0; all && v < VOICES; ++v)
    if (v != heard) stage_send(stage, (Command){.kind = COMMAND_MUTE, .voice = v, .whole = 1});
  for (size_t i = 0; i < sizeof cues / sizeof *cues; ++i) {
    if (!all && cues[i].voice != alone) continue;
    stage_send(stage, (Command){.kind = cues[i].kind,
                                .voice = all ? cues[i].voice : 0,
                                .due = cues[i].frame,
                                .whole = cues[i].whole});
  }
  stage_play(stage, out, FRAMES, block, shares);
  stage_free(stage);
}

static void each_voice_sounds_as_it_does_alone(void **state)
{
  static const struct {
    double rate_hz;
    uint32_t block;
    uint32_t shares;
  } cases[] = {{16000.0, 100, 2}, {48000.0, 64, 1}, {48000.0, 1000, 3}, {44100.0, 17, 5}};
  static float together[FRAMES * ENGINE_STEREO];
  static float alone[FRAMES * ENGINE_STEREO];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    for (int32_t v = 0; v < VOICES; ++v) {
      perform(*state, cases[i].rate_hz, -1, v, cases[i].block, cases[i].shares, together);
      perform(*state, cases[i].rate_hz, v, v, 333, 1, alone);
      // The others are muted in 5 ms; then they are silent.
      const size_t from = (size_t)(cases[i].rate_hz * 0.006) * ENGINE_STEREO;
      assert_memory_equal(together + from, alone + from, sizeof alone - from * sizeof *alone);
    }
  }
}

/// Segments neither drop nor repeat a step: the engine's sound is that of all steps at once.
static void a_resampled_voice_is_its_steps_resampled(void **state)
{
  static float steps[FRAMES];
  static float want[FRAMES];
  static float out[FRAMES * ENGINE_STEREO];
  static const double rates[] = {44100.0, 48000.0, 11025.0};
  for (size_t r = 0; r < 3; ++r) {
    CenoteVoice *voice = voices_new(*state, 3);
    CenoteResampler *resampler;
    uint32_t used;
    uint32_t made;
    const uint32_t frames = r == 2 ? FRAMES / 2 : FRAMES;
    cenote_voice_render(voice, steps, FRAMES);
    assert_int_equal(cenote_resampler_new(16000.0, rates[r], CENOTE_LIVE, &resampler), CENOTE_OK);
    cenote_resampler_process(resampler, steps, FRAMES, &used, want, frames, &made, false);
    assert_int_equal(made, frames);
    Stage *stage =
        stage_new(&(StageOptions){.model = *state, .rate_hz = rates[r], .voices = 1, .seed = 3});
    stage_play(stage, out, frames, 37, 1);
    for (uint32_t i = 0; i < frames; ++i) {
      const float x = fmaxf(-1.0f, fminf(want[i], 1.0f)); // as the output is
      assert_true(out[2 * i] == x && out[2 * i + 1] == x);
    }
    stage_free(stage);
    cenote_resampler_free(resampler);
    cenote_voice_free(voice);
  }
}

/// Voice 3's sound with its stops cut out is the sound of one that never stopped.
static void standing_still_loses_nothing(void **state)
{
  static float out[FRAMES * ENGINE_STEREO];
  static float on[FRAMES * ENGINE_STEREO];
  for (int rate = 0; rate < 2; ++rate) {
    const double rate_hz = rate == 0 ? 16000.0 : 48000.0;
    const uint32_t ramp = (uint32_t)(rate_hz * ENGINE_RAMP_S) + 1;
    Stage *stage =
        stage_new(&(StageOptions){.model = *state, .rate_hz = rate_hz, .voices = 1, .seed = 4});
    stage_play(stage, on, FRAMES, 100, 1);
    stage_free(stage);
    perform(*state, rate_hz, 3, 3, 100, 1, out);
    // It goes on for a ramp after each stop.
    const uint64_t stood[2] = {3300 - 700 - ramp, 8500 - 5000 - ramp};
    for (uint32_t i = 700 + ramp; i < 3300; ++i) assert_true(out[2 * i] == 0.0f);
    for (uint32_t i = 3300 + ramp; i < 5000; ++i) assert_true(out[2 * i] == on[2 * (i - stood[0])]);
    for (uint32_t i = 8500 + ramp; i < FRAMES; ++i)
      assert_true(out[2 * i] == on[2 * (i - stood[0] - stood[1])]);
  }
}

static Stage *stage_of_one(const CenoteModel *model)
{
  return stage_new(
      &(StageOptions){.model = model, .rate_hz = 16000.0, .voices = 1, .past_bytes = 40000});
}

static Ring *tap_ring(void)
{
  Ring *ring = ring_new(FRAMES, ENGINE_CHANNELS * sizeof(float));
  assert_non_null(ring);
  return ring;
}

static float sound[FRAMES * ENGINE_CHANNELS];

static void a_recording_ended_before_it_begins_never_begins(void **state)
{
  Stage *stage = stage_of_one(*state);
  Ring *other = tap_ring();
  Ring *ring = tap_ring();
  const Command tap = {.kind = COMMAND_TAP, .voice = -1, .slot = 3, .due = 5000, .object = ring};
  stage_send(stage, tap);
  stage_send(stage,
             (Command){.kind = COMMAND_TAP, .voice = -1, .slot = 4, .due = 5000, .object = other});
  stage_play(stage, sound, 1000, 100, 1);
  stage_send(stage, (Command){.kind = COMMAND_TAP, .slot = 3});
  stage_play(stage, sound, 100, 100, 1);
  assert_int_equal(stage->seen[EVENT_TAP], 1);
  assert_int_equal(stage->last[EVENT_TAP].slot, 3);
  assert_int_equal(stage->last[EVENT_TAP].whole, 0);
  stage_play(stage, sound, 5000, 100, 1);
  assert_int_equal(ring_filled(ring), 0);
  assert_int_equal(ring_filled(other), 1100); // one of another number is left alone
  assert_int_equal(stage->seen[EVENT_TAP], 1);
  stage_free(stage);
  ring_free(ring);
  ring_free(other);
}

/// All but a recording's end, which falls due; what comes with it or after it is done.
static void what_a_clear_drops_is_answered(void **state)
{
  Stage *stage = stage_of_one(*state);
  Ring *ring = tap_ring();
  stage_send(stage, (Command){.kind = COMMAND_TAP, .voice = -1, .object = ring});
  stage_send(stage, (Command){.kind = COMMAND_TAP, .due = 4000});
  stage_send(stage, (Command){.kind = COMMAND_LOAD, .slot = 1, .due = 3000, .reply = 7});
  stage_send(
      stage,
      (Command){
          .kind = COMMAND_SAVE, .slot = 1, .due = 3001, .reply = 8, .object = stage_room(stage)});
  stage_send(stage, (Command){.kind = COMMAND_RUN, .due = 3002}); // nobody asks
  stage_send(stage, (Command){.kind = COMMAND_CLEAR, .due = 2000});
  stage_send(stage, (Command){.kind = COMMAND_PUT, .slot = 2, .due = 2000, .reply = 9});
  stage_send(stage, (Command){.kind = COMMAND_MASTER_MUTE, .whole = 1, .due = 2000});
  stage_play(stage, sound, 2500, 100, 1);
  assert_int_equal(stage->seen[EVENT_REFUSED], 2);
  assert_int_equal(stage->last[EVENT_REFUSED].reply, 8);
  assert_int_equal(stage->last[EVENT_REFUSED].whole, REFUSED_CLEARED);
  assert_int_equal(stage->seen[EVENT_DONE], 1);
  assert_int_equal(stage->last[EVENT_DONE].reply, 9);
  assert_int_equal(stage->seen[EVENT_TAP], 0);
  assert_int_equal(engine_waiting(stage->engine), 1);
  stage_play(stage, sound, 2500, 100, 1);
  assert_true(sound[2 * 100] == 0.0f);
  assert_int_equal(stage->seen[EVENT_TAP], 1);
  assert_int_equal(stage->last[EVENT_TAP].whole, 4000);
  assert_int_equal(ring_filled(ring), 4000);
  assert_int_equal(stage->seen[EVENT_DONE] + stage->seen[EVENT_SLOT], 2); // both of the PUT
  stage_free(stage);
  ring_free(ring);
}

static void a_full_queue_still_ends_a_recording(void **state)
{
  Stage *stage = stage_of_one(*state);
  Ring *ring = tap_ring();
  stage_send(stage, (Command){.kind = COMMAND_TAP, .voice = -1, .object = ring});
  stage_play(stage, sound, 1000, 100, 1);
  for (int i = 0; i < ENGINE_QUEUE; ++i)
    stage_send(stage, (Command){.kind = COMMAND_RUN, .whole = 1, .due = 1000000});
  stage_send(stage, (Command){.kind = COMMAND_REWIND, .reply = 5, .due = 1000000});
  stage_send(stage, (Command){.kind = COMMAND_TAP});
  stage_play(stage, sound, 100, 100, 1);
  assert_int_equal(engine_waiting(stage->engine), ENGINE_QUEUE);
  assert_int_equal(stage->last[EVENT_REFUSED].reply, 5);
  assert_int_equal(stage->last[EVENT_REFUSED].whole, REFUSED_FULL);
  assert_int_equal(stage->seen[EVENT_TAP], 1);
  assert_int_equal(stage->last[EVENT_TAP].whole, 1000);
  stage_free(stage);
  ring_free(ring);
}

static void a_meter_tells_of_what_came_since_it_was_set(void **state)
{
  Stage *stage = stage_of_one(*state);
  stage_play(stage, sound, 1000, 100, 1);
  stage_send(stage, (Command){.kind = COMMAND_RUN});
  stage_play(stage, sound, 500, 100, 1);
  stage_send(stage, (Command){.kind = COMMAND_METER, .whole = 100});
  stage_play(stage, sound, 100, 100, 1);
  assert_int_equal(stage->seen[EVENT_METER], 1);
  assert_true(stage->last[EVENT_METER].meter.peak == 0.0f);
  assert_true(stage->last[EVENT_METER].meter.bits == 0.0f);
  assert_int_equal(stage->last[EVENT_METER].meter.clipped, 0);
  stage_send(stage, (Command){.kind = COMMAND_RUN, .whole = 1});
  stage_play(stage, sound, 100, 100, 1);
  assert_true(stage->last[EVENT_METER].meter.peak > 0.0f);
  stage_free(stage);
}

/// What is for now needs no place among what waits, and is done after what waited for this frame.
static void a_full_queue_keeps_nothing_from_being_done_now(void **state)
{
  Stage *stage = stage_of_one(*state);
  stage_play(stage, sound, 100, 100, 1);
  for (int i = 0; i < ENGINE_QUEUE; ++i)
    stage_send(stage, (Command){.kind = COMMAND_RUN, .whole = 1, .due = i ? 1000000 : 200});
  stage_play(stage, sound, 100, 100, 1);
  assert_int_equal(engine_gone(stage->engine), 0);
  stage_send(stage, (Command){.kind = COMMAND_RUN});
  stage_play(stage, sound, 200, 100, 1);
  assert_int_equal(engine_sounding(stage->engine), 0);
  assert_int_equal(engine_gone(stage->engine), 1);
  stage_send(stage, (Command){.kind = COMMAND_RUN, .whole = 1, .due = 1000000});
  for (int i = 0; i < 3; ++i) stage_send(stage, (Command){.kind = COMMAND_RUN, .whole = i != 1});
  stage_send(stage, (Command){.kind = COMMAND_CLEAR});
  stage_send(stage, (Command){.kind = COMMAND_RUN, .whole = 1, .due = 1000000});
  stage_play(stage, sound, 100, 100, 1);
  assert_int_equal(engine_sounding(stage->engine), 1);
  assert_int_equal(engine_waiting(stage->engine), 1); // said after the clear
  assert_int_equal(engine_gone(stage->engine), ENGINE_QUEUE + 1);
  for (int i = 1; i < ENGINE_QUEUE; ++i)
    stage_send(stage, (Command){.kind = COMMAND_RUN, .whole = 1, .due = 1000000});
  stage_send(stage, (Command){.kind = COMMAND_END});
  stage_play(stage, sound, 2000, 100, 1);
  assert_int_equal(stage->seen[EVENT_FADED], 1);
  stage_free(stage);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_voice_sounds_as_it_does_alone),
      cmocka_unit_test(a_resampled_voice_is_its_steps_resampled),
      cmocka_unit_test(standing_still_loses_nothing),
      cmocka_unit_test(a_recording_ended_before_it_begins_never_begins),
      cmocka_unit_test(what_a_clear_drops_is_answered),
      cmocka_unit_test(a_full_queue_still_ends_a_recording),
      cmocka_unit_test(a_meter_tells_of_what_came_since_it_was_set),
      cmocka_unit_test(a_full_queue_keeps_nothing_from_being_done_now),
  };
  return cmocka_run_group_tests(tests, voices_load, voices_unload);
}
