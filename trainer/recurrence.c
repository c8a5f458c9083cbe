// SPDX-License-Identifier: ISC
// RG-LRU and LRU, forward and back (MODEL.md section 3). The gates are worked out twice, the states
// are kept. From one item of a clip to the next a state crosses, and on the way back its gradient.
#include "pass.h"

#include <math.h>
#include <string.h>

static Rates rates_of(const Pass *pass, const RecurAt *recur)
{
  return (Rates){
      .rate = pass->packed + recur->rates,
      .angle = recur->a_imag == NOWHERE ? NULL : pass->weights + recur->a_imag,
      .units = recur->units,
      .input_norm = pass->layers->config.input_norm,
  };
}

/// The numbers of an LRU: Re a - 1, Im a, factor of u.
typedef struct Fixed {
  const double *re;
  const double *im;
  const double *in;
} Fixed;

static Fixed fixed_of(const Pass *pass, const RecurAt *recur)
{
  const double *re = (const double *)(const void *)(pass->packed + recur->rates);
  return (Fixed){re, recur->a_imag == NOWHERE ? NULL : re + recur->units, re + 2 * recur->units};
}

/// The border in front of part `part` of a clip.
static real *border(const Pass *pass, const Phase *phase, real *all, uint32_t clip, uint32_t part,
                    size_t each)
{
  const Cut *cut = &pass->cut[phase->level];
  return all + ((size_t)clip * (cut->parts + 1) + part) * each;
}

static void open_gates(const Worker *worker, const RecurAt *recur, const real *u, size_t count)
{
  const Pass *pass = worker->pass;
  const Gates gates = recur_gates(recur, pass->weights);
  pass->layers->ops->gates(&gates, pass->packed + recur->gates, u, count, worker->scratch.lx,
                           worker->scratch.la);
}

/// The state in front of a clip's first item.
static void first_state(const Pass *pass, uint32_t clip, size_t at, size_t hidden, real *state)
{
  if (pass->carried_in)
    memcpy(state, pass->carried_in + clip * pass->carried + at, hidden * sizeof *state);
  else memset(state, 0, hidden * sizeof *state);
}

void recur_forward(Worker *worker, const Phase *phase, uint32_t j, const Item *item, const real *x,
                   const Kept *kept, real *y, bool again)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const Scratch *scratch = &worker->scratch;
  const BlockAt *block = &phase->stack.block[j];
  const size_t number = (size_t)(block - pass->layers->block);
  const RecurAt *recur = &block->recur;
  const size_t hidden = recur->hidden;
  const Rates rates = rates_of(pass, recur);
  const Fixed fixed = fixed_of(pass, recur);
  const Operand left = ops->left(x, block->width, item->count, block->width, scratch->room[0]);
  dense_forward(worker, &recur->in, left, item->count, NULL, kept->u, hidden);
  if (recur->blocks > 0) open_gates(worker, recur, kept->u, item->count);
  if (!again && item->from > 0) await(worker, phase, false, item->index - 1, 2 + 2 * j);
  for (uint32_t c = 0; c < item->clips; ++c) {
    const size_t row = (size_t)c * item->rows;
    const uint32_t clip = item->clip + c;
    real *h = kept->h + row * hidden;
    real *before = border(pass, phase, pass->border[number].state, clip, item->part, hidden);
    if (item->from == 0) first_state(pass, clip, pass->block_carried[number].state, hidden, before);
    if (recur->blocks > 0)
      ops->scan(&rates, scratch->lx + row * rates.units, scratch->la + row * rates.units,
                kept->u + row * hidden, item->rows, before, h);
    else
      ops->lru(fixed.re, fixed.im, fixed.in, rates.units, kept->u + row * hidden, item->rows,
               before, h);
    const real *end = h + (item->rows - 1) * hidden;
    if (again) continue;
    if (!item->last) memcpy(before + hidden, end, hidden * sizeof *end);
    else if (pass->carried_out)
      memcpy(pass->carried_out + clip * pass->carried + pass->block_carried[number].state, end,
             hidden * sizeof *end);
  }
  if (!again) tell(worker, phase, false, item->index, 2 + 2 * j);
  const Operand h = ops->left(kept->h, hidden, item->count, hidden, scratch->room[0]);
  dense_forward(worker, &recur->out, h, item->count, NULL, y, block->width);
}

/// From the gradients of rate and angle to those of a_real: rate = log_a_scale softplus(a_real).
static void rate_backward(Worker *worker, const RecurAt *recur, const real *drate)
{
  const Pass *pass = worker->pass;
  for (uint32_t k = 0; k < recur->units; ++k) {
    const double sigmoid = 1.0 / (1.0 + exp(-(double)pass->weights[recur->a_real + k]));
    worker->grad[recur->a_real + k] +=
        (real)((double)drate[k] * pass->layers->config.log_a_scale * sigmoid);
  }
}

