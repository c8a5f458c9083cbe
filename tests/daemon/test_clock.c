// SPDX-License-Identifier: ISC
// The line between OSC time and the sample clock.
#include "clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

// Far enough from the era's beginning that 32.32 bits use their high half.
static const uint64_t zero = UINT64_C(0xE9000000) << 32 | 0x12345678;

/// So many seconds after zero.
static uint64_t after(double seconds)
{
  return zero + (uint64_t)(int64_t)rint(seconds * 4294967296.0);
}

static void a_frame_comes_back_from_its_time(void **state)
{
  (void)state;
  static const double rates[] = {16000.0, 44100.0, 48000.0, 192000.0, 47999.3};
  for (size_t r = 0; r < sizeof rates / sizeof *rates; ++r) {
    Clock clock;
    clock_init(&clock, rates[r], zero);
    for (uint64_t frame = 0; frame < UINT64_C(10000000000); frame += 1 + frame / 7)
      assert_int_equal(clock_frame(&clock, clock_time(&clock, frame)), frame);
  }
}

static void a_time_goes_to_the_nearest_frame(void **state)
{
  (void)state;
  Clock clock;
  clock_init(&clock, 48000.0, zero);
  assert_int_equal(clock_frame(&clock, zero), 0);
  assert_int_equal(clock_frame(&clock, after(1.0)), 48000);
  assert_int_equal(clock_frame(&clock, after((100.0 + 0.49) / 48000.0)), 100);
  assert_int_equal(clock_frame(&clock, after((100.0 + 0.51) / 48000.0)), 101);
  assert_int_equal(clock_frame(&clock, after(-0.4 / 48000.0)), 0);
  assert_int_equal(clock_frame(&clock, after(-100.0)), 0);
}

/// Also on a line that does not begin at frame 0.
static void times_long_ago_are_frame_0(void **state)
{
  (void)state;
  Clock clock;
  clock_init(&clock, 48000.0, zero);
  assert_true(clock_correct(&clock, 48000, after(1.5)));
  assert_int_equal(clock_frame(&clock, after(1.5)), 48000);
  assert_int_equal(clock_frame(&clock, after(1.0)), 24000);
  assert_int_equal(clock_frame(&clock, after(0.25)), 0);
  assert_int_equal(clock_time(&clock, 24000), after(1.0));
  assert_int_equal(clock_frame(&clock, after(-3600.0)), 0);
}

static void only_more_than_the_slack_makes_a_new_line(void **state)
{
  (void)state;
  Clock clock;
  clock_init(&clock, 48000.0, zero);
  assert_int_equal(clock.lines, 1);
  for (int sign = -1; sign <= 1; sign += 2) {
    assert_false(clock_correct(&clock, 48000, after(1.0 + sign * 0.99 * CLOCK_SLACK_S)));
    assert_int_equal(clock_frame(&clock, after(1.0)), 48000);
  }
  assert_int_equal(clock.lines, 1);
  assert_true(clock_correct(&clock, 48000, after(1.0 + 1.01 * CLOCK_SLACK_S)));
  assert_int_equal(clock.lines, 2);
  assert_true(clock.rate_hz == 48000.0); // too soon to tell
  assert_int_equal(clock_frame(&clock, after(1.0 + 1.01 * CLOCK_SLACK_S)), 48000);
  assert_true(clock_correct(&clock, 48000, after(1.0)));
  assert_int_equal(clock.lines, 3);
}

/// A card 100 ppm slow; after a minute the line knows, and needs no new one for long.
static void a_line_takes_the_rate_that_was_measured(void **state)
{
  (void)state;
  Clock clock;
  const double rate = 48000.0 * (1.0 - 1e-4);
  clock_init(&clock, 48000.0, zero);
  uint64_t frame = 0;
  while (!clock_correct(&clock, frame, after((double)frame / rate))) frame += 4800;
  assert_in_range(frame, 48000 * 20, 48000 * 21);
  assert_true(fabs(clock.rate_hz - rate) < 0.01);
  for (uint64_t end = frame + UINT64_C(48000) * 3600; frame < end; frame += 48000)
    assert_false(clock_correct(&clock, frame, after((double)frame / rate)));
}

static void a_rate_that_makes_no_sense_is_not_taken(void **state)
{
  (void)state;
  Clock clock;
  clock_init(&clock, 48000.0, zero);
  assert_true(clock_correct(&clock, 48000 * 30, after(60.0))); // the card stood still
  assert_true(clock.rate_hz == 48000.0);
  assert_int_equal(clock_frame(&clock, after(61.0)), 48000 * 31);
}

/// A tag of Unix time, which lacks the 70 years from 1900, and one of a counter are not to come.
static void what_is_less_is_before_however_long(void **state)
{
  (void)state;
  Clock clock;
  clock_init(&clock, 48000.0, zero);
  const uint64_t unix_time = zero - (UINT64_C(2208988800) << 32);
  assert_true(clock_seconds(zero, unix_time) == -2208988800.0);
  assert_true(clock_seconds(unix_time, zero) == 2208988800.0);
  assert_true(clock_seconds(zero, 2) < -3.9e9);
  assert_int_equal(clock_frame(&clock, unix_time), 0);
  assert_int_equal(clock_frame(&clock, 2), 0);
}

static void ntp_counts_from_1900(void **state)
{
  (void)state;
  assert_int_equal(clock_ntp(0), UINT64_C(2208988800) << 32);
  assert_int_equal(clock_ntp(1500000000), UINT64_C(2208988801) << 32 | 0x80000000u);
  assert_true(clock_seconds(zero, after(-2.0)) == -2.0);
  const uint64_t now = clock_now();
  assert_true(clock_seconds(now, clock_now()) >= 0.0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_frame_comes_back_from_its_time),
      cmocka_unit_test(a_time_goes_to_the_nearest_frame),
      cmocka_unit_test(times_long_ago_are_frame_0),
      cmocka_unit_test(only_more_than_the_slack_makes_a_new_line),
      cmocka_unit_test(a_line_takes_the_rate_that_was_measured),
      cmocka_unit_test(a_rate_that_makes_no_sense_is_not_taken),
      cmocka_unit_test(what_is_less_is_before_however_long),
      cmocka_unit_test(ntp_counts_from_1900),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
