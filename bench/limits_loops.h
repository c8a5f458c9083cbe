// SPDX-License-Identifier: ISC
// The loops behind limits.c, as this CPU has them.
#ifndef BENCH_LIMITS_LOOPS_H
#define BENCH_LIMITS_LOOPS_H

#include <stddef.h>

typedef struct LimitsLoops {
  const char *isa;
  /// Every byte once. `data` is aligned to 64 bytes, `bytes` a multiple of 512.
  void (*read)(const char *data, size_t bytes);
  /// So many rounds of multiply-adds on registers; NULL where the CPU has none such.
  void (*f32)(size_t rounds);
  void (*bf16)(size_t rounds);
  void (*int8)(size_t rounds);
  double f32_macs; ///< of one round
  double bf16_macs;
  double int8_macs;
} LimitsLoops;

LimitsLoops limits_loops(void);

#endif
