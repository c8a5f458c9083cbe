// SPDX-License-Identifier: ISC
#include "rt/midi_in.h"

enum { NOTE_OFF = 0x80, NOTE_ON = 0x90, CONTROL = 0xb0, PROGRAM = 0xc0, PRESSURE = 0xd0 };
enum { SYSTEM = 0xf0, ALL_SOUND_OFF = 120, ALL_NOTES_OFF = 123 };

CENOTE_RT bool midi_event(uint8_t status, uint8_t first, uint8_t second, MidiEvent *out)
{
  *out = (MidiEvent){.channel = (uint8_t)((status & 15) + 1), .number = first, .value = second};
  switch (status & 0xf0) {
  case NOTE_OFF:
    out->kind = MIDI_NOTE_OFF;
    return true;
  case NOTE_ON:
    out->kind = second > 0 ? MIDI_NOTE_ON : MIDI_NOTE_OFF;
    return true;
  case CONTROL:
    // 124 to 127 change the mode, and end all notes too.
    out->kind = first == ALL_SOUND_OFF || first >= ALL_NOTES_OFF ? MIDI_ALL_OFF : MIDI_CONTROL;
    return true;
  case PROGRAM:
    out->kind = MIDI_PROGRAM;
    out->value = 0;
    return true;
  default:
    return false;
  }
}

/// Whether it is whole: a status, and as many bytes of 7 bits as it asks for. What the system says
/// may have any length.
CENOTE_RT static bool whole(const uint8_t *bytes, size_t size)
{
  if (size == 0 || bytes[0] < NOTE_OFF) return false;
  if (bytes[0] >= SYSTEM) return true;
  const uint8_t kind = bytes[0] & 0xf0;
  if (kind == PROGRAM || kind == PRESSURE) return size == 2 && bytes[1] < 0x80;
  return size == 3 && bytes[1] < 0x80 && bytes[2] < 0x80;
}

CENOTE_RT void midi_in_put(MidiIn *in, const MidiEvent *event)
{
  if (!ring_write(in->events, event, 1))
    atomic_fetch_add_explicit(&in->lost, 1, memory_order_relaxed);
}

CENOTE_RT void midi_in_feed(MidiIn *in, const uint8_t *bytes, size_t size, double time_s)
{
  MidiEvent event;
  atomic_fetch_add_explicit(&in->received, 1, memory_order_relaxed);
  if (!whole(bytes, size)) {
    atomic_fetch_add_explicit(&in->bad, 1, memory_order_relaxed);
    return;
  }
  if (!midi_event(bytes[0], bytes[1 < size ? 1 : 0], size > 2 ? bytes[2] : 0, &event)) return;
  event.time_s = time_s;
  midi_in_put(in, &event);
}
