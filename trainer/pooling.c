// SPDX-License-Identifier: ISC
// The ways into a stack and out of it: the input's codes, and the pools between two levels
// (MODEL.md sections 4 and 5). Output m * factor + r of a unit m goes to step m * factor + r +
// factor - 1: a unit is used from the step that completes it.
#include "pass.h"

#include <string.h>

static PoolShape shape(const PoolAt *pool)
{
  return (PoolShape){pool->factor, pool->features, pool->wide};
}

static real *level_input(const Phase *phase, const Item *item, size_t width)
{
  return phase->x[0] + item->first * width;
}

/// The code that step `t` of the item's clip c reads.
static uint8_t code_before(const Pass *pass, const Item *item, uint32_t c, uint32_t t)
{
  const size_t row = item->first + (size_t)c * item->rows + t;
  return item->from + t > 0 ? pass->codes[row - 1] : pass->before[item->clip + c];
}

static void enter_codes(const Worker *worker, const Phase *phase, const Item *item)
{
  const Pass *pass = worker->pass;
  const Layers *layers = pass->layers;
  const size_t width = layers->config.base_dim;
  const real *table = layers->embedding == NOWHERE ? pass->sine : pass->weights + layers->embedding;
  real *x = level_input(phase, item, width);
  for (uint32_t c = 0; c < item->clips; ++c) {
    for (uint32_t t = 0; t < item->rows; ++t, x += width) {
      const uint8_t code = code_before(pass, item, c, t);
      if (table) {
        memcpy(x, table + code * width, width * sizeof *x);
        continue;
      }
      const real y = (real)code / (CENOTE_CLASSES / 2) - 1;
      const real *weight = pass->weights + layers->input.weight;
      const real *bias = pass->weights + layers->input.bias;
      for (size_t i = 0; i < width; ++i) x[i] = weight[i] * y + bias[i];
    }
  }
}

void input_backward(Worker *worker, const Item *item)
{
  const Pass *pass = worker->pass;
  const Layers *layers = pass->layers;
  const size_t width = layers->config.base_dim;
  if (pass->sine) return;
  const real *dx = pass->grad[0] + item->first * width;
  for (uint32_t c = 0; c < item->clips; ++c) {
    for (uint32_t t = 0; t < item->rows; ++t, dx += width) {
      const uint8_t code = code_before(pass, item, c, t);
      if (layers->embedding != NOWHERE) {
        real *row = worker->grad + layers->embedding + code * width;
        for (size_t i = 0; i < width; ++i) row[i] += dx[i];
        continue;
      }
      const real y = (real)code / (CENOTE_CLASSES / 2) - 1;
      real *weight = worker->grad + layers->input.weight;
      real *bias = worker->grad + layers->input.bias;
      for (size_t i = 0; i < width; ++i) weight[i] += dx[i] * y;
      for (size_t i = 0; i < width; ++i) bias[i] += dx[i];
    }
  }
}

static void enter_down(const Worker *worker, const Phase *phase, const Item *item)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const PoolAt *pool = &pass->layers->pool[phase->level - 1];
  const Phase *above = phase - 1;
  const size_t each = (size_t)pool->factor * pool->width;
  const real *x = above->x[above->stack.blocks] + item->first * each;
  real *y = level_input(phase, item, pool->wide);
  if (!pool->dense) {
    const PoolShape conv = shape(pool);
    ops->pool_down(&conv, x, item->count, pass->packed + pool->down_turned,
                   pass->weights + pool->down.bias, y);
    return;
  }
  const Operand left = ops->left(x, each, item->count, each, worker->scratch.room[0]);
  dense_forward(worker, &pool->down, left, item->count, NULL, y, pool->wide);
}

/// pooled[units * factor][width]: the outputs of y[units][wide].
static void units_up(const Worker *worker, const PoolAt *pool, const real *y, size_t units)
{
  const Pass *pass = worker->pass;
  const size_t each = (size_t)pool->factor * pool->width;
  real *pooled = worker->scratch.pooled;
  const Ops *ops = pass->layers->ops;
  if (!pool->dense) {
    const PoolShape conv = shape(pool);
    ops->pool_up(&conv, y, units, pass->packed + pool->up_turned, pass->weights + pool->up.bias,
                 pooled);
    return;
  }
  const Operand left = ops->left(y, pool->wide, units, pool->wide, worker->scratch.room[0]);
  dense_forward(worker, &pool->up, left, units, NULL, pooled, each);
}

/// To the first rows of a clip, what its last pass left due; of this pass, due[factor - 1][width].
static void carry_due(const Pass *pass, uint32_t level, const Item *item, uint32_t clip, real *x,
                      const real *due)
{
  const PoolAt *pool = &pass->layers->pool[level];
  const size_t some = (size_t)(pool->factor - 1) * pool->width;
  const size_t at = clip * pass->carried + pass->pool_carried[level];
  if (item->from == 0 && pass->carried_in)
    for (size_t i = 0; i < some; ++i) x[i] += pass->carried_in[at + i];
  if (item->last && pass->carried_out) memcpy(pass->carried_out + at, due, some * sizeof *due);
}

