// SPDX-License-Identifier: ISC
#include "listen.h"

#include "cli.h"

#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Listener {
  CenoteModel *model;
  CenoteVoice *voice; ///< LISTEN_STEP
  Net *net;           ///< LISTEN_SEQUENCE
  NetStream *stream;
};

bool listen_mode(const char *text, ListenMode *mode)
{
  *mode = strcmp(text, "sequence") == 0 ? LISTEN_SEQUENCE : LISTEN_STEP;
  return *mode == LISTEN_SEQUENCE || strcmp(text, "step") == 0;
}

Listener *listener_open(const char *command, const char *argument, ListenMode mode)
{
  char path[CLI_PATH];
  CenoteError err;
  Listener *listener = calloc(1, sizeof *listener);
  if (!listener) {
    cli_fail(command, "out of memory");
    return NULL;
  }
  listener->model = cli_load(command, argument, path);
  if (!listener->model) goto fail;
  if (mode == LISTEN_STEP) {
    if (cenote_voice_new(listener->model, &listener->voice) == CENOTE_OK) return listener;
    cli_fail(command, "%s: out of memory for a voice", path);
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
  cenote_voice_free(listener->voice);
  cenote_model_free(listener->model);
  free(listener);
}

const CenoteModel *listener_model(const Listener *listener)
{
  return listener->model;
}

void listener_reset(Listener *listener)
{
  if (listener->voice) cenote_voice_reset(listener->voice);
  else net_stream_reset(listener->stream);
}

double listener_hear(Listener *listener, const uint8_t *codes, size_t count, float *logits)
{
  if (listener->voice) return cenote_voice_listen(listener->voice, codes, (uint32_t)count, logits);
  net_stream_listen(listener->stream, codes, count, logits);
  double bits = 0.0;
  for (size_t t = 0; t < count; ++t, logits += CENOTE_CLASSES) {
    float sum = 0.0f; // of zeros, unless a number is infinite or none
    for (uint32_t k = 0; k < CENOTE_CLASSES; ++k) sum += logits[k] * 0.0f;
    bits += sum == 0.0f ? cenote_bits(logits, codes[t]) : (double)NAN;
  }
  return bits;
}
