// SPDX-License-Identifier: ISC
// Audio time of the daemon allocates nothing, locks nothing and calls no system, whatever it is
// told: every command timed and untimed, two models, an ear, recordings, a log, a queue and a ring
// of events that are full, the fade at the end.
#include "rtfence.h"
#include "stage.h"
#include "voices.h"

#include "rt/rt.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VOICES = 3, BLOCK = 256, BLOCKS = 160, MOMENTS = 64, KITS = 3 };

typedef struct Play {
  CenoteModel *model[2];
  Stage *stage;
  Kit *kit[KITS];
  Moment *moment[MOMENTS];
  uint32_t kits, moments;
  Ring *tap[3];
  uint32_t channels;
  bool flood; ///< too many commands, and events that nobody reads for a while
  float out[ENGINE_CHANNELS * BLOCK];
  float heard[BLOCK];
  float taken[ENGINE_CHANNELS * BLOCK];
} Play;

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

static Play *play_new(double rate_hz, uint32_t channels, bool wet, bool flood)
{
  Play *play = calloc(1, sizeof *play);
  assert_non_null(play);
  play->channels = channels;
  play->flood = flood;
  play->model[0] = voices_model("tiny");
  play->model[1] = voices_model("lru_conv");
  play->stage = stage_new(&(StageOptions){.model = play->model[0],
                                          .rate_hz = rate_hz,
                                          .voices = VOICES,
                                          .channels = channels,
                                          .past_bytes = 40000,
                                          .wet = wet,
                                          .input = true,
                                          .log = true,
                                          .events = flood ? 16 : 0});
  for (int k = 0; k < KITS; ++k) play->kit[k] = stage_kit(play->stage, play->model[k == 1], 7);
  make_overflow(play->model[0], play->kit[2]->stream[0]->voice);
  for (uint32_t k = 0; k < MOMENTS; ++k)
    play->moment[k] = k < 4 ? stage_moment(play->model[k == 3], k, 100) : stage_room(play->stage);
  for (int t = 0; t < 3; ++t) {
    play->tap[t] = ring_new(4 * BLOCK, channels * sizeof(float));
    assert_non_null(play->tap[t]);
  }
  for (int i = 0; i < BLOCK; ++i) play->heard[i] = sinf((float)i);
  return play;
}

/// Also after a run in a child, of which nothing is left here.
static void play_free(Play *play)
{
  // What was not handed over: counted in by hand.
  while (play->kits < KITS)
    stage_send(play->stage, (Command){.kind = COMMAND_KIT, .object = play->kit[play->kits++]});
  while (play->moments < MOMENTS)
    stage_send(play->stage,
               (Command){.kind = COMMAND_PUT, .object = play->moment[play->moments++]});
  stage_free(play->stage);
  for (int t = 0; t < 3; ++t) ring_free(play->tap[t]);
  for (int m = 0; m < 2; ++m) cenote_model_free(play->model[m]);
  free(play);
}

/// At a frame from now, 0: at once.
static void say(Play *play, uint32_t from_now, Command command)
{
  if (from_now > 0) command.due = engine_frames(play->stage->engine) + from_now;
  stage_send(play->stage, command);
}

static Moment *next_moment(Play *play)
{
  return play->moment[play->moments++];
}

/// The commands that carry nothing, each to a voice.
static void say_plain(Play *play, int32_t voice, uint32_t from_now)
{
  static const Command plain[] = {
      {.kind = COMMAND_SEED, .whole = 9},
      {.kind = COMMAND_TEMPERATURE, .number = 0.5},
      {.kind = COMMAND_TOP_K, .whole = 10},
      {.kind = COMMAND_TOP_P, .number = 0.9},
      {.kind = COMMAND_LEVEL_GAIN, .level = 1, .number = 1.5},
      {.kind = COMMAND_LEVEL_FREEZE, .level = 1, .whole = 1},
      {.kind = COMMAND_LEVEL_CLOCK, .level = 1, .number = 0.5},
      {.kind = COMMAND_LEVEL_NOISE, .level = 1, .number = 0.1},
      {.kind = COMMAND_LEVEL_TICK, .level = 1},
      {.kind = COMMAND_LEVEL_RESET, .level = 1},
      {.kind = COMMAND_RESET},
      {.kind = COMMAND_GAIN, .number = 0.5},
      {.kind = COMMAND_MUTE, .whole = 1},
      {.kind = COMMAND_MUTE, .whole = 0},
      {.kind = COMMAND_PAN, .number = -0.5},
      {.kind = COMMAND_ATTACK, .number = 3.0},
      {.kind = COMMAND_RELEASE, .number = 7.0},
      {.kind = COMMAND_FADE, .number = 5.0},
      {.kind = COMMAND_SPEED, .number = 1.3},
      {.kind = COMMAND_MASTER_GAIN, .number = 2.0},
      {.kind = COMMAND_MASTER_MUTE, .whole = 1},
      {.kind = COMMAND_MASTER_MUTE, .whole = 0},
      {.kind = COMMAND_RUN, .whole = 0},
      {.kind = COMMAND_RUN, .whole = 1},
  };
  for (uint32_t i = 0; i < sizeof plain / sizeof *plain; ++i) {
    Command command = plain[i];
    command.voice = voice;
    command.reply = 1;
    say(play, from_now ? from_now + 3 * i : 0, command);
  }
}

