// SPDX-License-Identifier: ISC
// The residual block, forward and back: norm, layer, gate, out (MODEL.md section 2). What is cheap
// to work out again is not kept: the normed rows and the product of the gate.
#include "pass.h"

#include <string.h>

/// The normed rows, and in `stats` what the way back wants.
static const real *norm_rows(const Worker *worker, const NormAt *norm, const real *x, size_t count,
                             real *y, real *stats)
{
  const Pass *pass = worker->pass;
  if (norm->kind == CN_NORM_NONE) return x;
  const real *bias = norm->bias == NOWHERE ? NULL : pass->weights + norm->bias;
  pass->layers->ops->norm(x, count, norm->width, pass->weights + norm->weight, bias,
                          norm->kind == CN_NORM_RMS, y, stats);
  return y;
}

/// The same on the way back.
static const real *norm_again(const Worker *worker, const NormAt *norm, const real *x, size_t count,
                              const real *stats, real *y)
{
  const Pass *pass = worker->pass;
  if (norm->kind == CN_NORM_NONE) return x;
  const real *bias = norm->bias == NOWHERE ? NULL : pass->weights + norm->bias;
  pass->layers->ops->norm_again(x, count, norm->width, pass->weights + norm->weight, bias, stats,
                                y);
  return y;
}

/// dx += what dn gives.
static void norm_backward(Worker *worker, const NormAt *norm, const real *x, const real *stats,
                          const real *dn, size_t count, real *dx)
{
  const Pass *pass = worker->pass;
  if (norm->kind == CN_NORM_NONE) {
    for (size_t i = 0; i < count * norm->width; ++i) dx[i] += dn[i];
    return;
  }
  real *dbias = norm->bias == NOWHERE ? NULL : worker->grad + norm->bias;
  pass->layers->ops->norm_back(x, dn, stats, count, norm->width, pass->weights + norm->weight,
                               norm->kind == CN_NORM_RMS, dx, worker->grad + norm->weight, dbias);
}

/// Each block and row has dice of its own: rows count over all clips of the whole batch.
static void drop(const Worker *worker, const Phase *phase, uint32_t j, const Item *item,
                 const real *x, const real *y, real *out)
{
  const Pass *pass = worker->pass;
  const BlockAt *block = &phase->stack.block[j];
  const uint64_t number = (uint64_t)(block - pass->layers->block);
  const uint64_t row = pass->first_clip * pass->cut[phase->level].length + item->first;
  const real scale = (real)65536 / (real)(65536 - pass->drop);
  pass->layers->ops->dropout(x, y, item->count, block->width,
                             pass->drop_key + number * UINT64_C(0x9e3779b97f4a7c15), row,
                             pass->drop, scale, out);
}

/// What a conv sees in front of the item: before[clips][taps - 1][width], normed.
static void fill_before(Worker *worker, const Phase *phase, uint32_t j, const Item *item)
{
  const Pass *pass = worker->pass;
  const BlockAt *block = &phase->stack.block[j];
  const size_t rows = block->conv.taps - 1;
  const size_t each = rows * block->width;
  real *before = worker->scratch.before;
  if (item->from > 0) {
    const real *x = phase->x[j] + (item->first - rows) * block->width;
    const real *n = norm_rows(worker, &block->norm, x, rows, before, worker->scratch.stats);
    if (n != before) memcpy(before, n, each * sizeof *before);
    return;
  }
  const size_t at = pass->block_carried[block - pass->layers->block].window;
  for (size_t c = 0; c < item->clips; ++c) {
    if (pass->carried_in)
      memcpy(before + c * each, pass->carried_in + (item->clip + c) * pass->carried + at,
             each * sizeof *before);
    else memset(before + c * each, 0, each * sizeof *before);
  }
}

/// The last inputs of the conv, for the clips' next pass.
static void carry_window(const Worker *worker, const BlockAt *block, const Item *item,
                         const real *n)
{
  const Pass *pass = worker->pass;
  if (!pass->carried_out || !item->last) return;
  const size_t rows = block->conv.taps - 1;
  const size_t width = block->width;
  const size_t at = pass->block_carried[block - pass->layers->block].window;
  for (size_t c = 0; c < item->clips; ++c) {
    real *to = pass->carried_out + (item->clip + c) * pass->carried + at;
    for (size_t i = 0; i < rows; ++i) { // row i of the last `rows`
      const size_t all = item->rows + i;
      const real *from = all >= rows ? n + (c * item->rows + all - rows) * width
                                     : worker->scratch.before + (c * rows + all) * width;
      memcpy(to + i * width, from, width * sizeof *to);
    }
  }
}

/// A conv in front of a recurrence, and the norm behind it.
static const real *second_norm(Worker *worker, const BlockAt *block, const Item *item,
                               const real *conv)
{
  return norm_rows(worker, &block->conv_norm, conv, item->count, worker->scratch.second,
                   worker->scratch.stats);
}

static void layer_forward(Worker *worker, const Phase *phase, uint32_t j, const Item *item,
                          const real *n, Operand left, const Kept *kept, bool again)
{
  const BlockAt *block = &phase->stack.block[j];
  if (block->entry == CN_MLP) {
    dense_forward(worker, &block->mlp, left, item->count, NULL, kept->value, block->inner);
    return;
  }
  if (block->conv.taps > 0) {
    if (!again && item->from > 0) await(worker, phase, false, item->index - 1, 1 + 2 * j);
    fill_before(worker, phase, j, item);
    if (!again) carry_window(worker, block, item, n);
    real *to = block->entry == CN_CONV ? kept->value : kept->conv;
    conv_forward(worker, &block->conv, item, n, to);
    if (block->entry == CN_CONV) return;
    n = second_norm(worker, block, item, kept->conv);
  }
  recur_forward(worker, phase, j, item, n, kept, kept->value, again);
}

