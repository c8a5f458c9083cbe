// SPDX-License-Identifier: ISC
// A sound card that goes and comes back, played by a back end of the test's own.
#include "audio_backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/// The device, as the test wants it; what the back end was asked.
static struct {
  atomic_bool there;
  atomic_uint rate_hz;
  atomic_bool hangs; ///< in close, until it is false
  atomic_uint opened;
  atomic_uint closed;
  Card *_Atomic card;
} fake;

static void sleep_ms(long ms)
{
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static CenoteStatus fake_open(const AudioOptions *options, Card *card, double *rate_hz,
                              void **device, CenoteError *err)
{
  (void)options;
  *device = NULL;
  const double rate = atomic_load(&fake.rate_hz);
  if (!atomic_load(&fake.there)) {
    snprintf(err->text, sizeof err->text, "not there");
    return CENOTE_NOT_FOUND;
  }
  if (*rate_hz != 0.0 && *rate_hz != rate) {
    snprintf(err->text, sizeof err->text, "runs at %.0f Hz", rate);
    return CENOTE_FILE_ERROR;
  }
  *rate_hz = rate;
  *device = &fake;
  atomic_store(&fake.card, card);
  atomic_fetch_add(&fake.opened, 1);
  return CENOTE_OK;
}

static CenoteStatus fake_start(void *device, CenoteError *err)
{
  (void)device;
  (void)err;
  return CENOTE_OK;
}

static void fake_close(void *device)
{
  assert_ptr_equal(device, &fake);
  while (atomic_load(&fake.hangs)) sleep_ms(5);
  atomic_fetch_add(&fake.closed, 1);
}

static const AudioBackend absent = {"absent", true, fake_open, fake_start, fake_close};
static const AudioBackend backend = {"fake", false, fake_open, fake_start, fake_close};

static Audio *open_fake(double retry_s)
{
  static const AudioBackend *const backends[] = {&backend};
  const AudioOptions options = {.block = 64, .ahead_ms = 10, .input = true, .retry_s = retry_s};
  CenoteError err = {""};
  Audio *audio;
  atomic_store(&fake.there, true);
  atomic_store(&fake.rate_hz, 48000);
  atomic_store(&fake.hangs, false);
  atomic_store(&fake.opened, 0);
  atomic_store(&fake.closed, 0);
  assert_int_equal(audio_open_by(backends, 1, &options, &audio, &err), CENOTE_OK);
  assert_int_equal(audio_start(audio, &err), CENOTE_OK);
  return audio;
}

static void lose(void)
{
  atomic_store(&fake.there, false);
  atomic_store(&atomic_load(&fake.card)->dead, true);
}

/// Tend for so long or until it changes; a call never waits.
static AudioChange tend(Audio *audio, int ms)
{
  for (; ms > 0; ms -= 2) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    const AudioChange change = audio_tend(audio);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9 <
                0.2);
    if (change != AUDIO_SAME) return change;
    sleep_ms(2);
  }
  return AUDIO_SAME;
}

static void a_lost_device_is_opened_again_with_an_empty_ring(void **state)
{
  (void)state;
  Audio *audio = open_fake(0.02);
  float frames[2 * 100], left[64], right[64];
  for (size_t i = 0; i < 200; ++i) frames[i] = 1.0f;
  assert_int_equal(audio_tend(audio), AUDIO_SAME);
  assert_true(ring_write(audio_ring(audio), frames, 100));
  card_play(atomic_load(&fake.card), (float *[]){left, right}, 1, 64);
  assert_true(left[63] == 1.0f && right[63] == 1.0f);
  lose();
  assert_int_equal(audio_tend(audio), AUDIO_LOST);
  assert_int_equal(tend(audio, 100), AUDIO_SAME); // not there yet
  assert_int_equal(atomic_load(&fake.closed), 1);
  assert_int_equal(atomic_load(&fake.opened), 1);
  atomic_store(&fake.there, true);
  assert_int_equal(tend(audio, 5000), AUDIO_BACK);
  assert_int_equal(atomic_load(&fake.opened), 2);
  assert_int_equal(audio_tend(audio), AUDIO_SAME);
  card_play(atomic_load(&fake.card), (float *[]){left, right}, 1, 64);
  for (size_t i = 0; i < 64; ++i) assert_true(left[i] == 0.0f && right[i] == 0.0f);
  assert_int_equal(audio_xruns(audio), 0); // no sound has come to it yet
  lose();
  assert_int_equal(audio_tend(audio), AUDIO_LOST);
  atomic_store(&fake.there, true);
  assert_int_equal(tend(audio, 5000), AUDIO_BACK); // and again
  assert_true(audio_close(audio));
  assert_int_equal(atomic_load(&fake.closed), 3);
}

