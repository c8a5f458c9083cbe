// SPDX-License-Identifier: ISC
// Codes and sample values: MODEL.md section 5, in double.
#ifndef CN_CODEC_H
#define CN_CODEC_H

#include <cenote/cenote.h>

/// Code of y, cut to [-1, 1] first; NaN counts as 0.
CENOTE_RT uint8_t cn_encode(CenoteEncoding encoding, double y);

/// Value of a code.
CENOTE_RT double cn_decode(CenoteEncoding encoding, uint8_t code);

#endif
