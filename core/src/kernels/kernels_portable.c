// SPDX-License-Identifier: ISC
// Four numbers at a time by the compiler's vector extensions (gcc, clang), for any CPU.
#include "kernels/kernels.h"

enum { MOST_1 = 2, MOST_2 = 1, MOST_3 = 0, MOST_4 = 0, FLIP = 0 };

#include "kernels/quads.h"

static bool usable(void)
{
  return true;
}

static inline Real sqrt_real(Real x)
{
  return (Real){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])};
}

static inline Whole mac_int8(Whole sum, Whole w, Quad x)
{
  int8_t weight[16];
  int8_t number[4];
  memcpy(weight, &w, sizeof weight);
  memcpy(number, &x, sizeof number);
  for (int row = 0; row < 4; ++row)
    for (int j = 0; j < 4; ++j) sum[row] += weight[4 * row + j] * number[j];
  return sum;
}

static inline Whole mac_int4(Whole sum, Whole w, Quad low, Quad high)
{
  uint8_t weight[16];
  int8_t number[8];
  memcpy(weight, &w, sizeof weight);
  memcpy(number, &low, sizeof low);
  memcpy(number + 4, &high, sizeof high);
  for (int row = 0; row < 4; ++row)
    for (int j = 0; j < 4; ++j)
      sum[row] +=
          (weight[4 * row + j] & 15) * number[j] + (weight[4 * row + j] >> 4) * number[4 + j];
  return sum;
}

const CnKernels cn_kernels_portable = {
    .name = "portable", .usable = usable, .flip = FLIP, .product = product, VECTOR_KERNELS};