/// Moments: held, recalled, mixed, looked at.
static void say_moments(Play *play, uint32_t from_now)
{
  for (uint32_t slot = 0; slot < 4; ++slot)
    if (play->moments < 4)
      say(play, 0, (Command){.kind = COMMAND_PUT, .slot = slot, .object = next_moment(play)});
  for (uint32_t slot = 4; slot < 8; ++slot)
    say(play, from_now,
        (Command){.kind = COMMAND_SAVE, .reply = 1, .slot = slot, .object = next_moment(play)});
  for (uint32_t slot = 0; slot < 4; ++slot) // 3 is another model's
    say(play, from_now, (Command){.kind = COMMAND_LOAD, .reply = 1, .slot = slot});
  Moment *look = next_moment(play);
  say(play, from_now, (Command){.kind = COMMAND_LOOK, .slot = ENGINE_SLOTS, .object = look});
  say(play, 0, (Command){.kind = COMMAND_LOOK, .slot = 1, .object = next_moment(play)});
  say(play, 0, (Command){.kind = COMMAND_PUT, .slot = 100, .object = next_moment(play)});
  say(play, from_now, (Command){.kind = COMMAND_LOAD, .object = next_moment(play)});
  say(play, from_now,
      (Command){
          .kind = COMMAND_MORPH, .voice = 1, .slot_b = 1, .level = UINT32_MAX, .number = 0.4});
  say(play, from_now, (Command){.kind = COMMAND_MORPH, .slot = 0, .slot_b = 1, .level = 1});
  say(play, from_now, (Command){.kind = COMMAND_MORPH, .slot = ENGINE_SLOTS, .number = 0.9});
  say(play, from_now, (Command){.kind = COMMAND_COPY, .reply = 1, .voice = 1, .whole = 0});
  say(play, from_now, (Command){.kind = COMMAND_REWIND, .reply = 1, .voice = 2, .number = 0.1});
}

/// More notes than voices, some to end by themselves, and their release.
static void say_notes(Play *play, uint32_t from_now)
{
  for (int32_t i = 0; i < 5; ++i)
    say(play, from_now ? from_now + 10 * (uint32_t)i : 0,
        (Command){.kind = COMMAND_TRIGGER,
                  .reply = 1,
                  .voice = i == 4 ? 0 : ENGINE_ANY,
                  .slot = (uint32_t)i, // 3 is another model's, 4 may be empty
                  .number = i == 1 ? 0.01 : 0.0,
                  .gain = 0.5f,
                  .pan = i == 2 ? NAN : 0.5f,
                  .key = i,
                  .id = i});
  say(play, from_now + 200, (Command){.kind = COMMAND_NOTE_OFF, .key = 0, .id = -1});
  say(play, from_now + 400, (Command){.kind = COMMAND_NOTES_OFF});
}

static void say_flood(Play *play)
{
  for (uint32_t i = 0; i < ENGINE_QUEUE + 100; ++i)
    say(play, 100000 + i * 7919 % 5000, (Command){.kind = COMMAND_PAN, .reply = 1});
}

