// SPDX-License-Identifier: ISC
#include "midi_source.h"

#include "audio_backend.h"

#include <stdio.h>

CenoteStatus midi_jack_open(MidiIn *in, Audio **out, CenoteError *err)
{
  *out = NULL;
#ifdef CENOTED_JACK
  static const AudioBackend *const backends[] = {&audio_jack};
  const AudioOptions options = {.mute = true, .midi = in};
  CenoteStatus status = audio_open_by(backends, 1, &options, out, err);
  if (status != CENOTE_OK) return status;
  status = audio_start(*out, err);
  if (status == CENOTE_OK) return status;
  audio_close(*out);
  *out = NULL;
  return status;
#else
  (void)in;
  snprintf(err->text, sizeof err->text, "this cenoted is built without JACK");
  return CENOTE_NOT_FOUND;
#endif
}
