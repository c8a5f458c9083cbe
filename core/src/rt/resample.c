// SPDX-License-Identifier: ISC
// Model rate to output rate. libsamplerate allocates nothing while running.
#include "rt/resample.h"

CENOTE_RT void cenote_resampler_reset(CenoteResampler *resampler)
{
  src_reset(resampler->src);
}

CENOTE_RT void cenote_resampler_set_ratio(CenoteResampler *resampler, double ratio)
{
  // What src_is_valid_ratio asks for.
  if (!(ratio >= 1.0 / 256.0 && ratio <= 256.0)) return;
  // At once: it would otherwise glide there within the next call, and so depend on its length.
  resampler->ratio = ratio;
  src_set_ratio(resampler->src, ratio);
}

CENOTE_RT void cenote_resampler_process(CenoteResampler *resampler, const float *in,
                                        uint32_t in_frames, uint32_t *used, float *out,
                                        uint32_t out_frames, uint32_t *made, bool last)
{
  SRC_DATA data = {
      .data_in = in,
      .data_out = out,
      .input_frames = (long)in_frames,
      .output_frames = (long)out_frames,
      .end_of_input = last,
      .src_ratio = resampler->ratio,
  };
  // It can only fail on arguments that cenote_resampler_new has refused.
  if (src_process(resampler->src, &data) != 0) data.input_frames_used = data.output_frames_gen = 0;
  *used = (uint32_t)data.input_frames_used;
  *made = (uint32_t)data.output_frames_gen;
}
