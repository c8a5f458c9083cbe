// SPDX-License-Identifier: ISC
// MIDI by the map of OSC: notes as /mnote, controllers as the addresses that --midi-cc gives them,
// programs as slots.
#ifndef DAEMON_MIDI_PLAY_H
#define DAEMON_MIDI_PLAY_H

#include "control.h"
#include "midi.h"

/// Who acts on MIDI; the control stays the caller's.
MidiSink midi_play(Control *control);

#endif