static void say_block(Play *play, uint32_t k)
{
  const Command listen = {.kind = COMMAND_LISTEN, .voice = 2, .whole = k == 50};
  switch (k) {
  case 0:
    say(play, 0, (Command){.kind = COMMAND_LOG, .whole = 1});
    say(play, 0, (Command){.kind = COMMAND_METER, .whole = 700});
    for (uint32_t t = 0; t < 3; ++t)
      say(play, 0,
          (Command){
              .kind = COMMAND_TAP, .slot = t, .voice = t == 0 ? -1 : 1, .object = play->tap[t]});
    break;
  case 4:
  case 14:
    say_plain(play, 0, k == 4 ? 0 : 600);
    break;
  case 20:
  case 30:
    say_moments(play, k == 20 ? 0 : 700);
    break;
  case 40:
  case 46:
    say_notes(play, k == 40 ? 0 : 800);
    break;
  case 50:
  case 70:
    say(play, k == 50 ? 0 : 300, listen);
    break;
  case 79:
    for (int32_t v = 0; v < VOICES; ++v)
      say(play, 0, (Command){.kind = COMMAND_RUN, .voice = v, .whole = 1});
    break;
  case 80: // another model, then one that overflows, both at once and while the first fades
    say(play, 0, (Command){.kind = COMMAND_KIT, .voice = 1, .object = play->kit[play->kits++]});
    say(play, 300, (Command){.kind = COMMAND_KIT, .object = play->kit[play->kits++]});
    say(play, 400, (Command){.kind = COMMAND_KIT, .object = play->kit[play->kits++]});
    break;
  case 90:
    if (play->flood) say_flood(play);
    break;
  case 110:
    say(play, 90000, (Command){.kind = COMMAND_SAVE, .slot = 9, .object = next_moment(play)});
    say(play, 900, (Command){.kind = COMMAND_CLEAR});
    break;
  case 130:
    for (uint32_t t = 0; t < 2; ++t) say(play, 0, (Command){.kind = COMMAND_TAP, .slot = t});
    say(play, 0, (Command){.kind = COMMAND_LOG});
    break;
  case 140:
    say(play, 0, (Command){.kind = COMMAND_END});
    break;
  default:
    break;
  }
}

static void perform(void *data)
{
  Play *play = data;
  Stage *stage = play->stage;
  Logged logged;
  for (uint32_t k = 0; k < BLOCKS; ++k) {
    say_block(play, k);
    ring_write(stage->input, play->heard, BLOCK);
    for (uint32_t done = 0, segment; done < BLOCK; done += segment) {
      segment = engine_begin(stage->engine, BLOCK - done);
      const uint32_t shares = engine_streams(stage->engine) / 2 + 1;
      for (uint32_t i = 0; i < shares; ++i) engine_run(stage->engine, i, shares);
      engine_end(stage->engine, play->out + (size_t)done * play->channels);
    }
    if (!play->flood || k % 8 == 0) stage_read_events(stage);
    for (int t = 0; t < 3; ++t) ring_read(play->tap[t], play->taken, BLOCK);
    ring_read(stage->log, &logged, 1);
  }
  if (engine_sounding(stage->engine) > VOICES || engine_frames(stage->engine) == 0) abort();
}

static void each_case(FenceWork work, unsigned (*run)(FenceWork work, void *data))
{
  static const uint32_t channels[] = {ENGINE_STEREO, 1, ENGINE_STEREO, ENGINE_CHANNELS};
  for (int i = 0; i < 4; ++i) {
    Play *play = play_new(i % 2 ? 48000.0 : 16000.0, channels[i], i % 2 == 0, i >= 2);
    const unsigned found = run(work, play);
    play_free(play);
    if (found == (unsigned)FENCE_UNUSABLE) skip();
    assert_int_equal(found, 0);
  }
}

static void a_block_allocates_nothing_and_locks_nothing(void **state)
{
  (void)state;
  each_case(perform, fence_calls);
}

/// 0 when there was none.
static unsigned system_call(FenceWork work, void *data)
{
  const int call = fence_system_call(work, data);
  return call == FENCE_NONE ? 0 : call == 0 ? 1 : (unsigned)call; // 0 is read
}

static void a_block_calls_no_system(void **state)
{
  (void)state;
  each_case(perform, system_call);
}

/// Else the tests above would test little.
static void all_of_it_happens(void **state)
{
  (void)state;
  Play *play = play_new(48000.0, ENGINE_STEREO, true, false);
  perform(play);
  const uint32_t *seen = play->stage->seen;
  for (int kind = 0; kind <= EVENT_FADED; ++kind)
    if (seen[kind] == 0) fail_msg("no event %d", kind);
  assert_int_equal(seen[EVENT_TAP], 2);
  assert_int_equal(seen[EVENT_KIT], 3);
  play_free(play);
  play = play_new(16000.0, 5, true, true);
  perform(play);
  assert_true(play->stage->seen[EVENT_REFUSED] >= 100);
  play_free(play);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_of_it_happens),
      cmocka_unit_test(a_block_allocates_nothing_and_locks_nothing),
      cmocka_unit_test(a_block_calls_no_system),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
