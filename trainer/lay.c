// SPDX-License-Identifier: ISC
// How the work is laid out. Rows of a level are cut into items that fit the inner caches.
#include "memory.h"

#include "alloc.h"

enum {
  ITEM_ROWS = 192, ///< of an item; more wear out the cache, fewer the weights
  FEWEST_ROWS = 24 ///< worth a second worker
};

static uint32_t larger(uint32_t a, uint32_t b)
{
  return a > b ? a : b;
}

uint32_t lay_parts(uint32_t a, uint32_t b)
{
  return (a + b - 1) / b;
}

/// Rows of a level by items: whole pooling units, at least what a conv looks back.
static Cut cut_level(const Trainer *trainer, uint32_t level)
{
  const CnConfig *config = &trainer->layers.config;
  const uint32_t threads = trainer->options.threads;
  const uint32_t length = trainer->length / config->every[level];
  const uint32_t unit = level + 1 < config->levels ? config->pool_temporal[level] : 1;
  const uint32_t wanted = trainer->options.item_rows > 0 ? trainer->options.item_rows : ITEM_ROWS;
  uint32_t parts = lay_parts(length, wanted);
  if (trainer->clips < threads && length / threads >= FEWEST_ROWS)
    parts = lay_parts(parts, threads) * threads;
  uint32_t rows = lay_parts(length, parts);
  if (rows < config->conv_kernel_size) rows = config->conv_kernel_size;
  rows = lay_parts(rows, unit) * unit;
  Cut cut = {.length = length, .rows = rows, .parts = lay_parts(length, rows), .together = 1};
  cut.most_rows = lay_parts(larger(wanted, config->conv_kernel_size), unit) * unit;
  cut.most_parts = parts;
  if (cut.parts > 1) return cut;
  cut.rows = length;
  cut.together = length < wanted ? wanted / length : 1;
  if (cut.together > lay_parts(trainer->clips, threads))
    cut.together = lay_parts(trainer->clips, threads);
  return cut;
}

static Phase *add_phase(Pass *pass, PhaseKind kind, uint32_t level, StackAt stack)
{
  Phase *phase = &pass->phase[pass->phases++];
  *phase = (Phase){.kind = kind, .level = level, .stack = stack, .x = phase->x};
  return phase;
}

/// Where a clip's carried numbers lie: pass.carried is how many.
static void lay_carried(Trainer *trainer)
{
  const Layers *layers = &trainer->layers;
  Pass *pass = &trainer->pass;
  size_t all = 0;
  for (uint32_t b = 0; b < layers->blocks; ++b) {
    const BlockAt *block = &layers->block[b];
    pass->block_carried[b].state = cn_carve(&all, block->recur.hidden);
    pass->block_carried[b].window =
        cn_carve(&all, block->conv.taps > 0 ? (size_t)(block->conv.taps - 1) * block->width : 0);
  }
  for (uint32_t i = 0; i + 1 < layers->levels; ++i)
    pass->pool_carried[i] =
        cn_carve(&all, (size_t)(layers->pool[i].factor - 1) * layers->pool[i].width);
  pass->carried = all;
}

void lay_out(Trainer *trainer)
{
  const Layers *layers = &trainer->layers;
  Pass *pass = &trainer->pass;
  lay_carried(trainer);
  pass->phases = 0;
  for (uint32_t i = 0; i < layers->levels; ++i)
    add_phase(pass, i == 0 ? FROM_CODES : FROM_ABOVE, i, layers->down[i]);
  for (uint32_t i = layers->levels - 1; i-- > 0;) add_phase(pass, FROM_BELOW, i, layers->up[i]);
  pass->items = 0;
  for (uint32_t i = 0; i < layers->levels; ++i) {
    pass->cut[i] = cut_level(trainer, i);
    pass->items = larger(pass->items, trainer->clips * pass->cut[i].most_parts);
  }
}
