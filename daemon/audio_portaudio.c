// SPDX-License-Identifier: ISC
#include "audio.h"

#include <fcntl.h>
#include <pa_jack.h>
#include <portaudio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct Audio {
  PaStream *stream;
  Ring *ring;
  double rate_hz;
  double latency_s;
  bool started; ///< the callback's: whether sound has ever come
  _Atomic uint64_t callbacks;
  _Atomic uint64_t xruns;
  _Atomic uint64_t underflows;
};

CENOTE_RT static int callback(const void *in, void *out, unsigned long frames,
                              const PaStreamCallbackTimeInfo *when, PaStreamCallbackFlags flags,
                              void *data)
{
  (void)in;
  (void)when;
  Audio *audio = data;
  float *to = out;
  const size_t had = ring_read(audio->ring, to, frames);
  memset(to + 2 * had, 0, (frames - had) * 2 * sizeof *to);
  if (had < frames && audio->started)
    atomic_fetch_add_explicit(&audio->xruns, 1, memory_order_relaxed);
  if (had > 0) audio->started = true;
  if (flags & paOutputUnderflow)
    atomic_fetch_add_explicit(&audio->underflows, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&audio->callbacks, 1, memory_order_relaxed);
  return paContinue;
}

/// The back ends tell of every card that is not there; what matters comes back as an error.
static PaError initialise(void)
{
  setenv("JACK_NO_START_SERVER", "1", 0);
  PaJack_SetClientName("cenote");
  fflush(stderr);
  const int kept = dup(STDERR_FILENO);
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (kept >= 0 && null >= 0) dup2(null, STDERR_FILENO);
  const PaError error = Pa_Initialize();
  if (kept >= 0 && null >= 0) dup2(kept, STDERR_FILENO);
  if (kept >= 0) close(kept);
  if (null >= 0) close(null);
  return error;
}

static bool plays(PaDeviceIndex index)
{
  const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
  return info && info->maxOutputChannels >= 2;
}

static PaDeviceIndex choose(const char *name)
{
  for (PaDeviceIndex i = 0; name && i < Pa_GetDeviceCount(); ++i)
    if (plays(i) && strstr(Pa_GetDeviceInfo(i)->name, name)) return i;
  if (name) return paNoDevice;
  const PaHostApiIndex jack = Pa_HostApiTypeIdToHostApiIndex(paJACK);
  const PaHostApiInfo *api = jack >= 0 ? Pa_GetHostApiInfo(jack) : NULL;
  if (api && api->defaultOutputDevice != paNoDevice && plays(api->defaultOutputDevice))
    return api->defaultOutputDevice;
  const PaDeviceIndex usual = Pa_GetDefaultOutputDevice();
  return usual != paNoDevice && plays(usual) ? usual : paNoDevice;
}

static CenoteStatus open_stream(Audio *audio, PaDeviceIndex device, uint32_t block, double ahead_ms,
                                CenoteError *err)
{
  const PaDeviceInfo *info = Pa_GetDeviceInfo(device);
  if (audio->rate_hz == 0.0) audio->rate_hz = info->defaultSampleRate;
  const PaStreamParameters out = {
      .device = device,
      .channelCount = 2,
      .sampleFormat = paFloat32,
      .suggestedLatency = info->defaultLowOutputLatency,
  };
  const double ahead = ahead_ms * 1e-3 * audio->rate_hz;
  audio->ring = ring_new((size_t)ahead + 2 * (size_t)block + 4096, 2 * sizeof(float));
  if (!audio->ring) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return CENOTE_NO_MEMORY;
  }
  const PaError error = Pa_OpenStream(&audio->stream, NULL, &out, audio->rate_hz, block,
                                      paClipOff | paDitherOff, callback, audio);
  if (error == paNoError) {
    const double latency = Pa_GetStreamInfo(audio->stream)->outputLatency;
    audio->latency_s = latency >= 0.0 && latency < 10.0 ? latency : 0.0; // some report days
    return CENOTE_OK;
  }
  snprintf(err->text, sizeof err->text, "device %s at %.0f Hz: %s%s", info->name, audio->rate_hz,
           Pa_GetErrorText(error),
           error == paInvalidSampleRate ? " (leave out --rate to use the device's own)" : "");
  return CENOTE_FILE_ERROR;
}

