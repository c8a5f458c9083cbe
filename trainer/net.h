// SPDX-License-Identifier: ISC
// The whole-sequence pass, layer by layer (MODEL.md). Activations are matrices of one row a step,
// [steps][features]. A layer that looks back (conv, recurrence, pool) keeps its last rows between
// calls and puts them in front of the new ones, so that a sequence may be cut anywhere.
#ifndef TRAINER_NET_H
#define TRAINER_NET_H

#include "trainer.h"

#include "linear.h"

#include "config.h"
#include "kernels/kernels.h"
#include "weights.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Norm {
  CnNorm kind;
  uint32_t width;
  const float *weight;
  const float *bias; ///< CN_NORM_LAYER only
} Norm;

/// Causal conv, weight[width][width / groups][taps], the last tap the present.
typedef struct Conv {
  uint32_t width;
  uint32_t groups;
  uint32_t taps; ///< 0: the block has none
  const float *weight;
  const float *bias;
} Conv;

/// RG-LRU, or LRU where there are no gates.
typedef struct Recur {
  uint32_t hidden; ///< real numbers of state
  uint32_t units;  ///< complex ones, or `hidden` real ones
  Dense in;
  Dense out;
  Diagonal gate_x; ///< blocks 0: LRU
  Diagonal gate_a;
  const float *a_real;
  const float *a_imag; ///< NULL: real units
  double log_a_scale;
  bool input_norm;
} Recur;

/// Residual block.
typedef struct Block {
  CnEntry entry;
  uint32_t width;
  uint32_t inner; ///< width of the layer's output
  Norm norm;
  Dense gate; ///< rows 0: no gating
  Dense mlp;
  Conv conv;      ///< of a conv block, or in front of a recurrence
  Norm conv_norm; ///< of the latter
  Recur recur;
  Dense out;
} Block;

typedef struct Stack {
  const Block *block;
  uint32_t blocks;
} Stack;

/// The two pools between a level and the one below.
typedef struct Pool {
  uint32_t factor;
  uint32_t features; ///< wide / width
  uint32_t width;
  uint32_t wide; ///< width of the level below
  bool dense;
  Dense down; ///< dense: [wide][factor * width]; conv: weight[wide][factor]
  Dense up;   ///< dense: [factor * width][wide]; conv: weight[width][features][factor]
} Pool;

typedef struct Level {
  uint32_t width;
  Stack down; ///< of the deepest level: its only stack
  Stack up;
  Pool pool; ///< unless it is the deepest
} Level;

struct Net {
  CnWeights weights; ///< all pointers to weights point into its data
  const CnKernels *kernels;
  Block *block; ///< all blocks, stack by stack
  uint32_t blocks;
  uint32_t levels;
  Level level[CN_MAX_LEVELS];
  float *sine;            ///< [256][base_dim]; NULL: another input
  const float *embedding; ///< [256][base_dim]; NULL: another input
  Dense input;            ///< [base_dim][1]; rows 0: another input
  Norm norm;              ///< the last one
  Dense head;
};

/// What a block keeps between calls.
typedef struct BlockState {
  float *window; ///< [taps - 1][width], the conv's last inputs
  float *hidden; ///< [hidden]
} BlockState;

/// What a pool keeps between calls.
typedef struct PoolState {
  float *open;      ///< [factor - 1][width], inputs of a unit that is not complete
  float *due;       ///< [factor - 1][width], outputs of steps to come
  uint32_t opened;  ///< rows in `open`
  uint32_t pending; ///< rows in `due`
} PoolState;

/// Room for the activations of one layer after another; `steps` is what the level runs in a call.
typedef struct Scratch {
  float *normed;  ///< [steps][width]
  float *gate;    ///< [steps][inner]
  float *value;   ///< [steps][inner]
  float *window;  ///< [taps - 1 + steps][width]
  float *columns; ///< [steps][taps * width / groups]
  float *u;       ///< [steps][hidden]
  float *h;       ///< [1 + steps][hidden], the state before the first step in front
  float *gate_x;  ///< [steps][units], then the factor of u
  float *gate_a;  ///< [steps][units], then the real part of a - 1
  float *a_im;    ///< [steps][units], its imaginary part
  float *rate;    ///< [units]
  double *fixed;  ///< [3][units]: a and the factor of u of an LRU
  float *pooled;  ///< [factor - 1 + steps][width]
} Scratch;

/// x[steps][base_dim] of `steps` codes.
void input_forward(const Net *net, const uint8_t *codes, size_t steps, float *x);

/// y[steps][width] of x; the kind CN_NORM_NONE is the caller's.
void norm_forward(const CnKernels *kernels, const Norm *norm, const float *x, size_t steps,
                  float *y);

/// x[steps][width] becomes the block's output.
void block_stream(const CnKernels *kernels, const Block *block, BlockState *state,
                  const Scratch *scratch, float *x, size_t steps);

/// y[steps][width] of n[steps][width].
void conv_stream(const Conv *conv, float *kept, const Scratch *scratch, const float *n,
                 size_t steps, float *y);

/// y[steps][width] of n[steps][width].
void recur_stream(const Recur *recur, float *hidden, const Scratch *scratch, const float *n,
                  size_t steps, float *y);

/// y[units][wide] of the units that x[steps][width] completes; returns how many.
size_t pool_down(const Pool *pool, PoolState *state, float *pooled, const float *x, size_t steps,
                 float *y);

/// x[steps][width] += the outputs due in these steps; y[units][wide] are the units they completed.
void pool_up(const Pool *pool, PoolState *state, float *pooled, const float *y, size_t units,
             float *x, size_t steps);

#endif
