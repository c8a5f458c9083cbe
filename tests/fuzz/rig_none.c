// SPDX-License-Identifier: ISC
// What the rig has none of: a card, MIDI, a service manager, priority.
#include "daemon.h"
#include "realtime.h"

#include <stdlib.h>

CenoteStatus audio_open(const AudioOptions *options, Audio **out, CenoteError *err)
{
  (void)options, (void)out, (void)err;
  return CENOTE_NOT_FOUND;
}

CenoteStatus audio_start(Audio *audio, CenoteError *err)
{
  (void)audio, (void)err;
  return CENOTE_OK;
}

double audio_rate(const Audio *audio)
{
  (void)audio;
  return 0.0;
}

Ring *audio_ring(Audio *audio)
{
  (void)audio;
  return NULL;
}

void input_stop(Input *input)
{
  (void)input;
}

Ring *audio_input(Audio *audio)
{
  (void)audio;
  return NULL;
}

uint64_t audio_callbacks(const Audio *audio)
{
  (void)audio;
  return 0;
}

uint64_t audio_xruns(const Audio *audio)
{
  (void)audio;
  return 0;
}

uint64_t audio_underflows(const Audio *audio)
{
  (void)audio;
  return 0;
}

double audio_latency(const Audio *audio)
{
  (void)audio;
  return 0.0;
}

bool audio_close(Audio *audio)
{
  (void)audio;
  return true;
}

Midi *midi_new(MidiSource source)
{
  (void)source;
  return malloc(1);
}

MidiIn *midi_card(Midi *midi)
{
  (void)midi;
  return NULL;
}

CenoteStatus midi_start(Midi *midi, const Audio *card, CenoteError *err)
{
  (void)midi, (void)card, (void)err;
  return CENOTE_OK;
}

const char *midi_from(const Midi *midi)
{
  (void)midi;
  return NULL;
}

bool midi_close(Midi *midi)
{
  free(midi);
  return true;
}

void service_stopping(Service *service)
{
  (void)service;
}

void realtime_lock_memory(void) {}

const char *realtime_refused(void)
{
  return NULL;
}
