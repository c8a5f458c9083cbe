// SPDX-License-Identifier: ISC
// The back ends that are built in, in the order that they are asked in.
#include "audio_backend.h"

CenoteStatus audio_open(const AudioOptions *options, Audio **out, CenoteError *err)
{
  static const AudioBackend *const backends[] = {
#ifdef CENOTED_JACK
      &audio_jack,
#endif
      &audio_portaudio,
  };
  return audio_open_by(backends, sizeof backends / sizeof *backends, options, out, err);
}
