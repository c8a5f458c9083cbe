// SPDX-License-Identifier: ISC
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

void *cn_alloc(size_t bytes)
{
  if (bytes == 0 || bytes > SIZE_MAX - CN_ALIGN) return NULL;
  const size_t whole = (bytes + CN_ALIGN - 1) / CN_ALIGN * CN_ALIGN;
  void *block = aligned_alloc(CN_ALIGN, whole);
  if (block) memset(block, 0, whole);
  return block;
}
