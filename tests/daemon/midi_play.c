// SPDX-License-Identifier: ISC
// midi_play PORT BYTES...: a JACK client that sends one message for each argument of hexadecimal
// bytes ("90 3c 64") to PORT, one a period.
#include <jack/jack.h>
#include <jack/midiport.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MESSAGES = 64, BYTES = 8 };

typedef struct Play {
  jack_port_t *port;
  int count;
  size_t size[MESSAGES];
  jack_midi_data_t bytes[MESSAGES][BYTES];
  atomic_bool begun;
  atomic_int sent;
} Play;

static int process(jack_nframes_t frames, void *data)
{
  Play *play = data;
  void *buffer = jack_port_get_buffer(play->port, frames);
  jack_midi_clear_buffer(buffer);
  const int next = atomic_load(&play->sent);
  if (!atomic_load(&play->begun) || next == play->count) return 0;
  if (jack_midi_event_write(buffer, frames / 2, play->bytes[next], play->size[next]) == 0)
    atomic_store(&play->sent, next + 1);
  return 0;
}

int main(int argc, char **argv)
{
  static Play play;
  jack_client_t *jack = jack_client_open("midi_play", JackNoStartServer, NULL);
  if (!jack || argc < 3 || argc - 2 > MESSAGES) return 2;
  for (play.count = 0; play.count < argc - 2; ++play.count) {
    char *text = argv[play.count + 2];
    size_t *size = &play.size[play.count];
    for (char *end = text; *size < BYTES; text = end) {
      const unsigned long byte = strtoul(text, &end, 16);
      if (end == text) break;
      play.bytes[play.count][(*size)++] = (jack_midi_data_t)byte;
    }
  }
  play.port = jack_port_register(jack, "out", JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput, 0);
  jack_set_process_callback(jack, process, &play);
  if (!play.port || jack_activate(jack) != 0) return 2;
  if (jack_connect(jack, jack_port_name(play.port), argv[1]) != 0) {
    fprintf(stderr, "midi_play: no port %s\n", argv[1]);
    return 1;
  }
  atomic_store(&play.begun, true);
  for (int turn = 0; turn < 1000 && atomic_load(&play.sent) < play.count; ++turn)
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); // the last one's way
  jack_client_close(jack);
  return atomic_load(&play.sent) == play.count ? 0 : 1;
}
