// SPDX-License-Identifier: ISC
// What a sound card's callback does allocates nothing, locks nothing and calls no system: sound and
// MIDI, with rings that are full, empty and in between.
#include "rtfence.h"

#include "rt/card.h"
#include "rt/midi_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BLOCK = 300, BLOCKS = 40 };

typedef struct Stage {
  Card card;
  MidiIn midi;
  float in[ENGINE_CHANNELS * BLOCK];
  float out[ENGINE_CHANNELS * BLOCK];
} Stage;

static void play(void *data)
{
  Stage *stage = data;
  const size_t channels = stage->card.channels;
  float *to[ENGINE_CHANNELS];
  for (size_t c = 0; c < channels; ++c) to[c] = stage->out + c;
  for (unsigned block = 0; block < BLOCKS; ++block) {
    const uint8_t bytes[4] = {(uint8_t)(0x80 + 16 * (block % 8)), 60, (uint8_t)block, 0};
    if (block % 3 < 2) ring_write(stage->card.out, stage->in, BLOCK);
    card_play(&stage->card, to, channels, BLOCK);
    card_hear(&stage->card, stage->in, 2, BLOCK);
    for (size_t size = 0; size <= sizeof bytes; ++size)
      midi_in_feed(&stage->midi, bytes, size, 0.0);
    card_turn(&stage->card, block % 2 == 0);
  }
  if (atomic_load(&stage->card.callbacks) != BLOCKS) abort();
}

static Stage *stage_new(size_t channels)
{
  Stage *stage = calloc(1, sizeof *stage);
  assert_non_null(stage);
  stage->card.channels = channels;
  stage->card.out = ring_new(2 * BLOCK, channels * sizeof(float));
  stage->card.in = ring_new(4 * BLOCK, sizeof(float));
  stage->midi.events = ring_new(8, sizeof(MidiEvent));
  assert_true(stage->card.out && stage->card.in && stage->midi.events);
  return stage;
}

static void stage_free(Stage *stage)
{
  ring_free(stage->card.out);
  ring_free(stage->card.in);
  ring_free(stage->midi.events);
  free(stage);
}

static void a_callback_allocates_nothing_and_locks_nothing(void **state)
{
  (void)state;
  for (size_t channels = 1; channels <= ENGINE_CHANNELS; ++channels) {
    Stage *stage = stage_new(channels);
    assert_int_equal(fence_calls(play, stage), 0);
    assert_true(atomic_load(&stage->card.xruns) > 0 && atomic_load(&stage->card.overruns) > 0);
    assert_true(atomic_load(&stage->midi.lost) > 0 && atomic_load(&stage->midi.bad) > 0);
    stage_free(stage);
  }
}

static void a_callback_calls_no_system(void **state)
{
  (void)state;
  Stage *stage = stage_new(ENGINE_STEREO);
  const int call = fence_system_call(play, stage);
  stage_free(stage);
  if (call == FENCE_UNUSABLE) skip();
  assert_int_equal(call, FENCE_NONE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_callback_allocates_nothing_and_locks_nothing),
      cmocka_unit_test(a_callback_calls_no_system),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