static void another_rate_is_refused_until_it_is_right_again(void **state)
{
  (void)state;
  Audio *audio = open_fake(0.02);
  lose();
  assert_int_equal(audio_tend(audio), AUDIO_LOST);
  atomic_store(&fake.rate_hz, 44100);
  atomic_store(&fake.there, true);
  assert_int_equal(tend(audio, 200), AUDIO_SAME);
  atomic_store(&fake.rate_hz, 48000);
  assert_int_equal(tend(audio, 5000), AUDIO_BACK);
  assert_true(audio_rate(audio) == 48000.0);
  assert_true(audio_close(audio));
}

static void a_device_that_stops_without_a_word_is_lost(void **state)
{
  (void)state;
  Audio *audio = open_fake(0.02);
  for (int turn = 0; turn < 10; ++turn) {
    card_turn(atomic_load(&fake.card), false);
    assert_int_equal(tend(audio, 20), AUDIO_SAME);
  }
  assert_int_equal(tend(audio, 4000), AUDIO_LOST);
  assert_int_equal(tend(audio, 5000), AUDIO_BACK);
  assert_true(audio_close(audio));
}

static void close_does_not_wait_for_what_hangs(void **state)
{
  (void)state;
  Audio *audio = open_fake(0.02);
  atomic_store(&fake.hangs, true);
  assert_false(audio_close(audio)); // the thread still holds it
  atomic_store(&fake.hangs, false);
  for (int turn = 0; turn < 500 && atomic_load(&fake.closed) == 0; ++turn) sleep_ms(2);
  assert_true(audio_close(audio));
  audio = open_fake(60.0); // in the middle of a long wait
  lose();
  assert_int_equal(audio_tend(audio), AUDIO_LOST);
  assert_true(audio_close(audio));
  assert_true(audio_close(NULL));
  assert_int_equal(audio_tend(NULL), AUDIO_SAME);
}

static void a_device_that_no_back_end_has_is_not_opened(void **state)
{
  (void)state;
  static const AudioBackend *const backends[] = {&absent, &backend};
  const AudioOptions options = {.rate_hz = 44100, .block = 64};
  CenoteError err = {""};
  Audio *audio;
  atomic_store(&fake.there, false);
  assert_int_equal(audio_open_by(backends, 2, &options, &audio, &err), CENOTE_NOT_FOUND);
  assert_null(audio);
  assert_string_equal(err.text, "not there");
  atomic_store(&fake.there, true);
  assert_int_equal(audio_open_by(backends, 2, &options, &audio, &err), CENOTE_FILE_ERROR);
  assert_null(audio);
  assert_string_equal(err.text, "runs at 48000 Hz");
}

static void the_callback_copies_and_counts(void **state)
{
  (void)state;
  Audio *audio = open_fake(0.02);
  Card *card = atomic_load(&fake.card);
  float frames[2 * 300], out[2 * 400], heard[2 * 300], mono[300];
  for (size_t i = 0; i < 600; ++i) heard[i] = frames[i] = (float)i;
  assert_true(ring_write(audio_ring(audio), frames, 300));
  card_play(card, (float *[]){out, out + 1}, 2, 200);
  assert_memory_equal(out, frames, 400 * sizeof *out);
  card_play(card, (float *[]){out, out + 1}, 2, 200);
  assert_memory_equal(out, frames + 400, 200 * sizeof *out);
  for (size_t i = 200; i < 400; ++i) assert_true(out[i] == 0.0f);
  assert_int_equal(audio_xruns(audio), 1);
  card_hear(card, heard, 2, 300);
  assert_int_equal(ring_read(audio_input(audio), mono, 300), 300);
  for (size_t i = 0; i < 300; ++i) assert_true(mono[i] == 2.0f * (float)i + 0.5f);
  for (int turn = 0; turn < 1000; ++turn) card_hear(card, heard, 1, 300);
  assert_int_equal(audio_overruns(audio) + ring_filled(audio_input(audio)), 300000);
  assert_true(audio_overruns(audio) > 0);
  card_turn(card, true);
  assert_int_equal(audio_underflows(audio), 1);
  assert_int_equal(audio_callbacks(audio), 1);
  assert_true(audio_close(audio));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lost_device_is_opened_again_with_an_empty_ring),
      cmocka_unit_test(another_rate_is_refused_until_it_is_right_again),
      cmocka_unit_test(a_device_that_stops_without_a_word_is_lost),
      cmocka_unit_test(close_does_not_wait_for_what_hangs),
      cmocka_unit_test(a_device_that_no_back_end_has_is_not_opened),
      cmocka_unit_test(the_callback_copies_and_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
