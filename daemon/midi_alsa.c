// SPDX-License-Identifier: ISC
// A thread that sleeps until ALSA's sequencer has events.
#include "midi_source.h"
#include "now.h"

#include <stdio.h>

#ifdef CENOTED_ALSA

#include <alsa/asoundlib.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DESCRIPTORS = 8 };

struct MidiAlsa {
  MidiIn *in;
  snd_seq_t *seq;
  int stop[2]; ///< a pipe: its writing end closed ends the thread
  pthread_t thread;
};

static void count(_Atomic uint64_t *counter)
{
  atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/// Numbers of a driver may have any value; those of MIDI have 7 bits.
static void put(MidiIn *in, unsigned status, unsigned channel, unsigned first, unsigned second)
{
  MidiEvent event;
  if (channel > 15 || first > 127 || second > 127) {
    count(&in->bad);
    return;
  }
  if (!midi_event((uint8_t)(status | channel), (uint8_t)first, (uint8_t)second, &event)) return;
  event.time_s = now_s();
  midi_in_put(in, &event);
}

static void take(MidiIn *in, const snd_seq_event_t *event)
{
  const snd_seq_ev_note_t *note = &event->data.note;
  const snd_seq_ev_ctrl_t *control = &event->data.control;
  count(&in->received);
  switch (event->type) {
  case SND_SEQ_EVENT_NOTEON:
    put(in, 0x90, note->channel, note->note, note->velocity);
    break;
  case SND_SEQ_EVENT_NOTEOFF:
    put(in, 0x80, note->channel, note->note, note->velocity);
    break;
  case SND_SEQ_EVENT_CONTROLLER:
    put(in, 0xb0, control->channel, control->param, (unsigned)control->value);
    break;
  case SND_SEQ_EVENT_PGMCHANGE:
    put(in, 0xc0, control->channel, (unsigned)control->value, 0);
    break;
  default:
    break;
  }
}

static void *run(void *data)
{
  MidiAlsa *alsa = data;
  struct pollfd ready[DESCRIPTORS + 1] = {{.fd = alsa->stop[0], .events = POLLIN}};
  const int descriptors = snd_seq_poll_descriptors(alsa->seq, ready + 1, DESCRIPTORS, POLLIN);
  if (descriptors < 1) return NULL;
  for (;;) {
    const int woken = poll(ready, (nfds_t)descriptors + 1, -1);
    if (woken < 0 && errno != EINTR) return NULL;
    if (woken > 0 && ready[0].revents != 0) return NULL;
    snd_seq_event_t *event;
    int status;
    while ((status = snd_seq_event_input(alsa->seq, &event)) >= 0 && event) take(alsa->in, event);
    if (status == -ENOSPC) count(&alsa->in->lost); // the kernel's own queue ran over
    if (status == -ENODEV) return NULL;
  }
}

static void silence(const char *file, int line, const char *function, int error, const char *format,
                    ...)
{
  (void)file;
  (void)line;
  (void)function;
  (void)error;
  (void)format;
}

static int make_port(MidiAlsa *alsa)
{
  snd_lib_error_set_handler(silence); // what matters comes back as an error
  int status = snd_seq_open(&alsa->seq, "default", SND_SEQ_OPEN_INPUT, SND_SEQ_NONBLOCK);
  snd_lib_error_set_handler(NULL);
  if (status < 0) alsa->seq = NULL;
  if (status >= 0) status = snd_seq_set_client_name(alsa->seq, "cenote");
  if (status < 0) return status;
  return snd_seq_create_simple_port(alsa->seq, "in",
                                    SND_SEQ_PORT_CAP_WRITE | SND_SEQ_PORT_CAP_SUBS_WRITE,
                                    SND_SEQ_PORT_TYPE_MIDI_GENERIC | SND_SEQ_PORT_TYPE_APPLICATION);
}

static void discard(MidiAlsa *alsa)
{
  if (alsa->seq) snd_seq_close(alsa->seq);
  for (int i = 0; i < 2; ++i)
    if (alsa->stop[i] >= 0) close(alsa->stop[i]);
  free(alsa);
}

CenoteStatus midi_alsa_open(MidiIn *in, MidiAlsa **out, CenoteError *err)
{
  *out = NULL;
  MidiAlsa *alsa = calloc(1, sizeof *alsa);
  if (!alsa) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return CENOTE_NO_MEMORY;
  }
  alsa->in = in;
  alsa->stop[0] = alsa->stop[1] = -1;
  const int status = make_port(alsa);
  if (status < 0) {
    snprintf(err->text, sizeof err->text, "ALSA's sequencer: %s (is snd-seq loaded?)",
             snd_strerror(status));
  } else if (pipe(alsa->stop) != 0 || fcntl(alsa->stop[1], F_SETFD, FD_CLOEXEC) != 0 ||
             pthread_create(&alsa->thread, NULL, run, alsa) != 0) {
    snprintf(err->text, sizeof err->text, "cannot start the MIDI thread");
  } else {
    *out = alsa;
    return CENOTE_OK;
  }
  discard(alsa);
  return CENOTE_FILE_ERROR;
}

void midi_alsa_close(MidiAlsa *alsa)
{
  if (!alsa) return;
  close(alsa->stop[1]);
  alsa->stop[1] = -1;
  pthread_join(alsa->thread, NULL);
  discard(alsa);
}

#else

CenoteStatus midi_alsa_open(MidiIn *in, MidiAlsa **out, CenoteError *err)
{
  (void)in;
  *out = NULL;
  snprintf(err->text, sizeof err->text, "this cenoted is built without ALSA");
  return CENOTE_NOT_FOUND;
}

void midi_alsa_close(MidiAlsa *alsa)
{
  (void)alsa;
}

#endif
