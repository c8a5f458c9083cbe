// SPDX-License-Identifier: ISC
// The choice of a table: made once, when training begins.
#include "kernels/ops.h"

#include <stdlib.h>
#include <string.h>

extern const Ops ops_table_plain;
#ifdef TRAINER_X86
extern const Ops ops_table_avx2;
extern const Ops ops_table_avx512;
#endif
#ifdef TRAINER_HAVE_BF16
extern const Ops ops_table_avx512bf16;
#endif

const Ops *const *ops_all(void)
{
  static const Ops *const all[] = {
#ifdef TRAINER_HAVE_BF16
      &ops_table_avx512bf16,
#endif
#ifdef TRAINER_X86
      &ops_table_avx512,     &ops_table_avx2,
#endif
      &ops_table_plain,      NULL,
  };
  return all;
}

const Ops *ops_choose(bool bfloat16)
{
  const char *forced = getenv("CENOTE_TRAINER_ISA");
  for (const Ops *const *ops = ops_all(); *ops; ++ops) {
    if (!(*ops)->usable()) continue;
    if (forced ? strcmp(forced, (*ops)->name) == 0 : bfloat16 == (*ops)->bfloat16) return *ops;
  }
  return bfloat16 ? ops_choose(false) : &ops_table_plain;
}
