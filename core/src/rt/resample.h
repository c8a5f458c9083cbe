// SPDX-License-Identifier: ISC
#ifndef CN_RESAMPLE_H
#define CN_RESAMPLE_H

#include <cenote/cenote.h>
#include <samplerate.h>

struct CenoteResampler {
  SRC_STATE *src;
  double ratio; ///< out rate / in rate
};

#endif
