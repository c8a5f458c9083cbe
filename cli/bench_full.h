// SPDX-License-Identifier: ISC
// All that `cenote bench --full` measures, and how it tells it.
#ifndef CLI_BENCH_FULL_H
#define CLI_BENCH_FULL_H

#include "bench_run.h"

enum { BENCH_ROWS = 16, BENCH_PRECISIONS = 3, BENCH_THREADS = 2, BENCH_BLOCKS = 3 };

/// One setting and what came of it.
typedef struct BenchRow {
  CenotePrecision precision;
  uint32_t voices;
  uint32_t threads;
  bool spread;
  BenchResult result;
} BenchRow;

typedef struct BenchFull {
  const CenoteModel *model;
  CenotePrecision precision; ///< the model's
  double seconds;            ///< of each measurement
  int measured;              ///< measurements so far
  int planned;
  // One thread of this machine at best.
  double read_gbs;   ///< reading as many bytes as the model's weights have
  double peak_gmacs; ///< multiply-adds as the precision's products need them; 0: not known
  const char *isa;   ///< of the loops that measured these
  CenoteLayerTime *layer;
  size_t layers;
  BenchRow row[BENCH_ROWS]; ///< voices and threads; the first one voice
  size_t rows;
  double held[BENCH_THREADS];         ///< voices at real time by number of threads; 0: not measured
  BenchRow precise[BENCH_PRECISIONS]; ///< one voice in each precision
  size_t precisions;
  double peak[BENCH_BLOCKS]; ///< the longest run of so many steps over as many mean ones
  double lag_us; ///< the furthest that one voice falls behind real time; INFINITY: ever further
} BenchFull;

/// Steps of the runs that BenchFull.peak looks at.
extern const uint32_t bench_blocks[BENCH_BLOCKS];

/// Measure and tell. `path` is the model's file; `only` says that no other precision is wanted.
int bench_full(const CenoteModel *model, const char *path, double seconds, bool only, bool json);

int bench_full_text(const BenchFull *full);
int bench_full_json(const BenchFull *full);

#endif
