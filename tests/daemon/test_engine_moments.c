// SPDX-License-Identifier: ISC
// States saved, recalled, mixed, copied and gone back to; notes that take each other's voice; and
// that no moment and no kit is lost on the way.
#include "stage.h"
#include "voices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAMES = 9000, RATE = 16000 };

static float out[FRAMES * ENGINE_STEREO];
static float plain[FRAMES];

static Stage *stage_of(const CenoteModel *model, uint32_t voices, uint32_t events)
{
  return stage_new(&(StageOptions){.model = model,
                                   .rate_hz = RATE,
                                   .voices = voices,
                                   .seed = 1,
                                   .past_bytes = 40000,
                                   .events = events});
}

static float cut(float x)
{
  return fmaxf(-1.0f, fminf(x, 1.0f));
}

/// The steps of a voice of this seed, or from a moment on.
static void render(const CenoteModel *model, uint64_t seed, Moment *moment)
{
  CenoteVoice *voice = voices_new(model, seed);
  if (moment) cenote_voice_restore(voice, moment->state, moment->bytes);
  free(moment);
  cenote_voice_render(voice, plain, FRAMES);
  cenote_voice_free(voice);
}

static void a_load_goes_on_bit_for_bit_after_a_straight_crossfade(void **state)
{
  render(*state, 1, NULL);
  const uint32_t save = 1003;
  const uint32_t load = 3017;
  const uint32_t fade = 160; // 10 ms
  Stage *stage = stage_of(*state, 1, 0);
  stage_send(stage,
             (Command){.kind = COMMAND_SAVE, .due = save, .slot = 7, .object = stage_room(stage)});
  stage_send(stage, (Command){.kind = COMMAND_LOAD, .due = load, .slot = 7, .reply = 3});
  stage_play(stage, out, FRAMES, 100, 1);
  assert_int_equal(stage->last[EVENT_DONE].reply, 3);
  assert_int_equal(stage->seen[EVENT_SLOT], 1);
  assert_int_equal(stage->seen[EVENT_CONTROLS], 1);
  for (uint32_t i = 0; i < load; ++i) assert_true(out[2 * i] == cut(plain[i]));
  for (uint32_t i = 0; i < fade; ++i) {
    const float g = (float)(i + 1) / (float)fade;
    const float x = cut(plain[load + i] * (1.0f - g) + plain[save + i] * g);
    assert_true(fabsf(out[2 * (load + i)] - x) < 1e-4f); // the ramp's own rounding
  }
  for (uint32_t i = fade; load + i < FRAMES; ++i)
    assert_true(out[2 * (load + i)] == cut(plain[save + i]));
  stage_free(stage);
}

static void a_morph_to_either_end_is_that_slot(void **state)
{
  for (uint32_t x = 0; x < 2; ++x) {
    Stage *stage = stage_of(*state, 1, 0);
    for (uint32_t k = 0; k < 2; ++k)
      stage_send(stage, (Command){.kind = COMMAND_PUT,
                                  .slot = k,
                                  .object = stage_moment(*state, 40 + k, 200 + k)});
    stage_send(
        stage,
        (Command){
            .kind = COMMAND_MORPH, .due = 1000, .slot_b = 1, .level = UINT32_MAX, .number = x});
    stage_play(stage, out, 3000, 77, 1);
    render(*state, 0, stage_moment(*state, 40 + x, 200 + x));
    for (uint32_t i = 160; i < 2000; ++i) assert_true(out[2 * (1000 + i)] == cut(plain[i]));
    stage_free(stage);
  }
}

/// Panned apart: each has a channel to itself.
static void a_copy_sounds_as_its_source_does(void **state)
{
  Stage *stage = stage_of(*state, 2, 0);
  for (int32_t v = 0; v < 2; ++v)
    stage_send(stage, (Command){.kind = COMMAND_PAN, .voice = v, .number = v ? 1.0 : -1.0});
  stage_send(stage, (Command){.kind = COMMAND_COPY, .voice = 1, .whole = 0, .due = 1234});
  stage_play(stage, out, 4000, 100, 2);
  uint32_t same = 0;
  for (uint32_t i = 500; i < 1234; ++i) same += out[2 * i] == out[2 * i + 1];
  assert_true(same < 600);
  for (uint32_t i = 1234 + 160; i < 4000; ++i) assert_true(out[2 * i] == out[2 * i + 1]);
  stage_free(stage);
}

