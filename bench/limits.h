// SPDX-License-Identifier: ISC
// What this machine can do at best, measured in the run whose figures are to be judged by it: how
// fast weights can be read, and how many multiply-adds a core makes. The step of a model can be no
// faster than its weights' bytes over the first or its products over the second.
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

enum { LIMITS_SIZES = 5, LIMITS_THREADS = 2 };

/// Working sets in bytes: within L1, within L2, int8's level 0, int8's and f32's whole SC09 size.
extern const size_t limits_bytes[LIMITS_SIZES];

/// Of a few repeats.
typedef struct LimitsRate {
  double best;
  double median;
} LimitsRate;

typedef struct Limits {
  /// GB/s of all threads together: one thread, and two that read the same memory, as threads that
  /// share a model's weights do. 2 MB pages where the system gives them.
  LimitsRate read[LIMITS_SIZES][LIMITS_THREADS];
  bool two_threads; ///< false when the second could not be started: its figures are 0
  /// G multiply-adds a second of one thread, sums in f32 or int32; 0 where the CPU has none such.
  LimitsRate f32;
  LimitsRate bf16;
  LimitsRate int8;
  const char *isa; ///< of the loops that measured: "avx512", "avx2", "neon", "generic"
} Limits;

/// Takes about `seconds`. False when memory ran out.
bool limits_measure(double seconds, Limits *out);

/// The same of one working set of about `bytes` alone, read by one thread.
bool limits_measure_at(size_t bytes, double seconds, LimitsRate *read, Limits *peaks);

#endif
