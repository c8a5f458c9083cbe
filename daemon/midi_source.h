// SPDX-License-Identifier: ISC
// Where MIDI comes from besides a sound card, as midi.c uses it.
#ifndef DAEMON_MIDI_SOURCE_H
#define DAEMON_MIDI_SOURCE_H

#include "midi.h"

/// A JACK client with no sound.
CenoteStatus midi_jack_open(MidiIn *in, Audio **out, CenoteError *err);

typedef struct MidiAlsa MidiAlsa;

/// A client of ALSA's sequencer, and the thread that reads it.
CenoteStatus midi_alsa_open(MidiIn *in, MidiAlsa **out, CenoteError *err);
/// NULL is fine.
void midi_alsa_close(MidiAlsa *alsa);

#endif
