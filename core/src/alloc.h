// SPDX-License-Identifier: ISC
// Aligned blocks, and carving one block into parts.
#ifndef CN_ALLOC_H
#define CN_ALLOC_H

#include <stddef.h>
#include <stdint.h>

enum { CN_ALIGN = 64 };

/// Zeroed, aligned to CN_ALIGN; NULL when there is no memory or bytes is 0. free() it.
void *cn_alloc(size_t bytes);

/// The same for weights, on large pages where the system gives them: they are read from end to end
/// at every step.
void *cn_alloc_weights(size_t bytes);

/// Round up to a whole number of CN_ALIGN bytes of floats.
static inline size_t cn_round_floats(size_t floats)
{
  const size_t step = CN_ALIGN / sizeof(float);
  return (floats + step - 1) / step * step;
}

/// Take `floats` numbers, rounded up, from a running total; returns where they begin.
static inline size_t cn_carve(size_t *total, size_t floats)
{
  const size_t at = *total;
  *total += cn_round_floats(floats);
  return at;
}

#endif
