// SPDX-License-Identifier: ISC
// What MIDI events mean: notes held by the pedal, and which controller is which OSC address.
#ifndef DAEMON_MIDI_MAP_H
#define DAEMON_MIDI_MAP_H

#include "rt/midi_in.h"

enum { MIDI_NUMBERS = 128, MIDI_CHANNELS = 16, MIDI_PEDAL = 64 };

/// Who acts on MIDI; any function may be NULL. Channels are 1 to 16.
typedef struct MidiSink {
  void *data;
  void (*note)(void *data, int key, int velocity, int channel); ///< velocity 0: its end
  void (*control)(void *data, int number, int value, int channel);
  void (*program)(void *data, int program, int channel);
  void (*all_off)(void *data);
} MidiSink;

/// The sustain pedals: ends of notes wait for them.
typedef struct MidiPedals {
  bool down[MIDI_CHANNELS];
  bool held[MIDI_CHANNELS][MIDI_NUMBERS]; ///< ended while the pedal was down
} MidiPedals;

/// One event to the sink. The pedal is a control too, for who wants it.
void midi_act(MidiPedals *pedals, const MidiEvent *event, const MidiSink *sink);

/// Controllers and their OSC addresses.
typedef struct MidiMap {
  const char *address[MIDI_NUMBERS]; ///< borrowed; NULL: none
} MidiMap;

/// From "N=ADDRESS", which is kept, in place of what N had. False: no controller, or no address
/// that a message can be sent to.
bool midi_map_add(MidiMap *map, const char *text);
/// NULL: none.
const char *midi_map_address(const MidiMap *map, int number);
/// What a controller's value of 0 to 127 stands for in a range, the ends exactly.
double midi_map_scale(int value, double low, double high);

#endif
