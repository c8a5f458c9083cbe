// SPDX-License-Identifier: ISC
// The choice of a kernel table: made once, when a model is loaded.
#include "kernels/kernels.h"

#include <stddef.h>
#include <string.h>

const CnKernels *const *cn_kernels_all(void)
{
  static const CnKernels *const all[] = {
#ifdef CN_HAVE_AMX
      &cn_kernels_amx,
#endif
#ifdef CN_HAVE_X86
      &cn_kernels_avx512,   &cn_kernels_avx2,
#endif
#ifdef CN_HAVE_NEON
      &cn_kernels_neon,
#endif
      &cn_kernels_portable, &cn_kernels_scalar, NULL,
  };
  return all;
}

const CnKernels *cn_kernels_choose(const char *name)
{
  for (const CnKernels *const *k = cn_kernels_all(); *k; ++k)
    if ((*k)->usable() && (!name || strcmp((*k)->name, name) == 0)) return *k;
  return NULL;
}
