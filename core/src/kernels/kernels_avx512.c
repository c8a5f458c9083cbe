// SPDX-License-Identifier: ISC
// AVX-512 with VNNI and BF16.
#include "kernels/avx512.h"

const CnKernels cn_kernels_avx512 = {
    .name = "avx512", .usable = usable_avx512, .flip = FLIP, .product = product, VECTOR_KERNELS};
