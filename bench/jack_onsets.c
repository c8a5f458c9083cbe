// SPDX-License-Identifier: ISC
// jack_onsets JACK_PORT COUNT [OSC_PORT]: the frames, of the server's clock, where sound begins
// after 5 ms of silence, one a line, until COUNT or 30 s without. With OSC_PORT it sends /trigger 0
// itself every 60 to 120 ms, and prints the frames from then to the onset: the frame where the
// period begins in which the sound is handed over, and its place in it.
#include <arpa/inet.h>
#include <jack/jack.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ONSETS = 16384 };

typedef struct Watch {
  jack_port_t *port;
  uint32_t silent; ///< frames so far
  uint32_t least;  ///< of silence before an onset
  jack_nframes_t onset[ONSETS];
  atomic_uint onsets;
  atomic_bool begun; ///< connected: the silence before that is none
  jack_client_t *jack;
  int socket; ///< -1: only watches
} Watch;

static int process(jack_nframes_t frames, void *data)
{
  Watch *watch = data;
  const float *in = jack_port_get_buffer(watch->port, frames);
  const jack_nframes_t now = jack_last_frame_time(watch->jack);
  unsigned count = atomic_load_explicit(&watch->onsets, memory_order_relaxed);
  for (jack_nframes_t i = 0; i < frames; ++i) {
    const bool sounds = fabsf(in[i]) > 1e-4f;
    if (sounds && watch->silent >= watch->least && count < ONSETS) watch->onset[count++] = now + i;
    watch->silent = sounds ? 0 : watch->silent + 1;
  }
  if (!atomic_load_explicit(&watch->begun, memory_order_relaxed)) watch->silent = 0;
  atomic_store_explicit(&watch->onsets, count, memory_order_release);
  return 0;
}

static void sleep_ms(int ms)
{
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int open_osc(const char *port)
{
  const struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)atoi(port)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int udp = socket(AF_INET, SOCK_DGRAM, 0);
  if (connect(udp, (const struct sockaddr *)&to, sizeof to) == 0) return udp;
  close(udp);
  return -1;
}

/// One trigger and the frames until it sounds; false: it does not.
static bool measure(Watch *watch, unsigned before)
{
  static const char trigger[] = "/trigger\0\0\0\0,if\0\0\0\0\0\x3b\x03\x12\x6f"; // 0, 0.002 s
  const jack_nframes_t sent = jack_frame_time(watch->jack);
  if (send(watch->socket, trigger, sizeof trigger - 1, 0) < 0) return false;
  for (int turn = 0; turn < 1000; ++turn) {
    if (atomic_load_explicit(&watch->onsets, memory_order_acquire) > before) {
      printf("%d\n", (int)(watch->onset[before] - sent));
      return true;
    }
    sleep_ms(1);
  }
  return false;
}

/// What has been heard, as it comes.
static int follow(Watch *watch, unsigned count)
{
  unsigned told = 0;
  for (int idle = 0; told < count && idle < 3000; ++idle) {
    for (; told < count && told < atomic_load_explicit(&watch->onsets, memory_order_acquire);
         ++told) {
      printf("%u\n", watch->onset[told]);
      idle = 0;
    }
    sleep_ms(10);
  }
  return told == count ? 0 : 1;
}

int main(int argc, char **argv)
{
  static Watch watch;
  if (argc < 3 || atoi(argv[2]) < 1 || atoi(argv[2]) > ONSETS) return 2;
  const unsigned count = (unsigned)atoi(argv[2]);
  watch.socket = argc > 3 ? open_osc(argv[3]) : -1;
  watch.jack = jack_client_open("jack_onsets", JackNoStartServer, NULL);
  if (!watch.jack) return 2;
  watch.least = jack_get_sample_rate(watch.jack) / 200;
  watch.port = jack_port_register(watch.jack, "in", JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
  jack_set_process_callback(watch.jack, process, &watch);
  if (!watch.port || jack_activate(watch.jack) != 0 ||
      jack_connect(watch.jack, argv[1], jack_port_name(watch.port)) != 0) {
    fprintf(stderr, "jack_onsets: cannot hear %s\n", argv[1]);
    return 2;
  }
  sleep_ms(100);
  atomic_store_explicit(&watch.begun, true, memory_order_relaxed);
  int status = 0;
  srand(1);
  if (watch.socket < 0) {
    status = follow(&watch, count);
  } else {
    sleep_ms(200);
    for (unsigned i = 0; i < count && status == 0; ++i) {
      if (!measure(&watch, atomic_load(&watch.onsets))) status = 1;
      sleep_ms(60 + rand() % 60);
    }
  }
  jack_client_close(watch.jack);
  return status;
}
