// SPDX-License-Identifier: ISC
#include "rt/resample.h"

#include <stdlib.h>

CenoteStatus cenote_resampler_new(double in_hz, double out_hz, CenoteQuality quality,
                                  CenoteResampler **out)
{
  *out = NULL;
  const double ratio = out_hz / in_hz;
  if (!(in_hz > 0.0) || !(out_hz > 0.0) || !src_is_valid_ratio(ratio)) return CENOTE_BAD_ARGUMENT;
  CenoteResampler *resampler = malloc(sizeof *resampler);
  if (!resampler) return CENOTE_NO_MEMORY;
  int error;
  resampler->ratio = ratio;
  resampler->src =
      src_new(quality == CENOTE_BEST ? SRC_SINC_BEST_QUALITY : SRC_SINC_MEDIUM_QUALITY, 1, &error);
  if (!resampler->src) {
    free(resampler);
    return CENOTE_NO_MEMORY;
  }
  *out = resampler;
  return CENOTE_OK;
}

void cenote_resampler_free(CenoteResampler *resampler)
{
  if (!resampler) return;
  src_delete(resampler->src);
  free(resampler);
}
