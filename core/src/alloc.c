// SPDX-License-Identifier: ISC
#define _DEFAULT_SOURCE // madvise
#include "alloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *aligned(size_t bytes, size_t align)
{
  if (bytes == 0 || bytes > SIZE_MAX - align) return NULL;
  return aligned_alloc(align, (bytes + align - 1) / align * align);
}

void *cn_alloc(size_t bytes)
{
  void *block = aligned(bytes, CN_ALIGN);
  if (block) memset(block, 0, (bytes + CN_ALIGN - 1) / CN_ALIGN * CN_ALIGN);
  return block;
}

void *cn_alloc_weights(size_t bytes)
{
  const size_t huge = (size_t)2 << 20;
  if (bytes < huge / 2) return cn_alloc(bytes);
  void *block = aligned(bytes, huge);
  if (!block) return NULL;
#ifdef MADV_HUGEPAGE
  madvise(block, (bytes + huge - 1) / huge * huge, MADV_HUGEPAGE); // a wish: failing is no harm
#endif
  memset(block, 0, bytes);
  return block;
}
