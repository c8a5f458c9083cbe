// SPDX-License-Identifier: ISC
#include "rt/card.h"

enum { CHUNK = 128 };

CENOTE_RT void card_play(Card *card, float *const *to, size_t stride, size_t frames)
{
  float chunk[ENGINE_CHANNELS * CHUNK];
  const size_t channels = card->channels;
  size_t had = 0;
  for (size_t got = 1; got > 0 && had < frames; had += got) {
    got = ring_read(card->out, chunk, frames - had < CHUNK ? frames - had : CHUNK);
    for (size_t c = 0; c < channels; ++c)
      for (size_t i = 0; i < got; ++i) to[c][(had + i) * stride] = chunk[channels * i + c];
  }
  for (size_t c = 0; c < channels; ++c)
    for (size_t i = had; i < frames; ++i) to[c][i * stride] = 0.0f;
  if (had < frames && card->started)
    atomic_fetch_add_explicit(&card->xruns, 1, memory_order_relaxed);
  if (had > 0) card->started = true;
}

CENOTE_RT void card_hear(Card *card, const float *in, size_t channels, size_t frames)
{
  float chunk[CHUNK];
  const float weight = 1.0f / (float)channels;
  for (size_t done = 0; done < frames; done += CHUNK) {
    const size_t count = frames - done < CHUNK ? frames - done : CHUNK;
    for (size_t i = 0; i < count; ++i) {
      float sum = 0.0f;
      for (size_t k = 0; in && k < channels; ++k) sum += in[(done + i) * channels + k];
      chunk[i] = sum * weight;
    }
    if (!ring_write(card->in, chunk, count))
      atomic_fetch_add_explicit(&card->overruns, count, memory_order_relaxed);
  }
}

CENOTE_RT void card_turn(Card *card, bool underflow)
{
  if (underflow) atomic_fetch_add_explicit(&card->underflows, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&card->callbacks, 1, memory_order_relaxed);
}
