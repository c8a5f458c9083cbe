// SPDX-License-Identifier: ISC
// MIDI messages, one at a time and whole (JACK and ALSA have no running status), into a ring of
// events. The bytes are somebody else's: a message of a wrong length is counted and dropped.
#ifndef DAEMON_MIDI_IN_H
#define DAEMON_MIDI_IN_H

#include "rt/ring.h"

#include <stdatomic.h>

typedef enum MidiKind {
  MIDI_NOTE_OFF, ///< number: key, value: velocity of the release
  MIDI_NOTE_ON,  ///< number: key, value: velocity, above 0
  MIDI_CONTROL,  ///< number: controller, value
  MIDI_PROGRAM,  ///< number: program
  MIDI_ALL_OFF   ///< all notes of the channel
} MidiKind;

typedef struct MidiEvent {
  MidiKind kind;
  uint8_t channel; ///< 1 to 16
  uint8_t number;
  uint8_t value;
  double time_s; ///< of CLOCK_MONOTONIC
} MidiEvent;

typedef struct MidiIn {
  Ring *events;              ///< of MidiEvent; one thread writes
  _Atomic uint64_t lost;     ///< events that found no room
  _Atomic uint64_t bad;      ///< messages that are none
  _Atomic uint64_t received; ///< messages, of any kind
} MidiIn;

/// From the parts of a message: 7-bit numbers; false for what no event stands for.
CENOTE_RT bool midi_event(uint8_t status, uint8_t first, uint8_t second, MidiEvent *out);
/// One message; its event, if it is one, goes into the ring.
CENOTE_RT void midi_in_feed(MidiIn *in, const uint8_t *bytes, size_t size, double time_s);
/// An event that is ready.
CENOTE_RT void midi_in_put(MidiIn *in, const MidiEvent *event);

#endif
