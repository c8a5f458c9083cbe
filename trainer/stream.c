// SPDX-License-Identifier: ISC
// A stream through the levels, a chunk of steps at a time: down through the levels that the chunk
// reaches, and up again. All memory is one block, planned once: what is kept between calls lies in
// front, so that a start is a row of zeros.
#include "net.h"

#include "alloc.h"

#include <stdlib.h>
#include <string.h>

enum {
  CHUNK = 1024,         ///< steps at once: enough for the products of the slow levels
  MOST_FLOATS = 8 << 20 ///< of scratch; a wide model takes smaller chunks
};

struct NetStream {
  const Net *net;
  size_t chunk;   ///< steps at once
  uint8_t last;   ///< code before the next step
  uint8_t *codes; ///< [chunk], what the steps of a chunk read
  PoolState pool[CN_MAX_LEVELS];
  float *x[CN_MAX_LEVELS]; ///< the residual stream of each level
  Scratch scratch;
  float *memory;
  size_t kept_floats;
  BlockState state[]; ///< of each of net->block
};

/// Memory being planned: first counted, with no block, then handed out.
typedef struct Plan {
  float *block;
  size_t floats;
} Plan;

static float *take(Plan *plan, size_t floats)
{
  const size_t at = cn_carve(&plan->floats, floats);
  return plan->block ? plan->block + at : NULL;
}

static void grow(size_t *most, size_t floats)
{
  if (*most < floats) *most = floats;
}

/// Sizes of Scratch's parts, each the largest that some layer needs.
typedef struct Needs {
  size_t normed, inner, window, columns, hidden, states, gates, units, pooled;
} Needs;

static void block_needs(const Block *block, size_t steps, Needs *needs)
{
  const Conv *conv = &block->conv;
  const Recur *recur = &block->recur;
  grow(&needs->normed, steps * block->width);
  grow(&needs->inner, steps * block->inner);
  if (conv->taps > 0) {
    grow(&needs->window, (conv->taps - 1 + steps) * conv->width);
    grow(&needs->columns, steps * conv->taps * (conv->width / conv->groups));
  }
  grow(&needs->hidden, steps * recur->hidden);
  grow(&needs->states, (1 + steps) * recur->hidden);
  grow(&needs->gates, steps * recur->units);
  grow(&needs->units, recur->units);
}

static void plan_kept(NetStream *stream, Plan *plan)
{
  const Net *net = stream->net;
  for (uint32_t j = 0; j < net->blocks; ++j) {
    const Block *block = &net->block[j];
    const size_t rows = block->conv.taps > 0 ? block->conv.taps - 1 : 0;
    stream->state[j].window = take(plan, rows * block->width);
    stream->state[j].hidden = take(plan, block->recur.hidden);
  }
  for (uint32_t i = 0; i + 1 < net->levels; ++i) {
    const Pool *pool = &net->level[i].pool;
    const size_t floats = (size_t)(pool->factor - 1) * pool->width;
    stream->pool[i].open = take(plan, floats);
    stream->pool[i].due = take(plan, floats);
  }
  stream->kept_floats = plan->floats;
}

static void plan_scratch(NetStream *stream, Plan *plan)
{
  const Net *net = stream->net;
  Needs needs = {0};
  size_t steps = stream->chunk;
  for (uint32_t i = 0; i < net->levels; ++i) {
    const Level *level = &net->level[i];
    stream->x[i] = take(plan, steps * level->width);
    for (uint32_t j = 0; j < level->down.blocks; ++j)
      block_needs(&level->down.block[j], steps, &needs);
    for (uint32_t j = 0; j < level->up.blocks; ++j) block_needs(&level->up.block[j], steps, &needs);
    if (i + 1 == net->levels) break;
    const size_t factor = level->pool.factor;
    grow(&needs.pooled, (factor - 1 + steps) * level->width);
    steps = (factor - 1 + steps) / factor;
  }
  grow(&needs.normed, stream->chunk * net->norm.width);
  Scratch *scratch = &stream->scratch;
  scratch->normed = take(plan, needs.normed);
  scratch->gate = take(plan, needs.inner);
  scratch->value = take(plan, needs.inner);
  scratch->window = take(plan, needs.window);
  scratch->columns = take(plan, needs.columns);
  scratch->u = take(plan, needs.hidden);
  scratch->h = take(plan, needs.states);
  scratch->gate_x = take(plan, needs.gates);
  scratch->gate_a = take(plan, needs.gates);
  scratch->a_im = take(plan, needs.gates);
  scratch->rate = take(plan, needs.units);
  scratch->fixed = (double *)(void *)take(plan, 3 * needs.units * (sizeof(double) / sizeof(float)));
  scratch->pooled = take(plan, needs.pooled);
  stream->codes = (uint8_t *)take(plan, stream->chunk / sizeof(float) + 1);
}

