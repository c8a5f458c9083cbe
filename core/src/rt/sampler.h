// SPDX-License-Identifier: ISC
#ifndef CN_SAMPLER_H
#define CN_SAMPLER_H

#include "kernels/kernels.h"

#include <cenote/cenote.h>

typedef struct CnSampler {
  float temperature; ///< 0..4; 0 takes the likeliest
  float top_p;       ///< 0..1; 1 is off
  uint32_t top_k;    ///< 1..256; 256 is off
} CnSampler;

/// Choose a code: MODEL.md section 7. `uniform` in [0, 1). The logits are finite.
CENOTE_RT uint8_t cn_sample(const CnKernels *kernels, const CnSampler *sampler, const float *logits,
                            double uniform);

/// -log2 softmax(logits)[code].
CENOTE_RT double cn_bits(const CnKernels *kernels, const float *logits, uint8_t code);

#endif
