// SPDX-License-Identifier: ISC
// What the engine and its rings need before and after audio time: memory.
#include "rt/engine.h"
#include "rt/ring.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  EVENTS = 1024,
  DECKS = 4 * ENGINE_MAX_VOICES, // more than can be on their way at once
  RAMP_HZ = 100,                 // gains move in 10 ms
  GATE_HZ = 200,                 // a gate shuts in 5 ms
  FADE_HZ = 50,                  // a crossfade, and the end, take 20 ms
  DC_HZ = 5
};

// Zeroed memory on a cache line of its own; NULL when there is none.
static void *line_alloc(size_t bytes)
{
  size_t whole = (bytes + RING_LINE - 1) / RING_LINE * RING_LINE;
  if (whole < bytes) return NULL;
  void *memory = aligned_alloc(RING_LINE, whole);
  if (memory) memset(memory, 0, whole);
  return memory;
}

Ring *ring_new(uint32_t count, uint32_t size)
{
  uint32_t slots = 1;
  while (slots < count && slots < UINT32_MAX / 2) slots *= 2;
  if (slots < count || size == 0 || slots > (SIZE_MAX - sizeof(Ring)) / size) return NULL;
  Ring *ring = line_alloc(sizeof *ring + (size_t)slots * size);
  if (!ring) return NULL;
  ring->slots = (unsigned char *)(ring + 1);
  ring->mask = slots - 1;
  ring->size = size;
  return ring;
}

void ring_free(Ring *ring)
{
  free(ring);
}

static void master_init(Master *master, uint32_t rate_hz, bool dry)
{
  master->gain = 1.0f;
  master->dry = dry;
  master->pole = (float)exp(-2.0 * 3.14159265358979323846 * DC_HZ / rate_hz);
  smooth_to(&master->level, 1.0f, 0);
  smooth_to(&master->close, 1.0f, 0);
}

Engine *engine_new(uint32_t rate_hz, uint32_t block, uint32_t voices, bool dry)
{
  Engine *engine = line_alloc(sizeof *engine);
  if (!engine) return NULL;
  engine->rate_hz = rate_hz;
  engine->block = block;
  engine->voices = voices;
  engine->gain_frames = rate_hz / RAMP_HZ + 1;
  engine->gate_frames = rate_hz / GATE_HZ + 1;
  engine->fade_frames = rate_hz / FADE_HZ + 1;
  master_init(&engine->master, rate_hz, dry);
  for (uint32_t v = 0; v < voices; ++v) {
    EngineChannel *channel = &engine->channels[v];
    channel->gain = 1.0f;
    channel->run = true;
    smooth_to(&channel->gate, 1.0f, 0);
    smooth_to(&channel->left, 1.0f, 0);
    smooth_to(&channel->right, 1.0f, 0);
  }
  engine->commands = ring_new(2 * ENGINE_MAX_COMMANDS, sizeof(EngineCommand));
  engine->events = ring_new(EVENTS, sizeof(EngineEvent));
  engine->ready = ring_new(DECKS, sizeof(EngineDeck *));
  engine->retired = ring_new(DECKS, sizeof(EngineDeck *));
  engine->mono = line_alloc(block * sizeof *engine->mono);
  engine->other = line_alloc(block * sizeof *engine->other);
  engine->voice = line_alloc(2 * block * sizeof *engine->voice);
  if (!engine->commands || !engine->events || !engine->ready || !engine->retired || !engine->mono ||
      !engine->other || !engine->voice) {
    engine_free(engine);
    return NULL;
  }
  return engine;
}

static void free_decks(Ring *ring)
{
  EngineDeck *deck = NULL;
  while (ring && ring_read(ring, &deck, 1) == 1) deck_free(deck);
  ring_free(ring);
}

void engine_free(Engine *engine)
{
  if (!engine) return;
  for (uint32_t v = 0; v < engine->voices; ++v) {
    deck_free(engine->channels[v].deck);
    deck_free(engine->channels[v].old);
  }
  free_decks(engine->ready);
  free_decks(engine->retired);
  ring_free(engine->commands);
  ring_free(engine->events);
  free(engine->mono);
  free(engine->other);
  free(engine->voice);
  free(engine);
}

CenoteStatus deck_new(const CenoteModel *model, uint32_t rate_hz, EngineDeck **out)
{
  *out = NULL;
  EngineDeck *deck = calloc(1, sizeof *deck);
  if (!deck) return CENOTE_NO_MEMORY;
  uint32_t model_hz = cenote_model_info(model)->sample_rate_hz;
  CenoteStatus status = cenote_voice_new(model, &deck->voice);
  if (!status && model_hz != rate_hz)
    status = cenote_resampler_new(model_hz, rate_hz, CENOTE_LIVE, &deck->resampler);
  if (status) {
    deck_free(deck);
    return status;
  }
  *out = deck;
  return CENOTE_OK;
}

void deck_free(EngineDeck *deck)
{
  if (!deck) return;
  cenote_resampler_free(deck->resampler);
  cenote_voice_free(deck->voice);
  free(deck);
}
