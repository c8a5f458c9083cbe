// SPDX-License-Identifier: ISC
#ifndef CN_PRECISION_H
#define CN_PRECISION_H

#include "weights.h"

/// What CENOTE_AUTO comes to for a file; any other precision is itself.
CenotePrecision cn_precision_for(const CnWeights *weights, CenotePrecision wanted);

#endif