static void a_pan_keeps_the_nearer_side_and_turns_the_other_down(void **state)
{
  static const float pans[] = {-1.0f, -0.6f, 0.0f, 0.6f, 1.0f};
  static const float left[] = {1.0f, 1.0f, 1.0f, 0.8f, 0.0f};
  render(*state, 1, NULL);
  for (int p = 0; p < 5; ++p) {
    Stage *stage = stage_of(*state, 1, 0);
    stage_send(stage, (Command){.kind = COMMAND_PAN, .number = (double)pans[p]});
    stage_play(stage, out, 1000, 64, 1);
    for (uint32_t i = 100; i < 1000; ++i) {
      assert_true(fabsf(out[2 * i] - cut(plain[i] * left[p])) < 1e-6f);
      assert_true(fabsf(out[2 * i + 1] - cut(plain[i] * left[4 - p])) < 1e-6f);
    }
    stage_free(stage);
  }
}

static void a_rewind_goes_where_it_says(void **state)
{
  static const double back[] = {0.001, 0.1, 0.25, 100.0};
  render(*state, 1, NULL);
  for (int b = 0; b < 4; ++b) {
    Stage *stage = stage_of(*state, 1, 0);
    const Command rewind = {.kind = COMMAND_REWIND, .reply = 1, .due = 9, .number = back[b]};
    stage_send(stage, rewind);
    stage_send(stage,
               (Command){.kind = COMMAND_REWIND, .reply = 2, .due = 8100, .number = back[b]});
    stage_play(stage, out, FRAMES, 100, 1);
    assert_int_equal(stage->last[EVENT_REFUSED].reply, 1);
    assert_int_equal(stage->last[EVENT_REFUSED].whole, REFUSED_NO_PAST);
    assert_int_equal(stage->last[EVENT_DONE].reply, 2);
    const double went = stage->last[EVENT_DONE].number;
    assert_true(went >= back[b] || b == 3); // the oldest there is
    assert_true(went < back[b] + 0.2501);
    const uint32_t to = 8100 - (uint32_t)(went * RATE + 0.5);
    for (uint32_t i = 160; 8100 + i < FRAMES; ++i)
      assert_true(out[2 * (8100 + i)] == cut(plain[to + i]));
    stage_free(stage);
  }
}

/// From itself, and to now: nothing happens, not even a crossfade's rounding.
static void a_copy_of_itself_and_a_rewind_of_nothing_change_nothing(void **state)
{
  static const CommandKind kinds[] = {COMMAND_COPY, COMMAND_REWIND};
  render(*state, 1, NULL);
  for (int k = 0; k < 2; ++k) {
    Stage *stage = stage_of(*state, 1, 0);
    stage_send(stage, (Command){.kind = kinds[k], .reply = 3, .due = 8100});
    stage_play(stage, out, FRAMES, 100, 1);
    assert_int_equal(stage->last[EVENT_DONE].reply, 3);
    for (uint32_t i = 0; i < FRAMES; ++i) assert_true(out[2 * i] == cut(plain[i]));
    stage_free(stage);
  }
}

static float largest_step(const float *x, uint32_t from, uint32_t to)
{
  float most = 0.0f;
  for (uint32_t i = from + 1; i < to; ++i) most = fmaxf(most, fabsf(x[2 * i] - x[2 * i - 2]));
  return most;
}

/// Quiet and so smooth that a click would show: notes with an attack take each other's voice.
static void a_stolen_voice_does_not_click(void **state)
{
  Stage *stage = stage_of(*state, 1, 0);
  stage_send(stage, (Command){.kind = COMMAND_PUT, .object = stage_moment(*state, 9, 99)});
  stage_send(stage, (Command){.kind = COMMAND_LEVEL_FREEZE, .whole = 1, .due = 190}); // a constant
  stage_send(stage, (Command){.kind = COMMAND_ATTACK, .number = 1000.0});
  for (uint32_t i = 0; i < 40; ++i)
    stage_send(stage, (Command){.kind = COMMAND_TRIGGER,
                                .voice = ENGINE_ANY,
                                .due = 2000 + 13 * i * (i % 3),
                                .gain = 0.01f,
                                .pan = NAN,
                                .key = -1});
  stage_play(stage, out, FRAMES, 100, 1);
  assert_true(stage->seen[EVENT_CONTROLS] > 15); // some at one frame
  const float held = fabsf(out[2 * 1999]);
  assert_true(held > 0.01f && largest_step(out, 200, 2000) == 0.0f);
  assert_true(largest_step(out, 1999, 4000) < held * 0.05f + 1e-3f); // 81 frames to nothing
  stage_free(stage);
}

