// SPDX-License-Identifier: ISC
#include "gemv_chain.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static const double SECONDS = 0.3; ///< of measuring each chain
enum { PAGE = 2 << 20 };

static double now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

float gemv_random(uint32_t *state)
{
  *state = *state * 1664525u + 1013904223u; // Numerical Recipes' generator
  return (float)(int32_t)*state * 0x1p-31f;
}

void *gemv_memory(size_t bytes)
{
  char *data = mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return NULL;
  data += (PAGE - (uintptr_t)data % PAGE) % PAGE;
#ifdef MADV_HUGEPAGE
  madvise(data, bytes, MADV_HUGEPAGE);
#endif
  memset(data, 0, bytes);
  return data;
}

double gemv_chain_ns(GemvProduct product, const void *data, size_t matrices)
{
  // A kernel may write whole vectors past the last row.
  _Alignas(64) float x[GEMV_NARROW + 16];
  _Alignas(64) float y[GEMV_WIDE + 16];
  uint32_t state = 1;
  for (size_t i = 0; i < GEMV_NARROW; ++i) x[i] = gemv_random(&state);
  double best = 1e300;
  const double end = now_ns() + 1e9 * SECONDS;
  for (double last = now_ns(); last < end;) {
    for (size_t i = 0; i < GEMV_STREAM; i += 2) {
      product(data, i % matrices, y, x);
      product(data, (i + 1) % matrices, x, y);
    }
    const double now = now_ns();
    if (now - last < best) best = now - last;
    last = now;
  }
  return best / GEMV_STREAM;
}

void gemv_report(const char *name, const char *extra, GemvProduct product, const void *data)
{
  const double hot = gemv_chain_ns(product, data, GEMV_HOT);
  const double stream = gemv_chain_ns(product, data, GEMV_STREAM);
  printf("{\"name\":\"%s\",\"hot_ns\":%.1f,\"stream_ns\":%.1f,%s}\n", name, hot, stream, extra);
}