/// The same for an LRU, from the sums over its steps: what an RG-LRU does at each.
static void fixed_backward(Worker *worker, const RecurAt *recur, const real *sums)
{
  const Pass *pass = worker->pass;
  const CnConfig *config = &pass->layers->config;
  const size_t units = recur->units;
  const Fixed fixed = fixed_of(pass, recur);
  const double least = 1.0 / (4.0 * 200.0 * 200.0); // MODEL.md section 3: a bounded slope
  for (size_t k = 0; k < units; ++k) {
    const double re = 1.0 + fixed.re[k];
    const double im = fixed.im ? fixed.im[k] : 0.0;
    const double dre = (double)sums[k];
    const double dim = (double)sums[units + k];
    double drho = dre * re + dim * im;
    if (config->input_norm) {
      const double room = fixed.in[k] * fixed.in[k];
      drho -= (double)sums[2 * units + k] * (1.0 - room) / sqrt(fmax(room, least));
    }
    const double sigmoid = 1.0 / (1.0 + exp(-(double)pass->weights[recur->a_real + k]));
    worker->grad[recur->a_real + k] += (real)(drho * config->log_a_scale * sigmoid);
    if (fixed.im) worker->grad[recur->a_imag + k] += (real)(dim * re - dre * im);
  }
}

/// dh[rows][hidden] to du, clip by clip, and what crosses to the item in front.
static void scan_backward(Worker *worker, const Phase *phase, uint32_t j, const Item *item,
                          const Kept *kept)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const Scratch *scratch = &worker->scratch;
  const BlockAt *block = &phase->stack.block[j];
  const Border *all = &pass->border[block - pass->layers->block];
  const RecurAt *recur = &block->recur;
  const size_t hidden = recur->hidden;
  const Rates rates = rates_of(pass, recur);
  const Fixed fixed = fixed_of(pass, recur);
  for (uint32_t c = 0; c < item->clips; ++c) {
    const size_t row = (size_t)c * item->rows;
    const size_t at = row * hidden;
    const uint32_t clip = item->clip + c;
    const real *before = border(pass, phase, all->state, clip, item->part, hidden);
    real *carry = border(pass, phase, all->back, clip, item->part, hidden);
    if (item->last) memset(carry, 0, hidden * sizeof *carry);
    else memcpy(carry, carry + hidden, hidden * sizeof *carry);
    if (recur->blocks > 0)
      ops->scan_back(&rates, scratch->lx + row * rates.units, scratch->la + row * rates.units,
                     kept->u + at, kept->h + at, before, scratch->dh + at, item->rows, carry,
                     scratch->du + at, scratch->sums,
                     rates.angle ? worker->grad + recur->a_imag : NULL);
    else
      ops->lru_back(fixed.re, fixed.im, fixed.in, rates.units, kept->u + at, kept->h + at, before,
                    scratch->dh + at, item->rows, carry, scratch->du + at, scratch->sums);
  }
}

void recur_backward(Worker *worker, const Phase *phase, uint32_t j, const Item *item, Operand side,
                    const Kept *kept, const real *dy, real *dx, const real *base)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const Scratch *scratch = &worker->scratch;
  const BlockAt *block = &phase->stack.block[j];
  const RecurAt *recur = &block->recur;
  const size_t hidden = recur->hidden;
  const uint32_t step = phase->stack.blocks - 1 - j;
  const Operand side_h = ops->side(kept->h, hidden, item->count, hidden, scratch->room[3]);
  dense_backward(worker, &recur->out, dy, block->width, side_h, item->count, NULL, scratch->dh,
                 hidden);
  if (recur->blocks > 0) open_gates(worker, recur, kept->u, item->count);
  memset(scratch->sums, 0, 3 * (size_t)recur->units * sizeof *scratch->sums);
  if (!item->last) await(worker, phase, true, item->index + 1, 2 + 2 * step);
  scan_backward(worker, phase, j, item, kept);
  tell(worker, phase, true, item->index, 2 + 2 * step);
  if (recur->blocks > 0) {
    rate_backward(worker, recur, scratch->sums);
    const Gates gates = recur_gates(recur, pass->weights);
    real *grad = worker->grad;
    ops->gates_back(&gates, pass->packed + recur->gates, kept->u, scratch->lx, scratch->la,
                    item->count, scratch->du, grad + recur->gate_x_weight,
                    grad + recur->gate_a_weight, grad + recur->gate_x_bias,
                    grad + recur->gate_a_bias);
  } else {
    fixed_backward(worker, recur, scratch->sums);
  }
  dense_backward(worker, &recur->in, scratch->du, hidden, side, item->count, base, dx,
                 block->width);
}
