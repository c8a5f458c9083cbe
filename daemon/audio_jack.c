// SPDX-License-Identifier: ISC
// JACK by its own interface: a client that outlives nothing but can be opened again when its
// server comes back, with MIDI and the true latency.
#include "audio_backend.h"

#include <inttypes.h>
#include <jack/jack.h>
#include <jack/midiport.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Client {
  jack_client_t *jack;
  jack_port_t *out[ENGINE_CHANNELS];
  size_t outs;
  jack_port_t *in;
  jack_port_t *midi_port;
  Card *card;
  MidiIn *midi;
  double rate_hz;
  const char *device;
} Client;

CENOTE_RT static void hear_midi(Client *client, jack_nframes_t frames)
{
  void *buffer = jack_port_get_buffer(client->midi_port, frames);
  const uint32_t count = jack_midi_get_event_count(buffer);
  if (count == 0) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now); // no call of the system
  const double now_s = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
  for (uint32_t i = 0; i < count; ++i) {
    jack_midi_event_t event;
    if (jack_midi_event_get(&event, buffer, i) != 0) continue;
    midi_in_feed(client->midi, event.buffer, event.size, now_s + event.time / client->rate_hz);
  }
}

CENOTE_RT static int process(jack_nframes_t frames, void *data)
{
  Client *client = data;
  float *to[ENGINE_CHANNELS];
  for (size_t c = 0; c < client->outs; ++c) to[c] = jack_port_get_buffer(client->out[c], frames);
  if (client->outs > 0) card_play(client->card, to, 1, frames);
  if (client->in) card_hear(client->card, jack_port_get_buffer(client->in, frames), 1, frames);
  if (client->midi_port) hear_midi(client, frames);
  card_turn(client->card, false);
  return 0;
}

static int on_xrun(void *data)
{
  Client *client = data;
  atomic_fetch_add_explicit(&client->card->underflows, 1, memory_order_relaxed);
  return 0;
}

static int on_period(jack_nframes_t frames, void *data)
{
  Client *client = data;
  atomic_store_explicit(&client->card->period, frames, memory_order_relaxed);
  return 0;
}

static void on_shutdown(void *data)
{
  Client *client = data;
  atomic_store_explicit(&client->card->dead, true, memory_order_relaxed);
}

static void on_latency(jack_latency_callback_mode_t mode, void *data)
{
  Client *client = data;
  if (mode != JackPlaybackLatency || client->outs == 0) return;
  jack_latency_range_t range = {0, 0};
  jack_port_get_latency_range(client->out[0], JackPlaybackLatency, &range);
  atomic_store_explicit(&client->card->latency_us,
                        (uint32_t)fmin(range.max / client->rate_hz * 1e6, 1e9),
                        memory_order_relaxed);
}

/// That no server runs is told by its absence.
static void say_nothing(const char *text)
{
  (void)text;
}

/// The ports (JackPortIsInput: what plays) of the clients whose name holds `name`; NULL: the
/// hardware's. Null-terminated, to be freed by jack_free; NULL: none.
static const char **find_ports(jack_client_t *jack, const char *name, unsigned long flags)
{
  const char **ports =
      jack_get_ports(jack, NULL, JACK_DEFAULT_AUDIO_TYPE, flags | (name ? 0 : JackPortIsPhysical));
  size_t kept = 0;
  for (size_t i = 0; ports && ports[i]; ++i) {
    const char *colon = strchr(ports[i], ':');
    const char *found = name ? strstr(ports[i], name) : ports[i];
    const size_t length = name ? strlen(name) : 0;
    if (found && colon && found + length <= colon) ports[kept++] = ports[i];
  }
  if (!ports) return NULL;
  ports[kept] = NULL;
  if (kept > 0) return ports;
  jack_free(ports);
  return NULL;
}

static jack_port_t *add_port(Client *client, const char *name, const char *type,
                             unsigned long flags, bool *failed)
{
  jack_port_t *port = jack_port_register(client->jack, name, type, flags, 0);
  if (!port) *failed = true;
  return port;
}

static bool add_ports(Client *client, const AudioOptions *options)
{
  bool failed = false;
  if (!options->mute) {
    const unsigned long flags = JackPortIsOutput | JackPortIsTerminal;
    for (uint32_t c = 0; c < options->channels; ++c) {
      char name[16];
      snprintf(name, sizeof name, "out_%" PRIu32, c + 1);
      client->out[c] = add_port(client, name, JACK_DEFAULT_AUDIO_TYPE, flags, &failed);
    }
    client->outs = options->channels;
  }
  const unsigned long flags = JackPortIsInput | JackPortIsTerminal;
  if (options->input)
    client->in = add_port(client, "in_1", JACK_DEFAULT_AUDIO_TYPE, flags, &failed);
  if (client->midi)
    client->midi_port = add_port(client, "midi_in", JACK_DEFAULT_MIDI_TYPE, flags, &failed);
  return !failed;
}

