// SPDX-License-Identifier: ISC
// A library that has sound cards, as audio.c uses it.
#ifndef DAEMON_AUDIO_BACKEND_H
#define DAEMON_AUDIO_BACKEND_H

#include "audio.h"
#include "rt/card.h"

typedef struct AudioBackend {
  const char *name;
  bool midi; ///< whether it takes MIDI in
  /// A device that is not started: the card's callback is not called before `start`. *rate_hz is
  /// what it must have, or 0, and then becomes what it has. CENOTE_NOT_FOUND: there is none of that
  /// name here, or none at all.
  CenoteStatus (*open)(const AudioOptions *options, Card *card, double *rate_hz, void **device,
                       CenoteError *err);
  CenoteStatus (*start)(void *device, CenoteError *err);
  /// Never comes back, perhaps.
  void (*close)(void *device);
} AudioBackend;

extern const AudioBackend audio_jack, audio_portaudio;

/// The first back end that has the device gets it, for good.
CenoteStatus audio_open_by(const AudioBackend *const *backends, size_t count,
                           const AudioOptions *options, Audio **out, CenoteError *err);

#endif
