// SPDX-License-Identifier: ISC
// What all back ends share: rings, counters, and the thread that does what may take long or hang:
// opening a lost device again, and closing.
#include "audio.h"

#include "audio_backend.h"
#include "now.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double first_retry_s = 0.5, last_retry_s = 8.0; // doubled from the one to the other
static const double stall_s = 2.0;                           // without a callback
static const double grace_s = 1.0;                           // to close in

struct Audio {
  AudioOptions options;
  const AudioBackend *backend;
  void *device; ///< NULL: none; the thread's while there is one
  Card card;
  double rate_hz;
  uint64_t seen; ///< callbacks
  double seen_s;
  pthread_t thread;
  bool at_work; ///< there is a thread, not joined yet
  pthread_mutex_t lock;
  pthread_cond_t changed;
  // Under the lock:
  bool stop;
  bool ready;                                   ///< the thread has done its work
  char refusal[sizeof((CenoteError *)0)->text]; ///< of the last try; said unless it was before
  bool refused;
};

static struct timespec at(double time_s)
{
  const double whole = floor(time_s);
  return (struct timespec){.tv_sec = (time_t)whole, .tv_nsec = (long)((time_s - whole) * 1e9)};
}

static CenoteStatus make_rings(Audio *audio, CenoteError *err)
{
  const AudioOptions *o = &audio->options;
  const double ahead = o->ahead_ms * 1e-3 * audio->rate_hz;
  const size_t blocks = 2 * ((size_t)o->block + audio_period(audio)) + 4096;
  if (!o->mute) audio->card.out = ring_new((size_t)ahead + blocks, o->channels * sizeof(float));
  if (o->input) audio->card.in = ring_new((size_t)audio->rate_hz + blocks, sizeof(float));
  if ((o->mute || audio->card.out) && (!o->input || audio->card.in)) return CENOTE_OK;
  snprintf(err->text, sizeof err->text, "out of memory");
  return CENOTE_NO_MEMORY;
}

static void discard(Audio *audio)
{
  pthread_mutex_destroy(&audio->lock);
  pthread_cond_destroy(&audio->changed);
  ring_free(audio->card.out);
  ring_free(audio->card.in);
  free(audio);
}

CenoteStatus audio_open_by(const AudioBackend *const *backends, size_t count,
                           const AudioOptions *options, Audio **out, CenoteError *err)
{
  *out = NULL;
  Audio *audio = calloc(1, sizeof *audio);
  if (!audio) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return CENOTE_NO_MEMORY;
  }
  audio->options = *options;
  if (options->channels == 0) audio->options.channels = ENGINE_STEREO;
  audio->card.channels = audio->options.channels;
  audio->rate_hz = options->rate_hz;
  pthread_condattr_t clock;
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_mutex_init(&audio->lock, NULL);
  pthread_cond_init(&audio->changed, &clock);
  pthread_condattr_destroy(&clock);
  CenoteStatus status = CENOTE_NOT_FOUND;
  for (size_t i = 0; i < count && status == CENOTE_NOT_FOUND; ++i) {
    audio->backend = backends[i];
    status =
        audio->backend->open(&audio->options, &audio->card, &audio->rate_hz, &audio->device, err);
  }
  if (status == CENOTE_OK) {
    status = make_rings(audio, err);
    if (status != CENOTE_OK) audio->backend->close(audio->device);
  }
  if (status != CENOTE_OK) {
    discard(audio);
    return status;
  }
  audio->seen_s = now_s();
  *out = audio;
  return status;
}

CenoteStatus audio_start(Audio *audio, CenoteError *err)
{
  audio->seen_s = now_s();
  return audio->backend->start(audio->device, err);
}

/// The device, opened and started. No callback runs, so this thread may read the ring in its place.
static bool open_again(Audio *audio, CenoteError *err)
{
  Card *card = &audio->card;
  double rate_hz = audio->rate_hz;
  err->text[0] = '\0';
  atomic_store_explicit(&card->dead, false, memory_order_relaxed);
  CenoteStatus status = audio->backend->open(&audio->options, card, &rate_hz, &audio->device, err);
  if (status == CENOTE_NOT_FOUND) err->text[0] = '\0'; // as was to be expected
  if (status != CENOTE_OK) return false;
  float frame[ENGINE_CHANNELS];
  while (card->out && ring_read(card->out, frame, 1) == 1) continue; // sound of before
  card->started = false;
  if (audio->backend->start(audio->device, err) == CENOTE_OK) return true;
  audio->backend->close(audio->device);
  audio->device = NULL;
  return false;
}

/// Under the lock: wait so long, or until it is to stop.
static void pause_for(Audio *audio, double time_s)
{
  const struct timespec until = at(now_s() + time_s);
  while (!audio->stop && pthread_cond_timedwait(&audio->changed, &audio->lock, &until) == 0)
    continue;
}