static void a_released_note_ends_and_stands_still(void **state)
{
  Stage *stage = stage_of(*state, 2, 0);
  stage_send(stage, (Command){.kind = COMMAND_PUT, .object = stage_moment(*state, 9, 99)});
  stage_send(stage, (Command){.kind = COMMAND_RELEASE, .voice = 1, .number = 20.0});
  for (int32_t v = 0; v < 2; ++v) stage_send(stage, (Command){.kind = COMMAND_MUTE, .voice = v});
  stage_send(stage, (Command){.kind = COMMAND_RUN, .voice = 0});
  stage_send(stage, (Command){.kind = COMMAND_TRIGGER,
                              .voice = 1,
                              .due = 1000,
                              .gain = 1.0f,
                              .pan = NAN,
                              .key = 60,
                              .id = 5});
  stage_send(stage, (Command){.kind = COMMAND_NOTE_OFF, .due = 1500, .key = 60, .id = 4});
  stage_send(stage, (Command){.kind = COMMAND_NOTE_OFF, .due = 2000, .key = 60, .id = 5});
  stage_play(stage, out, 2000, 100, 1);
  assert_int_equal(stage->seen[EVENT_ENDED], 0);
  stage_play(stage, out, 1000, 100, 1);
  assert_int_equal(stage->seen[EVENT_ENDED], 1);
  assert_int_equal(stage->last[EVENT_ENDED].voice, 1);
  assert_false(engine_part(stage->engine, 1)->set.run);
  assert_true(out[2 * 318] != 0.0f);
  for (uint32_t i = 320; i < 1000; ++i) assert_true(out[2 * i] == 0.0f);
  const uint64_t steps = cenote_voice_steps(engine_part(stage->engine, 1)->now->voice);
  stage_play(stage, out, 1000, 100, 1);
  assert_true(cenote_voice_steps(engine_part(stage->engine, 1)->now->voice) == steps);
  stage_free(stage);
}

static void what_is_said_to_the_same_voice_acts_on_the_one_that_the_trigger_took(void **state)
{
  Stage *stage = stage_of(*state, 2, 0);
  const Command trigger = {
      .kind = COMMAND_TRIGGER, .voice = ENGINE_ANY, .gain = 1.0f, .pan = 0.0f, .key = -1};
  const Command set = {
      .kind = COMMAND_TEMPERATURE, .voice = ENGINE_SAME, .number = 0.5, .due = 150, .reply = 8};
  stage_send(stage, (Command){.kind = COMMAND_SAVE, .object = stage_room(stage)});
  stage_send(stage, (Command){.kind = COMMAND_RUN, .voice = 1});
  stage_play(stage, out, 100, 10, 1);
  for (uint32_t play = 1; play <= 3; ++play) { // the last: a slot with nothing in it
    Command one = trigger;
    Command other = set;
    one.due = other.due = 100 + 50 * play;
    one.slot_b = other.slot_b = play;
    one.slot = play == 3;
    stage_send(stage, one);
    if (play == 2) other.number = 0.25;
    stage_send(stage, other);
  }
  stage_play(stage, out, 90, 10, 1);
  assert_int_equal(stage->last[EVENT_DONE].reply, 8);
  assert_int_equal(stage->last[EVENT_DONE].voice, 1); // which was free
  assert_true(cenote_voice_temperature(engine_part(stage->engine, 1)->now->voice) == 0.5f);
  assert_true(cenote_voice_temperature(engine_part(stage->engine, 0)->now->voice) == 1.0f);
  stage_play(stage, out, 50, 10, 1); // the other began before it
  assert_true(cenote_voice_temperature(engine_part(stage->engine, 0)->now->voice) == 0.25f);
  stage_play(stage, out, 50, 10, 1);
  assert_int_equal(stage->last[EVENT_REFUSED].reply, 8);
  assert_true(cenote_voice_temperature(engine_part(stage->engine, 0)->now->voice) == 0.25f);
  assert_true(cenote_voice_temperature(engine_part(stage->engine, 1)->now->voice) == 0.5f);
  stage_free(stage);
}

