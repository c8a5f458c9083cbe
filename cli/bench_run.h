// SPDX-License-Identifier: ISC
// Timing a model's steps in one setting.
#ifndef CLI_BENCH_RUN_H
#define CLI_BENCH_RUN_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_MAX_VOICES = 256 };

typedef struct BenchSetting {
  const CenoteModel *model;
  uint32_t voices;
  uint32_t threads; ///< that share the voices; no more than there are voices
  bool spread;      ///< voices that start at different steps
  double seconds;   ///< to measure for, about
} BenchSetting;

/// Microseconds of a step of all voices.
typedef struct BenchResult {
  size_t steps;
  double mean_us;
  double p50_us;
  double p99_us;
  double max_us;
  // Of each phase of the pooling period the fastest repeat: their mean, and the worst of them.
  double clean_us;
  double clean_worst_us;
} BenchResult;

/// A CLI_ status, having said what went wrong. phase_us (may be NULL) receives for each phase of
/// the period its fastest repeat (0 if there was no time for it), beginning at any phase; with
/// threads, the first one's.
int bench_run(const BenchSetting *setting, BenchResult *out, float *phase_us);

/// How often such steps fit into the time of one sample.
double bench_realtime(const CenoteModel *model, double us);

/// The CPU as the kernel names it, or its architecture.
void bench_cpu(char *name, size_t size);

#endif