static void *reopen(void *data)
{
  Audio *audio = data;
  CenoteError err;
  double wait_s = audio->options.retry_s > 0.0 ? audio->options.retry_s : first_retry_s;
  audio->backend->close(audio->device);
  audio->device = NULL;
  pthread_mutex_lock(&audio->lock);
  for (;;) {
    pause_for(audio, wait_s);
    if (audio->stop) break;
    wait_s = fmin(2.0 * wait_s, last_retry_s);
    pthread_mutex_unlock(&audio->lock);
    const bool opened = open_again(audio, &err);
    pthread_mutex_lock(&audio->lock);
    if (opened) break;
    if (strcmp(err.text, audio->refusal) != 0 && err.text[0] != '\0') {
      memcpy(audio->refusal, err.text, sizeof audio->refusal);
      audio->refused = true;
    }
  }
  audio->ready = true;
  pthread_cond_broadcast(&audio->changed);
  pthread_mutex_unlock(&audio->lock);
  return NULL;
}

static AudioChange tend_lost(Audio *audio)
{
  pthread_mutex_lock(&audio->lock);
  const bool ready = audio->ready;
  if (audio->refused) fprintf(stderr, "cenoted: still without it: %s\n", audio->refusal);
  audio->refused = false;
  pthread_mutex_unlock(&audio->lock);
  if (!ready) return AUDIO_SAME;
  pthread_join(audio->thread, NULL);
  audio->at_work = false;
  audio->refusal[0] = '\0';
  audio->seen_s = now_s();
  fprintf(stderr, "cenoted: %s is back\n", audio->backend->name);
  return AUDIO_BACK;
}

AudioChange audio_tend(Audio *audio)
{
  if (!audio) return AUDIO_SAME;
  if (audio->at_work) return tend_lost(audio);
  const uint64_t callbacks = audio_callbacks(audio);
  const double now = now_s();
  const bool dead = atomic_load_explicit(&audio->card.dead, memory_order_relaxed);
  if (callbacks != audio->seen) {
    audio->seen = callbacks;
    audio->seen_s = now;
  }
  if (!dead && now - audio->seen_s <= stall_s) return AUDIO_SAME;
  audio->ready = audio->stop = false;
  audio->at_work = pthread_create(&audio->thread, NULL, reopen, audio) == 0;
  if (!audio->at_work) return AUDIO_SAME; // the next call tries again
  fprintf(stderr, "cenoted: %s: %s %s; playing on without it, until it can be opened\n",
          audio->backend->name, audio->options.mute ? "the server" : "the sound device",
          dead ? "is gone" : "has stopped");
  return AUDIO_LOST;
}

static void *close_device(void *data)
{
  Audio *audio = data;
  audio->backend->close(audio->device);
  audio->device = NULL;
  pthread_mutex_lock(&audio->lock);
  audio->ready = true;
  pthread_cond_broadcast(&audio->changed);
  pthread_mutex_unlock(&audio->lock);
  return NULL;
}

/// False when the thread does not end in time; then it still holds all of it.
static bool await_thread(Audio *audio)
{
  const struct timespec until = at(now_s() + grace_s);
  pthread_mutex_lock(&audio->lock);
  audio->stop = true;
  pthread_cond_broadcast(&audio->changed);
  int late = 0;
  while (!audio->ready && late == 0)
    late = pthread_cond_timedwait(&audio->changed, &audio->lock, &until);
  const bool ready = audio->ready;
  pthread_mutex_unlock(&audio->lock);
  if (ready) pthread_join(audio->thread, NULL);
  audio->at_work = !ready;
  return ready;
}

bool audio_close(Audio *audio)
{
  if (!audio) return true;
  if (audio->at_work && !await_thread(audio)) return false;
  if (audio->device) {
    audio->ready = false;
    audio->at_work = pthread_create(&audio->thread, NULL, close_device, audio) == 0;
    if (!audio->at_work || !await_thread(audio)) return false;
  }
  discard(audio);
  return true;
}

double audio_rate(const Audio *audio)
{
  return audio->rate_hz;
}

const char *audio_backend_name(const Audio *audio)
{
  return audio->backend->name;
}

bool audio_has_midi(const Audio *audio)
{
  return audio->options.midi && audio->backend->midi;
}

Ring *audio_ring(Audio *audio)
{
  return audio->card.out;
}

Ring *audio_input(Audio *audio)
{
  return audio->card.in;
}

uint64_t audio_callbacks(const Audio *audio)
{
  return atomic_load_explicit(&audio->card.callbacks, memory_order_relaxed);
}

uint64_t audio_xruns(const Audio *audio)
{
  return atomic_load_explicit(&audio->card.xruns, memory_order_relaxed);
}

uint64_t audio_underflows(const Audio *audio)
{
  return atomic_load_explicit(&audio->card.underflows, memory_order_relaxed);
}

uint64_t audio_overruns(const Audio *audio)
{
  return atomic_load_explicit(&audio->card.overruns, memory_order_relaxed);
}

uint32_t audio_period(const Audio *audio)
{
  return atomic_load_explicit(&audio->card.period, memory_order_relaxed);
}

double audio_latency(const Audio *audio)
{
  return 1e-6 * atomic_load_explicit(&audio->card.latency_us, memory_order_relaxed);
}
