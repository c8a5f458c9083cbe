// SPDX-License-Identifier: ISC
#include "listen.h"

#include "cli.h"

#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Listener {
  const char *command;
  CenoteModel *model;
  uint32_t voices; ///< 0: the stream listens
  CenoteVoice *voice[LISTEN_VOICES];
  float *logits[LISTEN_VOICES]; ///< of the second voice on, [LISTEN_MOST][256]
  Net *net;
  NetStream *stream;
};

bool listen_mode(const char *text, ListenMode *mode)
{
  uint64_t voices = 1;
  if (strncmp(text, "voices=", 7) == 0) {
    if (!cli_whole(text + 7, 1, LISTEN_VOICES, &voices)) return false;
  } else if (strcmp(text, "sequence") == 0) {
    voices = 0;
  } else if (strcmp(text, "step") != 0) {
    return false;
  }
  *mode = (ListenMode){.voices = (uint32_t)voices};
  return true;
}

bool listen_precision(const char *command, ListenMode mode, CenotePrecision precision)
{
  if (mode.voices > 0 || mode.open || precision == CENOTE_AUTO || precision == CENOTE_F32)
    return true;
  cli_usage(command, "--mode sequence computes in f32, not in %s",
            cenote_precision_name(precision));
  return false;
}

static bool open_voices(Listener *listener)
{
  for (uint32_t v = 0; v < listener->voices; ++v) {
    if (cenote_voice_new(listener->model, &listener->voice[v]) != CENOTE_OK) return false;
    if (v == 0) continue;
    listener->logits[v] = malloc(sizeof(float) * LISTEN_MOST * CENOTE_CLASSES);
    if (!listener->logits[v]) return false;
  }
  return true;
}

Listener *listener_open(const char *command, const char *argument, ListenMode mode,
                        CenotePrecision precision)
{
  char path[CLI_PATH];
  CenoteError err;
  Listener *listener = calloc(1, sizeof *listener);
  if (!listener) {
    cli_fail(command, "out of memory");
    return NULL;
  }
  listener->command = command;
  listener->model = cli_load(command, argument, precision, path);
  if (!listener->model) goto fail;
  listener->voices = mode.voices;
  if (mode.open && strcmp(cenote_model_info(listener->model)->precision, "f32") != 0)
    listener->voices = 1;
  if (listener->voices > 0) {
    if (open_voices(listener)) return listener;
    cli_fail(command, "%s: out of memory for %u voices", path, (unsigned)listener->voices);
    goto fail;
  }
  if (net_open(path, &listener->net, &err) != CENOTE_OK) {
    cli_fail(command, "%s", err.text);
    goto fail;
  }
  if (net_stream_new(listener->net, LISTEN_MOST, &listener->stream) == CENOTE_OK) return listener;
  cli_fail(command, "%s: out of memory for a stream", path);
fail:
  listener_close(listener);
  return NULL;
}

void listener_close(Listener *listener)
{
  if (!listener) return;
  net_stream_free(listener->stream);
  net_close(listener->net);
  for (uint32_t v = 0; v < LISTEN_VOICES; ++v) {
    cenote_voice_free(listener->voice[v]);
    free(listener->logits[v]);
  }
  cenote_model_free(listener->model);
  free(listener);
}

const CenoteModel *listener_model(const Listener *listener)
{
  return listener->model;
}

void listener_reset(Listener *listener)
{
  for (uint32_t v = 0; v < listener->voices; ++v) cenote_voice_reset(listener->voice[v]);
  if (listener->voices == 0) net_stream_reset(listener->stream);
}

static double hear_voices(Listener *listener, const uint8_t *codes, size_t count, float *logits)
{
  const uint8_t *same[LISTEN_VOICES];
  double bits[LISTEN_VOICES];
  for (uint32_t v = 0; v < listener->voices; ++v) same[v] = codes;
  listener->logits[0] = logits;
  cenote_voices_listen(listener->voice, listener->voices, same, (uint32_t)count, listener->logits,
                       bits);
  listener->logits[0] = NULL;
  for (uint32_t v = 1; v < listener->voices && !isnan(bits[0]); ++v) {
    if (memcmp(listener->logits[v], logits, count * CENOTE_CLASSES * sizeof *logits) == 0) continue;
    cli_fail(listener->command, "voice %u of %u differs from the first", (unsigned)v + 1,
             (unsigned)listener->voices);
    return (double)NAN;
  }
  return bits[0];
}

double listener_hear(Listener *listener, const uint8_t *codes, size_t count, float *logits)
{
  if (listener->voices > 0) return hear_voices(listener, codes, count, logits);
  net_stream_listen(listener->stream, codes, count, logits);
  double bits = 0.0;
  for (size_t t = 0; t < count; ++t, logits += CENOTE_CLASSES) {
    float sum = 0.0f; // of zeros, unless a number is infinite or none
    for (uint32_t k = 0; k < CENOTE_CLASSES; ++k) sum += logits[k] * 0.0f;
    bits += sum == 0.0f ? cenote_bits(logits, codes[t]) : (double)NAN;
  }
  return bits;
}
