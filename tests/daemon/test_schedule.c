// SPDX-License-Identifier: ISC
// The queue of commands against a sorted array, and at its ends.
#include "rt/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t draw(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return *seed >> 33;
}

static void add(Schedule *schedule, uint64_t due, uint64_t whole)
{
  assert_true(schedule_add(schedule, &(Command){.due = due, .whole = whole}));
}

static void same_frames_keep_the_order_of_their_coming(void **state)
{
  Schedule *schedule = *state;
  static const uint64_t due[] = {5, 3, 5, 9, 3, 0, 5, 9, 0};
  static const uint64_t want[] = {5, 8, 1, 4, 0, 2, 6, 3, 7};
  for (uint64_t i = 0; i < 9; ++i) add(schedule, due[i], i);
  for (int i = 0; i < 9; ++i) {
    Waiting *first = schedule_first(schedule);
    assert_int_equal(first->command.whole, want[i]);
    assert_int_equal(first->taken, 0);
    schedule_remove(schedule, first);
  }
  assert_null(schedule_first(schedule));
  assert_int_equal(schedule->count, 0);
}

static void a_full_one_refuses_and_loses_nothing(void **state)
{
  Schedule *schedule = *state;
  for (int round = 0; round < 3; ++round) {
    for (uint64_t i = 0; i < ENGINE_QUEUE; ++i) add(schedule, ENGINE_QUEUE - i, i);
    assert_false(schedule_add(schedule, &(Command){.due = 0}));
    assert_int_equal(schedule->count, ENGINE_QUEUE);
    schedule_remove(schedule, schedule_first(schedule));
    add(schedule, 1, ENGINE_QUEUE - 1);
    assert_false(schedule_add(schedule, &(Command){.due = 0}));
    for (uint64_t i = 0; i < ENGINE_QUEUE; ++i) {
      assert_int_equal(schedule_first(schedule)->command.whole, ENGINE_QUEUE - 1 - i);
      schedule_remove(schedule, schedule_first(schedule));
    }
    assert_null(schedule_first(schedule));
  }
}

/// What waits as a plain array: sorted by frame, then by number.
typedef struct Plain {
  uint64_t due[ENGINE_QUEUE];
  uint64_t whole[ENGINE_QUEUE];
  size_t count;
} Plain;

static void plain_add(Plain *plain, uint64_t due, uint64_t whole)
{
  size_t at = plain->count++;
  for (; at > 0 && plain->due[at - 1] > due; --at) {
    plain->due[at] = plain->due[at - 1];
    plain->whole[at] = plain->whole[at - 1];
  }
  plain->due[at] = due;
  plain->whole[at] = whole;
}

static void plain_remove(Plain *plain, size_t at)
{
  const size_t after = plain->count-- - at - 1;
  memmove(plain->due + at, plain->due + at + 1, after * sizeof *plain->due);
  memmove(plain->whole + at, plain->whole + at + 1, after * sizeof *plain->whole);
}

/// From the first to the last by `next`, and from the last to the first by `before`.
static void compare(Schedule *schedule, const Plain *plain)
{
  size_t at = 0;
  assert_int_equal(schedule->count, plain->count);
  for (Waiting *w = schedule_first(schedule); w; w = schedule_next(schedule, w), ++at) {
    assert_true(at < plain->count);
    assert_int_equal(w->command.due, plain->due[at]);
    assert_int_equal(w->command.whole, plain->whole[at]);
  }
  assert_int_equal(at, plain->count);
  for (uint16_t w = schedule->last; w; w = schedule->waiting[w].before)
    assert_int_equal(schedule->waiting[w].command.whole, plain->whole[--at]);
  assert_int_equal(at, 0);
}

static void whatever_happens_it_is_a_sorted_array(void **state)
{
  static Plain plain;
  Schedule *schedule = *state;
  uint64_t seed = 1;
  for (uint64_t i = 0; i < 60000; ++i) {
    // It grows, then shrinks, past both ends.
    const bool grow = draw(&seed) % 100 < (i / 7000 % 2 ? 20 : 85);
    const uint64_t due = draw(&seed) % (i % 3 ? 50 : 100000);
    if (grow) {
      const bool room = plain.count < ENGINE_QUEUE;
      assert_int_equal(schedule_add(schedule, &(Command){.due = due, .whole = i}), room);
      if (room) plain_add(&plain, due, i);
    } else if (plain.count > 0) {
      const size_t at = draw(&seed) % 4 ? 0 : draw(&seed) % plain.count;
      Waiting *w = schedule_first(schedule);
      for (size_t k = 0; k < at; ++k) w = schedule_next(schedule, w);
      schedule_remove(schedule, w);
      plain_remove(&plain, at);
    } else {
      assert_null(schedule_first(schedule));
    }
    if (i % 199 == 0) compare(schedule, &plain);
  }
  compare(schedule, &plain);
}

static int setup(void **state)
{
  Schedule *schedule = malloc(sizeof *schedule);
  if (!schedule) return -1;
  schedule_init(schedule);
  *state = schedule;
  return 0;
}

static int teardown(void **state)
{
  free(*state);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(same_frames_keep_the_order_of_their_coming, setup, teardown),
      cmocka_unit_test_setup_teardown(a_full_one_refuses_and_loses_nothing, setup, teardown),
      cmocka_unit_test_setup_teardown(whatever_happens_it_is_a_sorted_array, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
