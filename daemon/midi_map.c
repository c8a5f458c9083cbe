// SPDX-License-Identifier: ISC
#include "midi_map.h"

#include <stdlib.h>
#include <string.h>

static void note(const MidiSink *sink, int key, int velocity, int channel)
{
  if (sink->note) sink->note(sink->data, key, velocity, channel);
}

static void lift(MidiPedals *pedals, int channel, const MidiSink *sink)
{
  bool *held = pedals->held[channel - 1];
  pedals->down[channel - 1] = false;
  for (int key = 0; key < MIDI_NUMBERS; ++key) {
    if (held[key]) note(sink, key, 0, channel);
    held[key] = false;
  }
}

void midi_act(MidiPedals *pedals, const MidiEvent *event, const MidiSink *sink)
{
  enum { RESET = 121 };
  const int channel = event->channel;
  const int number = event->number;
  if (channel < 1 || channel > MIDI_CHANNELS || number >= MIDI_NUMBERS) return;
  bool *held = &pedals->held[channel - 1][number];
  switch (event->kind) {
  case MIDI_NOTE_ON:
    *held = false;
    note(sink, number, event->value, channel);
    break;
  case MIDI_NOTE_OFF:
    if (pedals->down[channel - 1]) *held = true;
    else note(sink, number, 0, channel);
    break;
  case MIDI_CONTROL:
    if (number == MIDI_PEDAL && event->value >= 64) pedals->down[channel - 1] = true;
    if ((number == MIDI_PEDAL && event->value < 64) || number == RESET) lift(pedals, channel, sink);
    if (sink->control) sink->control(sink->data, number, event->value, channel);
    break;
  case MIDI_PROGRAM:
    if (sink->program) sink->program(sink->data, number, channel);
    break;
  case MIDI_ALL_OFF:
    memset(pedals->held, 0, sizeof pedals->held);
    if (sink->all_off) sink->all_off(sink->data);
    break;
  }
}

bool midi_map_add(MidiMap *map, const char *text)
{
  char *end;
  if (text[0] < '0' || text[0] > '9') return false;
  const unsigned long number = strtoul(text, &end, 10);
  if (number >= MIDI_NUMBERS || end[0] != '=' || end[1] != '/' || end[2] == '\0') return false;
  const char *address = end + 1;
  // OSC 1.0: what no part of an address may hold, patterns included.
  for (const char *c = address; *c != '\0'; ++c)
    if (*c <= ' ' || *c > '~' || strchr("#*,?[]{}", *c)) return false;
  if (strlen(address) > 255) return false;
  map->address[number] = address;
  return true;
}

const char *midi_map_address(const MidiMap *map, int number)
{
  return number >= 0 && number < MIDI_NUMBERS ? map->address[number] : NULL;
}

double midi_map_scale(int value, double low, double high)
{
  if (value <= 0) return low;
  return value >= 127 ? high : low + (high - low) * value / 127.0;
}