void block_forward(Worker *worker, const Phase *phase, uint32_t j, const Item *item, bool again)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const Scratch *scratch = &worker->scratch;
  const BlockAt *block = &phase->stack.block[j];
  const Kept kept = kept_rows(worker, phase, j, item);
  const real *x = phase->x[j] + item->first * block->width;
  const real *n = norm_rows(worker, &block->norm, x, item->count, scratch->normed, kept.stats);
  const Operand left = ops->left(n, block->width, item->count, block->width, scratch->room[0]);
  if (block->gate.rows > 0)
    dense_forward(worker, &block->gate, left, item->count, NULL, kept.gate, block->inner);
  layer_forward(worker, phase, j, item, n, left, &kept, again);
  if (again) return;
  ops->gelu(kept.value, block->gate.rows > 0 ? kept.gate : NULL, item->count * block->inner,
            scratch->z);
  const Operand z =
      ops->left(scratch->z, block->inner, item->count, block->inner, scratch->room[0]);
  real *next = phase->x[j + 1] + item->first * block->width;
  if (pass->drop == 0) {
    dense_forward(worker, &block->out, z, item->count, x, next, block->width);
    return;
  }
  dense_forward(worker, &block->out, z, item->count, NULL, scratch->dy, block->width);
  drop(worker, phase, j, item, x, scratch->dy, next);
}

/// From dz, the gradient of the layer's output, to dn. `base` NULL: dn is not yet begun.
static void layer_backward(Worker *worker, const Phase *phase, uint32_t j, const Item *item,
                           const real *n, Operand side, const Kept *kept, const real *base)
{
  const Pass *pass = worker->pass;
  const Scratch *scratch = &worker->scratch;
  const BlockAt *block = &phase->stack.block[j];
  real *dn = scratch->dn;
  if (block->entry == CN_MLP) {
    dense_backward(worker, &block->mlp, scratch->dz, block->inner, side, item->count, base, dn,
                   block->width);
    return;
  }
  if (block->conv.taps == 0) {
    recur_backward(worker, phase, j, item, side, kept, scratch->dz, dn, base);
    return;
  }
  const uint32_t step = phase->stack.blocks - 1 - j;
  real *halo = pass->border[block - pass->layers->block].halo;
  if (!base) memset(dn, 0, item->count * block->width * sizeof *dn);
  const real *dy = scratch->dz;
  if (block->entry != CN_CONV) {
    const real *second = second_norm(worker, block, item, kept->conv);
    side =
        pass->layers->ops->side(second, block->width, item->count, block->width, scratch->room[2]);
    recur_backward(worker, phase, j, item, side, kept, scratch->dz, scratch->dy, NULL);
    memset(scratch->dmid, 0, item->count * block->width * sizeof *scratch->dmid);
    norm_backward(worker, &block->conv_norm, kept->conv, scratch->stats, scratch->dy, item->count,
                  scratch->dmid);
    dy = scratch->dmid;
  }
  fill_before(worker, phase, j, item);
  if (!item->last) await(worker, phase, true, item->index + 1, 3 + 2 * step);
  conv_backward(worker, &block->conv, item, n, dy, halo, dn);
}

void block_backward(Worker *worker, const Phase *phase, uint32_t j, const Item *item)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const Scratch *scratch = &worker->scratch;
  const BlockAt *block = &phase->stack.block[j];
  const Kept kept = kept_rows(worker, phase, j, item);
  const size_t width = block->width;
  const bool gated = block->gate.rows > 0;
  const real *x = phase->x[j] + item->first * width;
  real *grad = pass->grad[phase->level] + item->first * width;
  if (kept.value == scratch->again.value) block_forward(worker, phase, j, item, true);
  const real *dy = grad;
  if (pass->drop > 0) {
    drop(worker, phase, j, item, NULL, grad, scratch->dy);
    dy = scratch->dy;
  }
  // dz without z: gelu_back gives both dz and z, and `out` wants z.
  const Operand left = ops->left(dy, width, item->count, width, scratch->room[0]);
  ops->multiply(left, item->count, pass->packed + block->out.backward, width, block->inner, NULL,
                NULL, scratch->dz, block->inner);
  ops->gelu_back(kept.value, gated ? kept.gate : NULL, item->count * block->inner, scratch->dz,
                 scratch->z, scratch->dgate);
  const Operand side_y = ops->side(dy, width, item->count, width, scratch->room[1]);
  const Operand side_z =
      ops->side(scratch->z, block->inner, item->count, block->inner, scratch->room[2]);
  ops->outer(side_y, side_z, item->count, width, block->inner, worker->grad + block->out.weight);
  ops->sum_rows(dy, width, item->count, width, worker->grad + block->out.bias);

  const real *n = norm_again(worker, &block->norm, x, item->count, kept.stats, scratch->normed);
  const Operand side = ops->side(n, width, item->count, width, scratch->room[2]);
  if (gated)
    dense_backward(worker, &block->gate, scratch->dgate, block->inner, side, item->count, NULL,
                   scratch->dn, width);
  layer_backward(worker, phase, j, item, n, side, &kept, gated ? scratch->dn : NULL);
  norm_backward(worker, &block->norm, x, kept.stats, scratch->dn, item->count, grad);
}