/// Returns the floats of the whole.
static size_t plan_all(NetStream *stream, float *block)
{
  Plan plan = {block, 0};
  plan_kept(stream, &plan);
  plan_scratch(stream, &plan);
  return plan.floats;
}

CenoteStatus net_stream_new(const Net *net, size_t most, NetStream **out)
{
  *out = NULL;
  NetStream *stream = calloc(1, sizeof *stream + net->blocks * sizeof *stream->state);
  if (!stream) return CENOTE_NO_MEMORY;
  stream->net = net;
  stream->chunk = most < 1 ? 1 : most < CHUNK ? most : CHUNK;
  size_t floats = plan_all(stream, NULL);
  while (stream->chunk > 1 && floats - stream->kept_floats > MOST_FLOATS) {
    stream->chunk /= 2;
    floats = plan_all(stream, NULL);
  }
  stream->memory = cn_alloc(floats * sizeof *stream->memory);
  if (!stream->memory) {
    net_stream_free(stream);
    return CENOTE_NO_MEMORY;
  }
  plan_all(stream, stream->memory);
  net_stream_reset(stream);
  *out = stream;
  return CENOTE_OK;
}

void net_stream_free(NetStream *stream)
{
  if (!stream) return;
  free(stream->memory);
  free(stream);
}

void net_stream_reset(NetStream *stream)
{
  const Net *net = stream->net;
  memset(stream->memory, 0, stream->kept_floats * sizeof *stream->memory);
  for (uint32_t i = 0; i + 1 < net->levels; ++i) {
    stream->pool[i].opened = 0;
    stream->pool[i].pending = net->level[i].pool.factor - 1; // the delay: zeros, not the bias
  }
  stream->last = (uint8_t)net->weights.config.baseline;
}

static void run_stack(NetStream *stream, const Stack *stack, float *x, size_t steps)
{
  const Net *net = stream->net;
  for (uint32_t j = 0; j < stack->blocks; ++j) {
    const Block *block = &stack->block[j];
    block_stream(net->kernels, block, &stream->state[block - net->block], &stream->scratch, x,
                 steps);
  }
}

/// x[0][steps] through all levels. A level runs the units that the level above completes.
static void run_levels(NetStream *stream, size_t steps)
{
  const Net *net = stream->net;
  float *pooled = stream->scratch.pooled;
  size_t count[CN_MAX_LEVELS] = {steps};
  uint32_t depth = 0; // of the deepest level that this chunk reaches
  for (;; ++depth) {
    const Level *level = &net->level[depth];
    float *x = stream->x[depth];
    run_stack(stream, &level->down, x, count[depth]);
    if (depth + 1 == net->levels) break;
    count[depth + 1] = pool_down(&level->pool, &stream->pool[depth], pooled, x, count[depth],
                                 stream->x[depth + 1]);
    if (count[depth + 1] == 0) break;
  }
  for (uint32_t i = depth + 1; i-- > 0;) {
    const Level *level = &net->level[i];
    if (i + 1 < net->levels)
      pool_up(&level->pool, &stream->pool[i], pooled, stream->x[i + 1], count[i + 1], stream->x[i],
              count[i]);
    run_stack(stream, &level->up, stream->x[i], count[i]);
  }
}

void net_stream_listen(NetStream *stream, const uint8_t *codes, size_t steps, float *logits)
{
  const Net *net = stream->net;
  while (steps > 0) {
    const size_t n = steps < stream->chunk ? steps : stream->chunk;
    stream->codes[0] = stream->last;
    memcpy(stream->codes + 1, codes, n - 1);
    stream->last = codes[n - 1];
    input_forward(net, stream->codes, n, stream->x[0]);
    run_levels(stream, n);
    norm_forward(net->kernels, &net->norm, stream->x[0], n, stream->scratch.normed);
    linear_forward(&net->head, stream->scratch.normed, net->norm.width, n, logits, CENOTE_CLASSES);
    codes += n;
    steps -= n;
    logits += n * CENOTE_CLASSES;
  }
}
