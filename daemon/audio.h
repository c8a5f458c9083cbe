// SPDX-License-Identifier: ISC
// A sound card: a ring that its callback empties. The callback copies, and counts when it could
// not.
#ifndef DAEMON_AUDIO_H
#define DAEMON_AUDIO_H

#include "rt/ring.h"

#include <cenote/cenote.h>

typedef struct Audio Audio;

/// Open (not start) output on the device whose name holds `device` (NULL: JACK's if a server runs,
/// else the default), at rate_hz (0: the device's own), asking for blocks of `block` frames.
/// `ahead_ms` is how much the ring holds.
CenoteStatus audio_open(const char *device, double rate_hz, uint32_t block, double ahead_ms,
                        Audio **out, CenoteError *err);
CenoteStatus audio_start(Audio *audio, CenoteError *err);

double audio_rate(const Audio *audio);
/// Stereo frames; audio time of the daemon is its writer.
Ring *audio_ring(Audio *audio);
/// Callbacks so far: one that stops growing is a dead device.
uint64_t audio_callbacks(const Audio *audio);
/// Callbacks that found the ring short, and the device's own underflows.
uint64_t audio_xruns(const Audio *audio);
uint64_t audio_underflows(const Audio *audio);
/// Seconds from callback to loudspeaker as the device has it, 0 when it does not know.
double audio_latency(const Audio *audio);

/// PortAudio hangs when its JACK server has died, so it closes in a thread that is given up after
/// a second. False then: the process must end by _exit. NULL is fine.
bool audio_close(Audio *audio);

/// Print the devices on standard output; how many there are, -1 on failure.
int audio_list(void);

#endif
