// SPDX-License-Identifier: ISC
// A stream through the trainer's forward pass, a chunk of steps at a time. A pass takes whole units
// of the deepest level: steps that do not fill one are passed, for their logits, and passed again
// with those that follow; only what is whole moves the state.
#include "memory.h"
#include "net.h"

#include <stdlib.h>
#include <string.h>

enum {
  CHUNK = 1024,         ///< steps at once: enough for the products of the slow levels
  MOST_BYTES = 64 << 20 ///< of memory; a wide model takes smaller chunks
};

struct NetStream {
  const Net *net;
  Trainer trainer;  ///< that only listens
  uint32_t most;    ///< steps of a pass
  uint32_t period;  ///< steps of a unit of the deepest level
  uint32_t pending; ///< codes in front of trainer.codes that fill no unit yet
};

/// The largest chunk up to `most` that keeps within bounds.
static CenoteStatus plan(NetStream *stream, size_t most)
{
  CenoteStatus status = CENOTE_OK;
  TrainerOptions options = {.batch = 1,
                            .threads = 1,
                            .length = most < 1       ? 1
                                      : most < CHUNK ? (uint32_t)most
                                                     : CHUNK};
  for (;; options.length /= 2) {
    stream->trainer.listens = true;
    status = memory_plan(&stream->trainer, "stream", &stream->net->weights.config, &options, NULL);
    if (status != CENOTE_OK || options.length == 1 || stream->trainer.plan.bytes <= MOST_BYTES)
      return status;
    memory_free(&stream->trainer);
    stream->trainer = (Trainer){0};
  }
}

CenoteStatus net_stream_new(const Net *net, size_t most, NetStream **out)
{
  *out = NULL;
  NetStream *stream = calloc(1, sizeof *stream);
  if (!stream) return CENOTE_NO_MEMORY;
  stream->net = net;
  Trainer *trainer = &stream->trainer;
  CenoteStatus status = plan(stream, most);
  if (status == CENOTE_OK) status = memory_take(trainer, "stream", NULL);
  if (status != CENOTE_OK) {
    net_stream_free(stream);
    return status;
  }
  Pass *pass = &trainer->pass;
  trainer->worker[0].pass = pass;
  trainer->worker[0].workers = 1;
  pass->weights = net->data;
  pass->packed = net->packed;
  pass->sine = net->sine;
  pass->codes = trainer->codes;
  pass->count = trainer->count;
  pass->before = trainer->before;
  pass->clips = 1;
  stream->most = trainer->length;
  stream->period = net->layers.config.every[net->layers.levels - 1];
  net_stream_reset(stream);
  *out = stream;
  return CENOTE_OK;
}

void net_stream_free(NetStream *stream)
{
  if (!stream) return;
  memory_free(&stream->trainer);
  free(stream);
}

void net_stream_reset(NetStream *stream)
{
  Trainer *trainer = &stream->trainer;
  memset(trainer->sounding[0], 0, trainer->pass.carried * sizeof **trainer->sounding);
  trainer->before[0] = (uint8_t)stream->net->layers.config.baseline;
  stream->pending = 0;
}

/// The first `steps` codes, whole units; the logits of those from `from` to `to`.
static void pass(NetStream *stream, uint32_t steps, uint32_t from, uint32_t to, float *logits)
{
  Trainer *trainer = &stream->trainer;
  trainer->length = steps;
  lay_out(trainer);
  memory_rewind(trainer);
  trainer->pass.carried_in = trainer->sounding[0];
  trainer->pass.carried_out = trainer->sounding[1];
  trainer->pass.logits = logits;
  trainer->pass.logits_row = from;
  trainer->pass.logits_rows = to - from;
  pass_run(&trainer->worker[0]);
}

/// Behind whole units: they are done with.
static void move_on(NetStream *stream, uint32_t steps, uint32_t rest)
{
  Trainer *trainer = &stream->trainer;
  real *next = trainer->sounding[1];
  trainer->sounding[1] = trainer->sounding[0];
  trainer->sounding[0] = next;
  trainer->before[0] = trainer->codes[steps - 1];
  memmove(trainer->codes, trainer->codes + steps, rest);
}

void net_stream_listen(NetStream *stream, const uint8_t *codes, size_t steps, float *logits)
{
  Trainer *trainer = &stream->trainer;
  const uint32_t period = stream->period;
  while (steps > 0) {
    uint32_t from = stream->pending;
    const uint32_t n = steps < stream->most - from ? (uint32_t)steps : stream->most - from;
    memcpy(trainer->codes + from, codes, n);
    const uint32_t rest = (from + n) % period;
    const uint32_t whole = from + n - rest;
    float *out = logits;
    if (whole > 0) {
      pass(stream, whole, from, whole, out);
      out += (size_t)(whole - from) * CENOTE_CLASSES;
      move_on(stream, whole, rest);
      from = 0;
    }
    if (rest > 0) {
      memset(trainer->codes + rest, stream->net->layers.config.baseline & 0xff, period - rest);
      pass(stream, period, from, rest, out);
    }
    stream->pending = rest;
    codes += n;
    steps -= n;
    logits += (size_t)n * CENOTE_CLASSES;
  }
}
