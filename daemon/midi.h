// SPDX-License-Identifier: ISC
// MIDI in, from JACK or from ALSA's sequencer: events in a ring that the OSC thread reads.
#ifndef DAEMON_MIDI_H
#define DAEMON_MIDI_H

#include "audio.h"
#include "midi_map.h"

typedef struct Midi Midi;

typedef enum MidiSource {
  MIDI_USUAL, ///< JACK's where the sound is JACK's, else none
  MIDI_NONE,
  MIDI_JACK,
  MIDI_ALSA
} MidiSource;

/// By its name: jack, alsa, none.
bool midi_source_find(const char *name, MidiSource *out);

/// NULL when there is no memory. Nothing comes in yet.
Midi *midi_new(MidiSource source);
/// What a sound card is to be opened with (AudioOptions.midi); NULL: nothing.
MidiIn *midi_card(Midi *midi);
/// Let events come: from the card if it has them, which may be NULL; else open what --midi asks
/// for. The port is cenote:midi_in of JACK, or cenote:in of ALSA.
CenoteStatus midi_start(Midi *midi, const Audio *card, CenoteError *err);
/// Where the events come from: "JACK", "ALSA"; NULL: from nowhere.
const char *midi_from(const Midi *midi);

/// The next event. False: none now.
bool midi_read(Midi *midi, MidiEvent *out);
/// All events that have come, to the sink; NULL is fine. Opens JACK again after it has gone.
void midi_tend(Midi *midi, const MidiSink *sink);

uint64_t midi_received(const Midi *midi); ///< messages
uint64_t midi_lost(const Midi *midi);     ///< events that found the ring full
uint64_t midi_bad(const Midi *midi);      ///< messages that are none

/// After the card is closed. NULL is fine. False: a library hangs, the process must end by _exit.
bool midi_close(Midi *midi);

#endif
