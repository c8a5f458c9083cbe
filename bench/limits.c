// SPDX-License-Identifier: ISC
// Each figure comes from a pass that is timed again and again. A pass reads a working set once or
// more, or makes a fixed number of multiply-adds on registers.
#include "limits.h"
#include "limits_loops.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

const size_t limits_bytes[LIMITS_SIZES] = {24 << 10, 512 << 10, 3 << 20, 7 << 20, 28 << 20};

enum {
  PAGE = 2 << 20,
  SLICE = 4 << 10, ///< readers take whole ones
  MAX_REPEATS = 1000,
  MIN_REPEATS = 5,
  PASS_BYTES = 1 << 20, ///< at least: the clock takes its time too
  PASS_ROUNDS = 1 << 14
};

static double now_s(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

/// Of so many seconds each for `work`, and what that makes a second.
static LimitsRate rate(double *took, size_t repeats, double work)
{
  qsort(took, repeats, sizeof *took, by_size);
  return (LimitsRate){.best = 1e-9 * work / took[0], .median = 1e-9 * work / took[repeats / 2]};
}

/// The reader of one thread.
typedef struct Reader {
  const LimitsLoops *loops;
  const char *data;
  size_t bytes;
  double seconds;
  atomic_int *waiting; ///< readers still to come
  LimitsRate rate;
} Reader;

static void *run_reader(void *argument)
{
  Reader *reader = argument;
  double took[MAX_REPEATS];
  size_t repeats = 0;
  const size_t times = 1 + (PASS_BYTES - 1) / reader->bytes;
  reader->loops->read(reader->data, reader->bytes);
  atomic_fetch_sub(reader->waiting, 1);
  while (atomic_load(reader->waiting) > 0) sched_yield();
  const double end = now_s() + reader->seconds;
  double last = now_s();
  while (repeats < MIN_REPEATS || (repeats < MAX_REPEATS && last < end)) {
    for (size_t i = 0; i < times; ++i) reader->loops->read(reader->data, reader->bytes);
    const double now = now_s();
    took[repeats++] = now - last;
    last = now;
  }
  reader->rate = rate(took, repeats, (double)(times * reader->bytes));
  return NULL;
}

static LimitsRate read_one(const LimitsLoops *loops, const char *data, size_t bytes, double seconds)
{
  atomic_int waiting = 1;
  Reader reader = {loops, data, bytes, seconds, &waiting, {0.0, 0.0}};
  run_reader(&reader);
  return reader.rate;
}

/// False when there is no second thread.
static bool read_two(const LimitsLoops *loops, const char *data, size_t bytes, double seconds,
                     LimitsRate *out)
{
  atomic_int waiting = 2;
  Reader first = {loops, data, bytes, seconds, &waiting, {0.0, 0.0}};
  Reader second = first;
  pthread_t thread;
  if (pthread_create(&thread, NULL, run_reader, &second) != 0) return false;
  run_reader(&first);
  pthread_join(thread, NULL);
  *out = (LimitsRate){first.rate.best + second.rate.best, first.rate.median + second.rate.median};
  return true;
}

static LimitsRate peak(void (*loop)(size_t rounds), double per_round, double seconds)
{
  if (!loop) return (LimitsRate){0.0, 0.0};
  double took[MAX_REPEATS];
  size_t repeats = 0;
  loop(PASS_ROUNDS);
  const double end = now_s() + seconds;
  double last = now_s();
  while (repeats < MIN_REPEATS || (repeats < MAX_REPEATS && last < end)) {
    loop(PASS_ROUNDS);
    const double now = now_s();
    took[repeats++] = now - last;
    last = now;
  }
  return rate(took, repeats, per_round * PASS_ROUNDS);
}

/// Memory on pages of 2 MB, if the system has them; its start is a multiple of that.
static char *map_data(void **whole, size_t bytes)
{
  *whole = mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (*whole == MAP_FAILED) return NULL;
  char *data = (char *)*whole + (PAGE - (uintptr_t)*whole % PAGE) % PAGE;
#ifdef MADV_HUGEPAGE
  madvise(data, bytes, MADV_HUGEPAGE); // small pages will do, if it must be
#endif
  memset(data, 1, bytes);
  return data;
}

static void measure_peaks(const LimitsLoops *loops, double each, Limits *out)
{
  out->isa = loops->isa;
  out->f32 = peak(loops->f32, loops->f32_macs, each);
  out->bf16 = peak(loops->bf16, loops->bf16_macs, each);
  out->int8 = peak(loops->int8, loops->int8_macs, each);
}

bool limits_measure_at(size_t bytes, double seconds, LimitsRate *read, Limits *peaks)
{
  const LimitsLoops loops = limits_loops();
  const double each = seconds / 4;
  void *whole;
  bytes = (bytes + SLICE - 1) / SLICE * SLICE;
  char *data = map_data(&whole, bytes);
  if (!data) return false;
  *read = read_one(&loops, data, bytes, each);
  *peaks = (Limits){.two_threads = false};
  measure_peaks(&loops, each, peaks);
  munmap(whole, bytes + PAGE);
  return true;
}

bool limits_measure(double seconds, Limits *out)
{
  const LimitsLoops loops = limits_loops();
  const size_t bytes = limits_bytes[LIMITS_SIZES - 1];
  const double each = seconds / (LIMITS_SIZES * LIMITS_THREADS + 3);
  void *whole;
  char *data = map_data(&whole, bytes);
  if (!data) return false;
  *out = (Limits){.two_threads = true};
  for (size_t i = 0; i < LIMITS_SIZES; ++i) {
    out->read[i][0] = read_one(&loops, data, limits_bytes[i], each);
    out->two_threads =
        read_two(&loops, data, limits_bytes[i], each, &out->read[i][1]) && out->two_threads;
  }
  measure_peaks(&loops, each, out);
  munmap(whole, bytes + PAGE);
  return true;
}
