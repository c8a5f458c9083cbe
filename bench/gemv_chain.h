// SPDX-License-Identifier: ISC
// A chain of matrix-vector products, each reading what the one before wrote: 256 x 128 and 128 x
// 256 in turn, as in the SC09 model. Of 192 matrices the weights stream from the third-level cache
// (in int8 6.3 MB); of 2 they stay in the first ones.
#ifndef BENCH_GEMV_CHAIN_H
#define BENCH_GEMV_CHAIN_H

#include <stddef.h>
#include <stdint.h>

enum { GEMV_NARROW = 128, GEMV_WIDE = 256, GEMV_HOT = 2, GEMV_STREAM = 192 };

/// y = matrix number `index` times x (+ bias). Those of even index have 256 rows and 128 columns,
/// those of odd index 128 rows and 256 columns.
typedef void (*GemvProduct)(const void *data, size_t index, float *y, const float *x);

static inline uint32_t gemv_rows(size_t index)
{
  return index % 2 ? GEMV_NARROW : GEMV_WIDE;
}

static inline uint32_t gemv_cols(size_t index)
{
  return index % 2 ? GEMV_WIDE : GEMV_NARROW;
}

/// Numbers in [-1, 1), the same each time.
float gemv_random(uint32_t *state);

/// Memory on 2 MB pages if there are any, zeroed; never freed. NULL when there is none left.
void *gemv_memory(size_t bytes);

/// Nanoseconds a product of the fastest pass through `matrices` of them (GEMV_HOT or GEMV_STREAM;
/// both make passes of GEMV_STREAM products).
double gemv_chain_ns(GemvProduct product, const void *data, size_t matrices);

/// Measure and print {"name": NAME, "hot_ns": ..., "stream_ns": ..., EXTRA}.
void gemv_report(const char *name, const char *extra, GemvProduct product, const void *data);

#endif
