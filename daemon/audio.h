// SPDX-License-Identifier: ISC
// A sound card: a ring that its callback empties, and one that it fills. The callback copies, and
// counts when it could not. A card that goes is opened again by a thread of its own.
#ifndef DAEMON_AUDIO_H
#define DAEMON_AUDIO_H

#include "rt/midi_in.h"
#include "rt/ring.h"

#include <cenote/cenote.h>

typedef struct Audio Audio;

typedef struct AudioOptions {
  /// Part of a device's name, kept; NULL: JACK's if a server runs, else the default.
  const char *device;
  double rate_hz;    ///< 0: the device's own
  uint32_t block;    ///< frames asked for at a time
  uint32_t channels; ///< that play, 1 to ENGINE_CHANNELS; 0: stereo
  double ahead_ms;   ///< how much the ring holds
  bool mute;         ///< no sound at all: for MIDI alone
  bool input;        ///< listen too
  MidiIn *midi;      ///< where MIDI goes, if the device (JACK) has some; NULL: nowhere
  double retry_s;    ///< until a lost device is first tried; 0: the usual half a second
} AudioOptions;

/// Open, not start.
CenoteStatus audio_open(const AudioOptions *options, Audio **out, CenoteError *err);
CenoteStatus audio_start(Audio *audio, CenoteError *err);

typedef enum AudioChange {
  AUDIO_SAME,
  AUDIO_LOST, ///< go on by another clock, and leave the ring alone
  AUDIO_BACK  ///< it plays again, from an empty ring
} AudioChange;

/// To be called often, from one thread: sees whether the device is there and has it opened again,
/// after 0.5, 1, 2, 4 and then each 8 s, without ever waiting for it. Says so on standard error.
AudioChange audio_tend(Audio *audio);

double audio_rate(const Audio *audio);
/// Of the library that has the device: "JACK", "PortAudio".
const char *audio_backend_name(const Audio *audio);
/// Whether MIDI comes from it.
bool audio_has_midi(const Audio *audio);
/// Frames of its channels; audio time of the daemon is its writer.
Ring *audio_ring(Audio *audio);
/// Mono frames heard, about a second of them at most; NULL without `input`. Nothing comes while the
/// device is away.
Ring *audio_input(Audio *audio);
/// Callbacks so far: one that stops growing is a dead device.
uint64_t audio_callbacks(const Audio *audio);
/// Callbacks that found the ring short, and the device's own underflows.
uint64_t audio_xruns(const Audio *audio);
uint64_t audio_underflows(const Audio *audio);
/// Frames heard that nobody had read in time.
uint64_t audio_overruns(const Audio *audio);
/// Frames that the device takes at a time, 0 when it does not say: less ahead is never enough.
uint32_t audio_period(const Audio *audio);
/// Seconds from callback to loudspeaker as the device has it, 0 when it does not know.
double audio_latency(const Audio *audio);

/// Libraries may hang when what they talk to has died, so it closes in a thread that is given up
/// after a second. False then: the process must end by _exit. NULL is fine.
bool audio_close(Audio *audio);

/// Print the devices with so many channels on standard output; how many there are, -1 on failure.
int audio_list(uint32_t channels);

#endif
