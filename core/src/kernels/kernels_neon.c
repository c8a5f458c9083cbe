// SPDX-License-Identifier: ISC
// Four numbers at a time on aarch64, with the dot product of ARMv8.2.
#if !defined(__aarch64__) || !defined(__ARM_FEATURE_DOTPROD)
#error "needs aarch64 with -march=armv8.2-a+dotprod"
#endif
#include "kernels/kernels.h"

#include <arm_neon.h>
#include <sys/auxv.h>

enum { MOST_1 = 4, MOST_2 = 2, MOST_3 = 1, MOST_4 = 1, FLIP = 0 };

#include "kernels/quads.h"

static bool usable(void)
{
  const unsigned long dot_product = 1ul << 20; // HWCAP_ASIMDDP
  return (getauxval(AT_HWCAP) & dot_product) != 0;
}

static inline Real sqrt_real(Real x)
{
  return (Real)vsqrtq_f32((float32x4_t)x);
}

static inline Whole mac_int8(Whole sum, Whole w, Quad x)
{
  const int8x16_t number = vreinterpretq_s8_u32(vdupq_n_u32(x));
  return (Whole)vdotq_s32((int32x4_t)sum, (int8x16_t)w, number);
}

static inline Whole mac_int4(Whole sum, Whole w, Quad low, Quad high)
{
  const uint8x16_t both = (uint8x16_t)w;
  const int8x16_t first = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15)));
  const int8x16_t second = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
  const int32x4_t half = vdotq_s32((int32x4_t)sum, first, vreinterpretq_s8_u32(vdupq_n_u32(low)));
  return (Whole)vdotq_s32(half, second, vreinterpretq_s8_u32(vdupq_n_u32(high)));
}

const CnKernels cn_kernels_neon = {
    .name = "neon", .usable = usable, .flip = FLIP, .product = product, VECTOR_KERNELS};
