// SPDX-License-Identifier: ISC
#ifndef CN_PHILOX_H
#define CN_PHILOX_H

#include <cenote/cenote.h>

/// Philox4x32-10 (Salmon et al., SC 2011): four random words, a function of key and counter.
CENOTE_RT void cn_philox(uint64_t key, uint64_t counter, uint32_t out[static 4]);

/// A uniform number in [0, 1) of 53 bits.
CENOTE_RT double cn_uniform(uint64_t key, uint64_t counter);

#endif
