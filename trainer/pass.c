// SPDX-License-Identifier: ISC
#include "pass.h"

#include <string.h>

uint32_t cut_items(const Cut *cut, uint32_t clips)
{
  return cut->parts > 1 ? clips * cut->parts : (clips + cut->together - 1) / cut->together;
}

Item cut_item(const Cut *cut, uint32_t clips, uint32_t index)
{
  Item item = {.index = index, .parts = cut->parts};
  if (cut->parts > 1) {
    item.clip = index / cut->parts;
    item.clips = 1;
    item.part = index % cut->parts;
    item.from = item.part * cut->rows;
    item.rows = cut->length - item.from < cut->rows ? cut->length - item.from : cut->rows;
  } else {
    item.clip = index * cut->together;
    item.clips = clips - item.clip < cut->together ? clips - item.clip : cut->together;
    item.rows = cut->length;
  }
  item.first = (size_t)item.clip * cut->length + item.from;
  item.count = (size_t)item.clips * item.rows;
  item.last = item.part + 1 == cut->parts;
  return item;
}

static _Atomic uint32_t *progress_of(const Worker *worker, const Phase *phase, bool back,
                                     uint32_t item)
{
  const Pass *pass = worker->pass;
  const size_t at = (size_t)(phase - pass->phase) + (back ? pass->phases : 0);
  return &pass->progress[at * pass->items + item];
}

void await(const Worker *worker, const Phase *phase, bool back, uint32_t item, uint32_t value)
{
  if (worker->workers > 1) crew_wait(progress_of(worker, phase, back, item), value);
}

void tell(const Worker *worker, const Phase *phase, bool back, uint32_t item, uint32_t value)
{
  atomic_store_explicit(progress_of(worker, phase, back, item), value, memory_order_release);
}

Kept kept_rows(const Worker *worker, const Phase *phase, uint32_t j, const Item *item)
{
  const Pass *pass = worker->pass;
  const BlockAt *block = &phase->stack.block[j];
  const Kept *all = &pass->kept[block - pass->layers->block];
  if (!all->value) return worker->scratch.again;
  Kept kept = *all;
  kept.value += item->first * block->inner;
  if (kept.stats) kept.stats += 2 * item->first;
  if (kept.gate) kept.gate += item->first * block->inner;
  if (kept.conv) kept.conv += item->first * block->width;
  if (kept.u) kept.u += item->first * block->recur.hidden;
  if (kept.h) kept.h += item->first * block->recur.hidden;
  return kept;
}

void dense_forward(const Worker *worker, const DenseAt *dense, Operand x, size_t rows,
                   const real *base, real *y, size_t ldy)
{
  const Pass *pass = worker->pass;
  pass->layers->ops->multiply(x, rows, pass->packed + dense->forward, dense->cols, dense->rows,
                              pass->weights + dense->bias, base, y, ldy);
}

void dense_backward(Worker *worker, const DenseAt *dense, const real *dy, size_t ldy, Operand x,
                    size_t rows, const real *base, real *dx, size_t ldx)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  real *const *room = worker->scratch.room;
  const Operand left = ops->left(dy, ldy, rows, dense->rows, room[0]);
  ops->multiply(left, rows, pass->packed + dense->backward, dense->rows, dense->cols, NULL, base,
                dx, ldx);
  const Operand side = ops->side(dy, ldy, rows, dense->rows, room[1]);
  ops->outer(side, x, rows, dense->rows, dense->cols, worker->grad + dense->weight);
  ops->sum_rows(dy, ldy, rows, dense->rows, worker->grad + dense->bias);
}

/// The rows that are asked for, of one clip.
static void give_logits(const Pass *pass, const real *logits, const Item *item)
{
  for (size_t t = 0; t < item->count; ++t, logits += CENOTE_CLASSES) {
    const size_t row = item->first + t;
    if (row < pass->logits_row || row >= pass->logits_row + pass->logits_rows) continue;
    float *to = pass->logits + (row - pass->logits_row) * CENOTE_CLASSES;
    for (size_t k = 0; k < CENOTE_CLASSES; ++k) to[k] = (float)logits[k];
  }
}

void loss_run(Worker *worker, const Phase *phase, const Item *item)
{
  Pass *pass = worker->pass;
  const Layers *layers = pass->layers;
  const Ops *ops = layers->ops;
  const Scratch *scratch = &worker->scratch;
  const size_t width = layers->norm.width;
  const real *x = phase->x[phase->stack.blocks] + item->first * width;
  const real *weight = pass->weights + layers->norm.weight;
  ops->norm(x, item->count, width, weight, pass->weights + layers->norm.bias, false,
            scratch->normed, scratch->stats);
  const Operand left = ops->left(scratch->normed, width, item->count, width, scratch->room[0]);
  dense_forward(worker, &layers->head, left, item->count, NULL, scratch->logits, CENOTE_CLASSES);
  if (pass->logits) {
    give_logits(pass, scratch->logits, item);
    return;
  }
  pass->nats[item->index] = ops->loss(scratch->logits, pass->codes + item->first,
                                      pass->count + item->first, item->count, pass->gradient);
  if (!pass->gradient) return;
  const Operand side = ops->side(scratch->normed, width, item->count, width, scratch->room[2]);
  dense_backward(worker, &layers->head, scratch->logits, CENOTE_CLASSES, side, item->count, NULL,
                 scratch->dn, width);
  real *grad = pass->grad[0] + item->first * width;
  memset(grad, 0, item->count * width * sizeof *grad);
  ops->norm_back(x, scratch->dn, scratch->stats, item->count, width, weight, false, grad,
                 worker->grad + layers->norm.weight, worker->grad + layers->norm.bias);
}

static void forward(Worker *worker, const Phase *phase)
{
  const Pass *pass = worker->pass;
  const Cut *cut = &pass->cut[phase->level];
  const bool last = phase + 1 == pass->phase + pass->phases;
  for (uint32_t i = worker->index; i < cut_items(cut, pass->clips); i += worker->workers) {
    const Item item = cut_item(cut, pass->clips, i);
    pool_enter(worker, phase, &item);
    tell(worker, phase, false, i, 1);
    for (uint32_t j = 0; j < phase->stack.blocks; ++j) {
      block_forward(worker, phase, j, &item, false);
      tell(worker, phase, false, i, 3 + 2 * j);
    }
    if (last) loss_run(worker, phase, &item);
  }
}

static void backward(Worker *worker, const Phase *phase)
{
  const Pass *pass = worker->pass;
  const Cut *cut = &pass->cut[phase->level];
  const uint32_t items = cut_items(cut, pass->clips);
  for (uint32_t i = worker->index; i < items; i += worker->workers) {
    const Item item = cut_item(cut, pass->clips, items - 1 - i);
    pool_leave(worker, phase, &item);
    for (uint32_t j = phase->stack.blocks; j-- > 0;) {
      block_backward(worker, phase, j, &item);
      tell(worker, phase, true, item.index, 3 + 2 * (phase->stack.blocks - 1 - j));
    }
    if (phase->kind == FROM_CODES) input_backward(worker, &item);
  }
}

void pass_run(Worker *worker)
{
  const Pass *pass = worker->pass;
  for (uint32_t p = 0; p < pass->phases; ++p) {
    crew_meet(pass->crew);
    forward(worker, &pass->phase[p]);
  }
  for (uint32_t p = pass->phases; pass->gradient && p-- > 0;) {
    crew_meet(pass->crew);
    backward(worker, &pass->phase[p]);
  }
  crew_meet(pass->crew);
}