static void set_callbacks(Client *client)
{
  jack_on_shutdown(client->jack, on_shutdown, client);
  jack_set_process_callback(client->jack, process, client);
  jack_set_xrun_callback(client->jack, on_xrun, client);
  jack_set_buffer_size_callback(client->jack, on_period, client);
  jack_set_latency_callback(client->jack, on_latency, client);
}

/// A client of the right rate, with its ports.
static CenoteStatus fit(Client *client, const AudioOptions *options, double *rate_hz,
                        CenoteError *err)
{
  client->rate_hz = jack_get_sample_rate(client->jack);
  if (options->device && !options->mute) {
    const char **ports = find_ports(client->jack, options->device, JackPortIsInput);
    if (!ports) {
      snprintf(err->text, sizeof err->text, "no output device %s (see --list-devices)",
               options->device);
      return CENOTE_NOT_FOUND;
    }
    jack_free(ports);
  }
  // For MIDI alone any rate will do.
  if (*rate_hz != 0.0 && *rate_hz != client->rate_hz && !options->mute) {
    snprintf(err->text, sizeof err->text,
             "JACK runs at %.0f Hz, not %.0f (leave out --rate to use the device's own)",
             client->rate_hz, *rate_hz);
    return CENOTE_FILE_ERROR;
  }
  *rate_hz = client->rate_hz;
  set_callbacks(client);
  on_period(jack_get_buffer_size(client->jack), client);
  if (add_ports(client, options)) return CENOTE_OK;
  snprintf(err->text, sizeof err->text, "JACK takes no more ports");
  return CENOTE_FILE_ERROR;
}

static CenoteStatus open_client(const AudioOptions *options, Card *card, double *rate_hz,
                                void **out, CenoteError *err)
{
  *out = NULL;
  jack_set_error_function(say_nothing);
  jack_set_info_function(say_nothing);
  Client *client = calloc(1, sizeof *client);
  if (!client) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return CENOTE_NO_MEMORY;
  }
  client->card = card;
  client->midi = options->midi;
  client->device = options->device;
  client->jack = jack_client_open("cenote", JackNoStartServer, NULL);
  CenoteStatus status = CENOTE_NOT_FOUND;
  if (client->jack) status = fit(client, options, rate_hz, err);
  else snprintf(err->text, sizeof err->text, "no JACK server runs");
  if (status == CENOTE_OK) {
    *out = client;
    return status;
  }
  if (client->jack) jack_client_close(client->jack);
  free(client);
  return status;
}

/// Each output to the port of its number that plays: two outputs both to the only one there is, and
/// a single output to the first two, so that it is heard on both sides.
static void connect_outputs(const Client *client, const char **ports)
{
  size_t count = 0;
  while (ports[count]) ++count;
  for (size_t c = 0; c < client->outs && c < count; ++c)
    jack_connect(client->jack, jack_port_name(client->out[c]), ports[c]);
  if (client->outs == 1 && count > 1)
    jack_connect(client->jack, jack_port_name(client->out[0]), ports[1]);
  if (client->outs == 2 && count == 1)
    jack_connect(client->jack, jack_port_name(client->out[1]), ports[0]);
  if (client->outs > 2 && count < client->outs)
    fprintf(stderr, "cenoted: JACK has %zu ports that play: out_%zu and up are not connected\n",
            count, count + 1);
}

/// The input from the first port that hears.
static void connect_ports(Client *client)
{
  const char **ports = find_ports(client->jack, client->device, JackPortIsInput);
  if (ports) connect_outputs(client, ports);
  if (ports) jack_free(ports);
  if (!client->in) return;
  ports = find_ports(client->jack, client->device, JackPortIsOutput);
  if (!ports) ports = find_ports(client->jack, NULL, JackPortIsOutput);
  if (ports) jack_connect(client->jack, ports[0], jack_port_name(client->in));
  if (ports) jack_free(ports);
}

static CenoteStatus start_client(void *data, CenoteError *err)
{
  Client *client = data;
  if (jack_activate(client->jack) != 0) {
    snprintf(err->text, sizeof err->text, "cannot start the device: JACK refuses");
    return CENOTE_FILE_ERROR;
  }
  connect_ports(client);
  on_latency(JackPlaybackLatency, client);
  return CENOTE_OK;
}

static void close_client(void *data)
{
  Client *client = data;
  jack_client_close(client->jack);
  free(client);
}

const AudioBackend audio_jack = {
    .name = "JACK",
    .midi = true,
    .open = open_client,
    .start = start_client,
    .close = close_client,
};
