// SPDX-License-Identifier: ISC
// The ring between two threads: nothing lost, doubled or out of order.
#include "rt/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ITEMS = 200000 };

static void *write_all(void *data)
{
  Ring *ring = data;
  uint64_t items[7];
  for (uint64_t next = 0; next < ITEMS;) {
    const size_t count = 1 + next % 7;
    for (size_t i = 0; i < count; ++i) items[i] = next + i;
    if (ring_write(ring, items, count)) next += count;
  }
  return NULL;
}

static void two_threads_see_every_item_in_order(void **state)
{
  (void)state;
  Ring *ring = ring_new(50, sizeof(uint64_t));
  pthread_t writer;
  assert_non_null(ring);
  assert_int_equal(pthread_create(&writer, NULL, write_all, ring), 0);
  uint64_t items[11];
  for (uint64_t next = 0; next < ITEMS;) {
    const size_t count = ring_read(ring, items, 11);
    for (size_t i = 0; i < count; ++i) assert_int_equal(items[i], next + i);
    next += count;
  }
  pthread_join(writer, NULL);
  ring_free(ring);
}

static void a_write_that_does_not_fit_writes_nothing(void **state)
{
  (void)state;
  Ring *ring = ring_new(8, sizeof(int));
  const int in[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  int out[9];
  assert_int_equal(ring_room(ring), 8);
  assert_false(ring_write(ring, in, 9));
  assert_int_equal(ring_filled(ring), 0);
  for (int turn = 0; turn < 20; ++turn) { // the wrap, at every place
    assert_true(ring_write(ring, in, 5));
    assert_false(ring_write(ring, in, 4));
    assert_int_equal(ring_space(ring), 3);
    assert_int_equal(ring_read(ring, out, 9), 5);
    assert_memory_equal(out, in, 5 * sizeof *in);
  }
  assert_int_equal(ring_lost(ring), 9 + 20 * 4);
  ring_free(ring);
  ring_free(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_threads_see_every_item_in_order),
      cmocka_unit_test(a_write_that_does_not_fit_writes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
