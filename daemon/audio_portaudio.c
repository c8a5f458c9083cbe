// SPDX-License-Identifier: ISC
// Every sound card that is not JACK's, or JACK's too where it is not built in.
#include "audio_backend.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pa_jack.h>
#include <portaudio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEARD = 2 }; // channels of the input at most

typedef struct Device {
  PaStream *stream;
  Card *card;
  size_t heard; ///< channels
} Device;

CENOTE_RT static int callback(const void *in, void *out, unsigned long frames,
                              const PaStreamCallbackTimeInfo *when, PaStreamCallbackFlags flags,
                              void *data)
{
  (void)when;
  Device *device = data;
  float *to[ENGINE_CHANNELS];
  const size_t channels = device->card->channels;
  for (size_t c = 0; c < channels; ++c) to[c] = (float *)out + c;
  card_play(device->card, to, channels, frames);
  if (device->heard > 0) card_hear(device->card, in, device->heard, frames);
  card_turn(device->card, (flags & paOutputUnderflow) != 0);
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

static bool plays(PaDeviceIndex index, uint32_t channels)
{
  const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
  return info && info->maxOutputChannels >= (int)channels;
}

static PaDeviceIndex choose(const char *name, uint32_t channels)
{
  for (PaDeviceIndex i = 0; name && i < Pa_GetDeviceCount(); ++i)
    if (plays(i, channels) && strstr(Pa_GetDeviceInfo(i)->name, name)) return i;
  if (name) return paNoDevice;
  const PaHostApiIndex jack = Pa_HostApiTypeIdToHostApiIndex(paJACK);
  const PaHostApiInfo *api = jack >= 0 ? Pa_GetHostApiInfo(jack) : NULL;
  if (api && api->defaultOutputDevice != paNoDevice && plays(api->defaultOutputDevice, channels))
    return api->defaultOutputDevice;
  const PaDeviceIndex usual = Pa_GetDefaultOutputDevice();
  return usual != paNoDevice && plays(usual, channels) ? usual : paNoDevice;
}

/// What is listened to: the same device if it can, else the default one of its kind.
static PaDeviceIndex choose_input(PaDeviceIndex output)
{
  const PaDeviceInfo *info = Pa_GetDeviceInfo(output);
  if (info->maxInputChannels > 0) return output;
  return Pa_GetHostApiInfo(info->hostApi)->defaultInputDevice;
}

static CenoteStatus open_stream(Device *device, const AudioOptions *options, PaDeviceIndex index,
                                double *rate_hz, CenoteError *err)
{
  const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
  if (*rate_hz == 0.0) *rate_hz = info->defaultSampleRate;
  const PaStreamParameters out = {
      .device = index,
      .channelCount = (int)options->channels,
      .sampleFormat = paFloat32,
      .suggestedLatency = info->defaultLowOutputLatency,
  };
  PaStreamParameters in = {.sampleFormat = paFloat32};
  if (options->input) {
    in.device = choose_input(index);
    const PaDeviceInfo *heard = in.device == paNoDevice ? NULL : Pa_GetDeviceInfo(in.device);
    if (!heard || heard->maxInputChannels < 1) {
      snprintf(err->text, sizeof err->text, "device %s has no input", info->name);
      return CENOTE_FILE_ERROR;
    }
    in.channelCount = heard->maxInputChannels < HEARD ? heard->maxInputChannels : HEARD;
    in.suggestedLatency = heard->defaultLowInputLatency;
    device->heard = (size_t)in.channelCount;
  }
  const PaError error = Pa_OpenStream(&device->stream, options->input ? &in : NULL, &out, *rate_hz,
                                      options->block, paClipOff | paDitherOff, callback, device);
  if (error == paNoError) {
    const double latency_s = Pa_GetStreamInfo(device->stream)->outputLatency;
    const bool likely = latency_s >= 0.0 && latency_s < 10.0; // some report days
    atomic_store_explicit(&device->card->latency_us, likely ? (uint32_t)(latency_s * 1e6) : 0,
                          memory_order_relaxed);
    return CENOTE_OK;
  }
  snprintf(err->text, sizeof err->text, "device %s at %.0f Hz: %s%s", info->name, *rate_hz,
           Pa_GetErrorText(error),
           error == paInvalidSampleRate ? " (leave out --rate to use the device's own)" : "");
  return CENOTE_FILE_ERROR;
}

/// Why none was chosen.
static void refuse_device(const AudioOptions *options, CenoteError *err)
{
  const PaDeviceIndex smaller = choose(options->device, 1);
  const PaDeviceInfo *info = smaller == paNoDevice ? NULL : Pa_GetDeviceInfo(smaller);
  if (info)
    snprintf(err->text, sizeof err->text, "device %s has %d channels, fewer than %" PRIu32,
             info->name, info->maxOutputChannels, options->channels);
  else if (options->device)
    snprintf(err->text, sizeof err->text, "no output device %s (see --list-devices)",
             options->device);
  else
    snprintf(err->text, sizeof err->text,
             "no sound card here; --output FILE writes a file, --no-audio plays without sound");
}

static CenoteStatus open_device(const AudioOptions *options, Card *card, double *rate_hz,
                                void **out, CenoteError *err)
{
  *out = NULL;
  const PaError error = initialise();
  if (error != paNoError) {
    snprintf(err->text, sizeof err->text, "PortAudio: %s", Pa_GetErrorText(error));
    return CENOTE_FILE_ERROR;
  }
  const PaDeviceIndex index = choose(options->device, options->channels);
  Device *device = calloc(1, sizeof *device);
  CenoteStatus status = CENOTE_NOT_FOUND;
  if (!device) {
    snprintf(err->text, sizeof err->text, "out of memory");
    status = CENOTE_NO_MEMORY;
  } else if (index == paNoDevice) {
    refuse_device(options, err);
  } else {
    device->card = card;
    status = open_stream(device, options, index, rate_hz, err);
  }
  if (status == CENOTE_OK) {
    *out = device;
    return status;
  }
  Pa_Terminate();
  free(device);
  return status;
}

static CenoteStatus start_device(void *data, CenoteError *err)
{
  const Device *device = data;
  const PaError error = Pa_StartStream(device->stream);
  if (error == paNoError) return CENOTE_OK;
  snprintf(err->text, sizeof err->text, "cannot start the device: %s", Pa_GetErrorText(error));
  return CENOTE_FILE_ERROR;
}

/// Hangs when a JACK server has died under it.
static void close_device(void *data)
{
  Device *device = data;
  Pa_AbortStream(device->stream);
  Pa_CloseStream(device->stream);
  Pa_Terminate();
  free(device);
}

const AudioBackend audio_portaudio = {
    .name = "PortAudio",
    .open = open_device,
    .start = start_device,
    .close = close_device,
};

int audio_list(uint32_t channels)
{
  const PaError error = initialise();
  if (error != paNoError) {
    fprintf(stderr, "cenoted: PortAudio: %s\n", Pa_GetErrorText(error));
    return -1;
  }
  int count = 0;
  const PaDeviceIndex usual = choose(NULL, channels);
  for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); ++i) {
    if (!plays(i, channels)) continue;
    const PaDeviceInfo *info = Pa_GetDeviceInfo(i);
    printf("%s %s  [%s, %d channels, %.0f Hz]\n", i == usual ? "*" : " ", info->name,
           Pa_GetHostApiInfo(info->hostApi)->name, info->maxOutputChannels,
           info->defaultSampleRate);
    ++count;
  }
  Pa_Terminate();
  return count;
}