CenoteStatus audio_open(const char *device, double rate_hz, uint32_t block, double ahead_ms,
                        Audio **out, CenoteError *err)
{
  *out = NULL;
  const PaError error = initialise();
  if (error != paNoError) {
    snprintf(err->text, sizeof err->text, "PortAudio: %s", Pa_GetErrorText(error));
    return CENOTE_FILE_ERROR;
  }
  const PaDeviceIndex index = choose(device);
  Audio *audio = calloc(1, sizeof *audio);
  CenoteStatus status = CENOTE_FILE_ERROR;
  if (!audio) {
    snprintf(err->text, sizeof err->text, "out of memory");
  } else if (index == paNoDevice) {
    if (device)
      snprintf(err->text, sizeof err->text, "no output device %s (see --list-devices)", device);
    else
      snprintf(err->text, sizeof err->text,
               "no sound card here; --output FILE writes a file, --no-audio plays without sound");
  } else {
    audio->rate_hz = rate_hz;
    status = open_stream(audio, index, block, ahead_ms, err);
  }
  if (status == CENOTE_OK) {
    *out = audio;
    return status;
  }
  Pa_Terminate();
  if (audio) ring_free(audio->ring);
  free(audio);
  return status;
}

CenoteStatus audio_start(Audio *audio, CenoteError *err)
{
  const PaError error = Pa_StartStream(audio->stream);
  if (error == paNoError) return CENOTE_OK;
  snprintf(err->text, sizeof err->text, "cannot start the device: %s", Pa_GetErrorText(error));
  return CENOTE_FILE_ERROR;
}

double audio_rate(const Audio *audio)
{
  return audio->rate_hz;
}

Ring *audio_ring(Audio *audio)
{
  return audio->ring;
}

uint64_t audio_callbacks(const Audio *audio)
{
  return atomic_load_explicit(&audio->callbacks, memory_order_relaxed);
}

uint64_t audio_xruns(const Audio *audio)
{
  return atomic_load_explicit(&audio->xruns, memory_order_relaxed);
}

uint64_t audio_underflows(const Audio *audio)
{
  return atomic_load_explicit(&audio->underflows, memory_order_relaxed);
}

double audio_latency(const Audio *audio)
{
  return audio->latency_s;
}

/// What the closing thread and its caller share; whoever is last frees it.
typedef struct Closing {
  Audio *audio;
  pthread_mutex_t lock;
  pthread_cond_t done;
  bool closed;
} Closing;

static void *close_stream(void *data)
{
  Closing *closing = data;
  Pa_AbortStream(closing->audio->stream);
  Pa_CloseStream(closing->audio->stream);
  Pa_Terminate();
  pthread_mutex_lock(&closing->lock);
  closing->closed = true;
  pthread_cond_signal(&closing->done);
  pthread_mutex_unlock(&closing->lock);
  return NULL;
}

bool audio_close(Audio *audio)
{
  if (!audio) return true;
  Closing *closing = calloc(1, sizeof *closing);
  pthread_t thread;
  if (!closing) return false;
  closing->audio = audio;
  pthread_mutex_init(&closing->lock, NULL);
  pthread_cond_init(&closing->done, NULL);
  if (pthread_create(&thread, NULL, close_stream, closing) != 0) return false;
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1;
  pthread_mutex_lock(&closing->lock);
  int late = 0;
  while (!closing->closed && late == 0)
    late = pthread_cond_timedwait(&closing->done, &closing->lock, &until);
  const bool closed = closing->closed;
  pthread_mutex_unlock(&closing->lock);
  if (!closed) return false; // the thread still holds all of it
  pthread_join(thread, NULL);
  pthread_mutex_destroy(&closing->lock);
  pthread_cond_destroy(&closing->done);
  free(closing);
  ring_free(audio->ring);
  free(audio);
  return true;
}

int audio_list(void)
{
  const PaError error = initialise();
  if (error != paNoError) {
    fprintf(stderr, "cenoted: PortAudio: %s\n", Pa_GetErrorText(error));
    return -1;
  }
  int count = 0;
  const PaDeviceIndex usual = choose(NULL);
  for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); ++i) {
    if (!plays(i)) continue;
    const PaDeviceInfo *info = Pa_GetDeviceInfo(i);
    printf("%s %s  [%s, %d channels, %.0f Hz]\n", i == usual ? "*" : " ", info->name,
           Pa_GetHostApiInfo(info->hostApi)->name, info->maxOutputChannels,
           info->defaultSampleRate);
    ++count;
  }
  Pa_Terminate();
  return count;
}
