// SPDX-License-Identifier: ISC
#include "midi.h"

#include "midi_source.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS = 1024 };

struct Midi {
  MidiSource source;
  MidiIn in;
  const char *from;
  Audio *jack; ///< a client of its own; NULL: none
  MidiAlsa *alsa;
  MidiPedals pedals;
};

bool midi_source_find(const char *name, MidiSource *out)
{
  static const struct {
    const char *name;
    MidiSource source;
  } known[] = {{"jack", MIDI_JACK}, {"alsa", MIDI_ALSA}, {"none", MIDI_NONE}};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
    if (strcmp(name, known[i].name) != 0) continue;
    *out = known[i].source;
    return true;
  }
  return false;
}

Midi *midi_new(MidiSource source)
{
  Midi *midi = calloc(1, sizeof *midi);
  if (!midi) return NULL;
  midi->source = source;
  midi->in.events = ring_new(EVENTS, sizeof(MidiEvent));
  if (midi->in.events) return midi;
  free(midi);
  return NULL;
}

MidiIn *midi_card(Midi *midi)
{
  return midi->source == MIDI_USUAL || midi->source == MIDI_JACK ? &midi->in : NULL;
}

CenoteStatus midi_start(Midi *midi, const Audio *card, CenoteError *err)
{
  CenoteStatus status = CENOTE_OK;
  const char *from = NULL;
  if (card && audio_has_midi(card)) {
    from = "JACK";
  } else if (midi->source == MIDI_JACK) {
    from = "JACK";
    status = midi_jack_open(&midi->in, &midi->jack, err);
  } else if (midi->source == MIDI_ALSA) {
    from = "ALSA";
    status = midi_alsa_open(&midi->in, &midi->alsa, err);
  }
  if (status == CENOTE_OK) midi->from = from;
  return status;
}

const char *midi_from(const Midi *midi)
{
  return midi->from;
}

bool midi_read(Midi *midi, MidiEvent *out)
{
  return ring_read(midi->in.events, out, 1) == 1;
}

void midi_tend(Midi *midi, const MidiSink *sink)
{
  if (!midi) return;
  audio_tend(midi->jack);
  MidiEvent event;
  // No more than there is room for: who floods it must not keep the caller.
  for (int i = 0; i < EVENTS && midi_read(midi, &event); ++i) midi_act(&midi->pedals, &event, sink);
}

uint64_t midi_received(const Midi *midi)
{
  return atomic_load_explicit(&midi->in.received, memory_order_relaxed);
}

uint64_t midi_lost(const Midi *midi)
{
  return atomic_load_explicit(&midi->in.lost, memory_order_relaxed);
}

uint64_t midi_bad(const Midi *midi)
{
  return atomic_load_explicit(&midi->in.bad, memory_order_relaxed);
}

bool midi_close(Midi *midi)
{
  if (!midi) return true;
  midi_alsa_close(midi->alsa);
  if (!audio_close(midi->jack)) return false;
  ring_free(midi->in.events);
  free(midi);
  return true;
}
