// SPDX-License-Identifier: ISC
// The threads that render: each share once, and no thread meets subnormal numbers.
#include "workers.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { THREADS = 4 };

/// Whether results and operands below the normal numbers are zero here.
static bool flushes(void)
{
  volatile float least = FLT_MIN;
  volatile float half = 0.5f;
  volatile float below = least * half;
  union {
    uint32_t bits;
    float number;
  } subnormal = {.bits = 1u << 22};
  volatile float operand = subnormal.number;
  volatile float scale = 16.0f;
  volatile float scaled = operand * scale; // a normal number if the operand counts
  return below == 0.0f && scaled == 0.0f;
}

static void *note(void *data)
{
  bool *flushed = data;
  *flushed = flushes();
  return NULL;
}

static void a_thread_of_its_own_flushes_subnormals(void **state)
{
  (void)state;
#if !defined(__SSE2__) && !defined(__aarch64__)
  skip();
#endif
  assert_false(flushes()); // not this one
  for (int wanted = 0; wanted < 2; ++wanted) {
    bool flushed = false;
    bool realtime = wanted;
    pthread_t thread;
    assert_int_equal(workers_thread(&thread, &realtime, note, &flushed), 0);
    pthread_join(thread, NULL);
    assert_true(flushed);
  }
}

typedef struct Seen {
  atomic_uint times;
  bool flushed;
} Seen;

static void take(void *data, uint32_t share, uint32_t shares)
{
  Seen *seen = data;
  assert_true(share < shares);
  atomic_fetch_add(&seen[share].times, 1);
  seen[share].flushed = flushes();
}

static void each_share_is_done_once_and_workers_flush_subnormals(void **state)
{
  (void)state;
  static Seen seen[THREADS];
  Workers *workers = workers_start(THREADS, false, take, seen);
  assert_non_null(workers);
  for (uint32_t most = 0; most < 8; ++most) {
    for (int i = 0; i < THREADS; ++i) atomic_store(&seen[i].times, 0);
    workers_run(workers, most);
    const uint32_t shares = most < 1 ? 1 : most < THREADS ? most : THREADS;
    for (uint32_t i = 0; i < THREADS; ++i)
      assert_int_equal(atomic_load(&seen[i].times), i < shares ? 1 : 0);
  }
#if defined(__SSE2__) || defined(__aarch64__)
  for (int i = 1; i < THREADS; ++i) assert_true(seen[i].flushed);
#endif
  workers_stop(workers);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_thread_of_its_own_flushes_subnormals),
      cmocka_unit_test(each_share_is_done_once_and_workers_flush_subnormals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