/// An attack said with a note is that note's own; one said later is the next one's.
static void an_attack_said_with_a_note_is_its_own(void **state)
{
  static float sound[3][2 * 2000];
  for (int way = 0; way < 3; ++way) {
    Stage *stage = stage_of(*state, 2, 0);
    stage_send(stage, (Command){.kind = COMMAND_PUT, .object = stage_moment(*state, 9, 99)});
    stage_send(stage, (Command){.kind = COMMAND_RUN, .voice = 0});
    stage_send(stage, (Command){.kind = COMMAND_RUN, .voice = 1});
    Command attack = {.kind = COMMAND_ATTACK, .voice = 1, .number = 50.0};
    if (way == 0) stage_send(stage, attack);
    attack.voice = ENGINE_SAME;
    attack.slot_b = 3;
    attack.due = way == 1 ? 100 : 101;
    stage_send(stage, (Command){.kind = COMMAND_TRIGGER,
                                .voice = 1,
                                .due = 100,
                                .gain = 1.0f,
                                .pan = NAN,
                                .key = -1,
                                .slot_b = 3});
    if (way > 0) stage_send(stage, attack);
    stage_play(stage, sound[way], 2000, 100, 1);
    stage_free(stage);
  }
  assert_memory_equal(sound[1], sound[0], sizeof sound[0]);
  assert_memory_not_equal(sound[2], sound[0], sizeof sound[0]);
}

/// Whatever is said, and however seldom the events are read: stage_free counts.
static void nothing_is_lost(void **state)
{
  static const CommandKind kinds[] = {COMMAND_SAVE, COMMAND_SAVE,   COMMAND_LOAD,  COMMAND_PUT,
                                      COMMAND_LOOK, COMMAND_KIT,    COMMAND_CLEAR, COMMAND_RESET,
                                      COMMAND_RUN,  COMMAND_LISTEN, COMMAND_COPY};
  CenoteModel *second = voices_model("lru_conv");
  uint64_t seed = 5;
  for (int round = 0; round < 6; ++round) {
    Stage *stage = stage_of(*state, 3, round % 2 ? 8 : 0);
    for (uint32_t i = 0; i < 900; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      const uint32_t r = (uint32_t)(seed >> 33);
      Command command = {.kind = kinds[r % 11],
                         .voice = (int32_t)(r / 11 % 3),
                         .slot = r % 7 == 0 ? ENGINE_SLOTS : r % 9,
                         .whole = r / 3 % 2,
                         .due = r % 5 ? engine_frames(stage->engine) + r / 5 % 2000 : 0};
      if (command.kind == COMMAND_CLEAR && r % 4) command.kind = COMMAND_RUN;
      if (command.kind == COMMAND_KIT)
        command.object = stage_kit(stage, r % 2 ? second : *state, i);
      else if (command.kind <= COMMAND_SAVE || command.kind == COMMAND_LOAD ||
               command.kind == COMMAND_PUT || command.kind == COMMAND_LOOK)
        command.object = stage_room(stage);
      stage_send(stage, command);
      if (r % 3 == 0) stage_play(stage, out, 1 + r % 300, 100, 1);
    }
    stage_free(stage);
  }
  cenote_model_free(second);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_load_goes_on_bit_for_bit_after_a_straight_crossfade),
      cmocka_unit_test(a_morph_to_either_end_is_that_slot),
      cmocka_unit_test(a_copy_sounds_as_its_source_does),
      cmocka_unit_test(a_pan_keeps_the_nearer_side_and_turns_the_other_down),
      cmocka_unit_test(a_rewind_goes_where_it_says),
      cmocka_unit_test(a_copy_of_itself_and_a_rewind_of_nothing_change_nothing),
      cmocka_unit_test(a_stolen_voice_does_not_click),
      cmocka_unit_test(a_released_note_ends_and_stands_still),
      cmocka_unit_test(what_is_said_to_the_same_voice_acts_on_the_one_that_the_trigger_took),
      cmocka_unit_test(an_attack_said_with_a_note_is_its_own),
      cmocka_unit_test(nothing_is_lost),
  };
  return cmocka_run_group_tests(tests, voices_load, voices_unload);
}