static void enter_up(const Worker *worker, const Phase *phase, const Item *item)
{
  const Pass *pass = worker->pass;
  const PoolAt *pool = &pass->layers->pool[phase->level];
  const Phase *below = phase - 1;
  const Phase *down = pass->phase + phase->level;
  const size_t width = pool->width;
  const size_t late = pool->factor - 1;
  const size_t length = pass->cut[phase->level + 1].length;
  real *x = level_input(phase, item, width);
  memcpy(x, down->x[down->stack.blocks] + item->first * width, item->count * width * sizeof *x);
  for (uint32_t c = 0; c < item->clips; ++c, x += item->rows * width) {
    // Row t takes output t - late; the first rows, none.
    const size_t begin = item->from > late ? item->from - late : 0;
    const size_t end = item->from + item->rows - late; // items are of whole units: rows > late
    const size_t unit = begin / pool->factor;
    const size_t units = (end + late) / pool->factor - unit;
    const real *y = below->x[below->stack.blocks] + ((item->clip + c) * length + unit) * pool->wide;
    units_up(worker, pool, y, units);
    const real *from = worker->scratch.pooled + (begin - unit * pool->factor) * width;
    real *to = x + (begin + late - item->from) * width;
    for (size_t i = 0; i < (end - begin) * width; ++i) to[i] += from[i];
    carry_due(pass, phase->level, item, item->clip + c, x, from + (end - begin) * width);
  }
}

void pool_enter(Worker *worker, const Phase *phase, const Item *item)
{
  switch (phase->kind) {
  case FROM_CODES:
    enter_codes(worker, phase, item);
    break;
  case FROM_ABOVE:
    enter_down(worker, phase, item);
    break;
  case FROM_BELOW:
    enter_up(worker, phase, item);
    break;
  }
}

/// weight[wide][factor] += turned[factor][wide], which is emptied.
static void turn_back(const PoolAt *pool, real *turned, real *weight)
{
  for (size_t j = 0; j < pool->factor; ++j)
    for (size_t o = 0; o < pool->wide; ++o)
      weight[o * pool->factor + j] += turned[j * pool->wide + o];
}

/// Conv pooling: dy[rows][wide] of dout[rows * factor][width].
static void conv_up_back(Worker *worker, const PoolAt *pool, const real *dout, const real *y,
                         size_t rows, real *dy)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const PoolShape conv = shape(pool);
  real *turned = worker->scratch.turned;
  memset(turned, 0, (size_t)pool->factor * pool->wide * sizeof *turned);
  ops->pool_up_back(&conv, y, dout, rows, pass->packed + pool->up_turned, dy, turned);
  turn_back(pool, turned, worker->grad + pool->up.weight);
  ops->sum_rows(dout, pool->width, rows * pool->factor, pool->width, worker->grad + pool->up.bias);
}

/// The gradient of the level's last rows from that of the level above, through the pool up.
static void leave_up(Worker *worker, const Phase *phase, const Item *item)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const uint32_t level = phase->level - 1;
  const PoolAt *pool = &pass->layers->pool[level];
  const Scratch *scratch = &worker->scratch;
  const size_t width = pool->width;
  const size_t length = pass->cut[level].length;
  const size_t late = pool->factor - 1;
  const size_t outputs = (size_t)item->rows * pool->factor;
  for (uint32_t c = 0; c < item->clips; ++c) {
    const size_t first = item->first + (size_t)c * item->rows;
    const size_t step = (size_t)item->from * pool->factor + late; // of the first output
    const size_t count = length - step < outputs ? length - step : outputs;
    const real *from = pass->grad[level] + ((item->clip + c) * length + step) * width;
    const real *y = phase->x[phase->stack.blocks] + first * pool->wide;
    real *dy = pass->grad[phase->level] + first * pool->wide;
    real *dout = scratch->pooled;
    memcpy(dout, from, count * width * sizeof *dout);
    memset(dout + count * width, 0, (outputs - count) * width * sizeof *dout);
    if (pool->dense) {
      const Operand side = ops->side(y, pool->wide, item->rows, pool->wide, scratch->room[2]);
      dense_backward(worker, &pool->up, dout, pool->factor * width, side, item->rows, NULL, dy,
                     pool->wide);
    } else {
      conv_up_back(worker, pool, dout, y, item->rows, dy);
    }
  }
}

/// To the gradient of the level's rows, what comes by way of the pool down.
static void leave_down(Worker *worker, const Phase *phase, const Item *item)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const PoolAt *pool = &pass->layers->pool[phase->level];
  const Scratch *scratch = &worker->scratch;
  const size_t each = (size_t)pool->factor * pool->width;
  const size_t units = item->count / pool->factor;
  const real *x = phase->x[phase->stack.blocks] + item->first * pool->width;
  const real *dy = pass->grad[phase->level + 1] + item->first / pool->factor * pool->wide;
  real *dx = pass->grad[phase->level] + item->first * pool->width;
  if (pool->dense) {
    const Operand side = ops->side(x, each, units, each, scratch->room[2]);
    dense_backward(worker, &pool->down, dy, pool->wide, side, units, dx, dx, each);
    return;
  }
  const PoolShape conv = shape(pool);
  memset(scratch->turned, 0, (size_t)pool->factor * pool->wide * sizeof *scratch->turned);
  ops->sum_rows(dy, pool->wide, units, pool->wide, worker->grad + pool->down.bias);
  ops->pool_down_back(&conv, x, dy, units, pass->packed + pool->down_turned, dx, scratch->turned);
  turn_back(pool, scratch->turned, worker->grad + pool->down.weight);
}

void pool_leave(Worker *worker, const Phase *phase, const Item *item)
{
  const bool deepest = phase->level + 1 == worker->pass->layers->levels;
  if (phase->kind != FROM_BELOW && !deepest) leave_down(worker, phase, item);
  else if (phase->level > 0) leave_up(worker, phase, item);
}
