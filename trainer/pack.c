// SPDX-License-Identifier: ISC
// The forms of the weights that the products want, made anew after each step of the optimiser.
#include "layers.h"

#include "rt/dmath.h"

#include <math.h>

typedef struct Packer {
  const Layers *layers;
  const real *weights;
  real *packed;
} Packer;

static void pack_dense(const Packer *p, const DenseAt *dense)
{
  if (dense->rows == 0) return;
  p->layers->ops->pack(p->weights + dense->weight, dense->rows, dense->cols,
                       p->packed + dense->forward, p->packed + dense->backward);
}

/// In double: what is wrong in a constant is wrong the same way at each step.
static void pack_rates(const Packer *p, const RecurAt *recur)
{
  const CnConfig *config = &p->layers->config;
  const bool complex = recur->a_imag != NOWHERE;
  real *rate = p->packed + recur->rates;
  double *fixed = (double *)(void *)rate;
  for (uint32_t k = 0; k < recur->units; ++k) {
    const double rho = config->log_a_scale * cn_softplus((double)p->weights[recur->a_real + k]);
    if (recur->blocks > 0) {
      rate[k] = (real)rho;
      continue;
    }
    const double angle = complex ? (double)p->weights[recur->a_imag + k] : 0.0;
    const double half = sin(0.5 * angle);
    fixed[k] = expm1(rho) - exp(rho) * 2.0 * half * half;
    fixed[recur->units + k] = exp(rho) * sin(angle);
    fixed[2 * recur->units + k] = config->input_norm ? sqrt(-expm1(2.0 * rho)) : 1.0;
  }
}

static void pack_block(const Packer *p, const BlockAt *block)
{
  pack_dense(p, &block->gate);
  pack_dense(p, &block->mlp);
  pack_dense(p, &block->out);
  for (uint32_t g = 0; block->conv.taps > 0 && g < block->conv.groups; ++g) {
    const DenseAt dense = conv_group(p->layers->ops, &block->conv, g);
    pack_dense(p, &dense);
  }
  const RecurAt *recur = &block->recur;
  if (recur->units == 0) return;
  pack_dense(p, &recur->in);
  pack_dense(p, &recur->out);
  pack_rates(p, recur);
  if (recur->blocks == 0) return;
  const Gates gates = recur_gates(recur, p->weights);
  p->layers->ops->gates_pack(&gates, p->packed + recur->gates);
}

static void pack_pool(const Packer *p, const PoolAt *pool)
{
  if (pool->dense) {
    pack_dense(p, &pool->down);
    pack_dense(p, &pool->up);
    return;
  }
  for (size_t o = 0; o < pool->wide; ++o) {
    for (size_t j = 0; j < pool->factor; ++j) {
      const size_t from = o * pool->factor + j;
      p->packed[pool->down_turned + j * pool->wide + o] = p->weights[pool->down.weight + from];
      p->packed[pool->up_turned + j * pool->wide + o] = p->weights[pool->up.weight + from];
    }
  }
}

void layers_pack(const Layers *layers, const real *weights, real *packed, uint32_t index,
                 uint32_t workers)
{
  const Packer p = {layers, weights, packed};
  for (uint32_t j = index; j < layers->blocks; j += workers) pack_block(&p, &layers->block[j]);
  if (index > 0) return;
  for (uint32_t i = 0; i + 1 < layers->levels; ++i) pack_pool(&p, &layers->pool[i]);
  pack_dense(&p, &layers->head);
}

void sine_table(uint32_t width, real *table)
{
  const uint32_t half = width / 2;
  for (uint32_t code = 0; code < CENOTE_CLASSES; ++code) {
    real *row = table + (size_t)code * width;
    for (uint32_t k = 0; k < half; ++k) {
      const double angle = code * pow(10000.0, -(double)k / half);
      row[k] = (real)cos(angle);
      row[half + k] = (real)sin(angle);
    }
  }
}
