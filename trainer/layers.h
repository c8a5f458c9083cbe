// SPDX-License-Identifier: ISC
// Where each layer's tensors lie in the flat vector of weights, which is also where its gradients
// lie in theirs; and where its packed forms lie in the memory of those.
#ifndef TRAINER_LAYERS_H
#define TRAINER_LAYERS_H

#include "kernels/ops.h"

#include "config.h"
#include "params.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// No such tensor.
#define NOWHERE SIZE_MAX

typedef struct NormAt {
  CnNorm kind;
  uint32_t width;
  size_t weight;
  size_t bias; ///< CN_NORM_LAYER only
} NormAt;

/// weight[rows][cols], bias[rows].
typedef struct DenseAt {
  uint32_t rows; ///< 0: there is none
  uint32_t cols;
  size_t weight;
  size_t bias;
  size_t forward;  ///< packed, for x w^T
  size_t backward; ///< packed, for y w
} DenseAt;

/// Causal conv, weight[width][width / groups][taps]: for each group a dense layer on what its taps
/// see.
typedef struct ConvAt {
  uint32_t width;
  uint32_t groups;
  uint32_t taps; ///< 0: there is none
  uint32_t each; ///< width / groups
  DenseAt first; ///< the first group; the others follow at even distances
} ConvAt;

/// RG-LRU, or LRU where there are no gates.
typedef struct RecurAt {
  uint32_t hidden;
  uint32_t units;
  DenseAt in;
  DenseAt out;
  uint32_t blocks; ///< of the gates; 0: LRU
  size_t gate_x_weight;
  size_t gate_x_bias;
  size_t gate_a_weight;
  size_t gate_a_bias;
  size_t a_real;
  size_t a_imag; ///< NOWHERE: real units
  size_t gates;  ///< packed
  size_t rates;  ///< packed: [units] of an RG-LRU; double [3][units] of an LRU, Re a - 1, Im a,
                 ///< factor of u
} RecurAt;

typedef struct BlockAt {
  CnEntry entry;
  uint32_t width;
  uint32_t inner; ///< width of the layer's output
  NormAt norm;
  DenseAt gate;
  DenseAt mlp;
  ConvAt conv; ///< of a conv block, or in front of a recurrence
  NormAt conv_norm;
  RecurAt recur;
  DenseAt out;
} BlockAt;

typedef struct StackAt {
  const BlockAt *block;
  uint32_t blocks;
} StackAt;

/// The two pools between a level and the one below.
typedef struct PoolAt {
  uint32_t factor;
  uint32_t features;
  uint32_t width;
  uint32_t wide;
  bool dense;
  DenseAt down;       ///< dense: [wide][factor * width]; conv: weight[wide][factor]
  DenseAt up;         ///< dense: [factor * width][wide]; conv: weight[width][features][factor]
  size_t down_turned; ///< conv, packed: [factor][wide]
  size_t up_turned;   ///< the same
} PoolAt;

typedef struct Layers {
  CnConfig config;
  CnParams params;
  const Ops *ops;
  BlockAt *block; ///< all blocks, stack by stack
  uint32_t blocks;
  uint32_t levels;
  StackAt down[CN_MAX_LEVELS]; ///< of the deepest level: its only stack
  StackAt up[CN_MAX_LEVELS];
  PoolAt pool[CN_MAX_LEVELS];
  size_t embedding; ///< NOWHERE: another input
  DenseAt input;    ///< mlp input
  NormAt norm;
  DenseAt head;
  size_t packed; ///< numbers of all packed forms
} Layers;

CenoteStatus layers_init(Layers *layers, const char *name, const CnConfig *config, const Ops *ops,
                         CenoteError *err);
void layers_clear(Layers *layers);

/// The packed forms of worker `index` of `workers`: layers are dealt out by turns.
void layers_pack(const Layers *layers, const real *weights, real *packed, uint32_t index,
                 uint32_t workers);

/// The conv's group g as a dense layer.
DenseAt conv_group(const Ops *ops, const ConvAt *conv, uint32_t g);

/// The gates of an RG-LRU among `weights`.
Gates recur_gates(const RecurAt *recur, const real *weights);

/// cos and sin of every code at every frequency, [256][width]: MODEL.md section 5.
void sine_table(uint32_t width, real *table);

#endif
