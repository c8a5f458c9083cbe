// SPDX-License-Identifier: ISC
// A pass of some clips through the levels, forward and back. Activations are matrices of one row a
// step, [clips][steps][features]. Each level's rows are cut into items, small enough for the inner
// caches; an item runs through all blocks of a stack at one go. Workers take the items by turns, so
// an item waits for the one before it only where a layer looks back in time: at its scan and its
// conv. Between two stacks all workers meet.
#ifndef TRAINER_PASS_H
#define TRAINER_PASS_H

#include "crew.h"
#include "layers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOST_PHASES = 2 * CN_MAX_LEVELS };

/// How the rows of a level are cut into items.
typedef struct Cut {
  uint32_t length;     ///< rows of a clip
  uint32_t rows;       ///< of an item at most, of one clip
  uint32_t parts;      ///< items of a clip
  uint32_t together;   ///< clips of an item; 1 where parts > 1
  uint32_t most_rows;  ///< bounds for this and every shorter length: rows of an item, of all its
  uint32_t most_parts; ///< clips, and items of a clip
} Cut;

/// clips * rows rows, one behind the other, `first` the first of them.
typedef struct Item {
  uint32_t index;
  uint32_t clip;
  uint32_t clips;
  uint32_t part;  ///< of its clip
  uint32_t parts; ///< that its clip has
  uint32_t from;  ///< step of its clip
  uint32_t rows;  ///< of each clip
  size_t first;
  size_t count;
  bool last; ///< of its clip
} Item;

/// What a block keeps for the way back. Rows are of the level, or of one item where the block's
/// activations are worked out twice.
typedef struct Kept {
  real *stats; ///< [rows][2], of the norm
  real *gate;  ///< [rows][inner], before gelu
  real *value; ///< [rows][inner], the layer's output
  real *conv;  ///< [rows][width], the output of a conv in front of a recurrence
  real *u;     ///< [rows][hidden]
  real *h;     ///< [rows][hidden]
} Kept;

/// What crosses from one item of a clip to the next, [clips][parts + 1][...]: entry p is in front
/// of part p.
typedef struct Border {
  real *state; ///< [hidden]
  real *back;  ///< [hidden], its gradient
  real *halo;  ///< [taps - 1][width], gradients of the conv's first outputs
} Border;

/// Where a block or pool finds its part of a clip's carried numbers.
typedef struct CarriedAt {
  size_t state;
  size_t window;
} CarriedAt;

/// A stack of a level, with what comes before it.
typedef enum PhaseKind { FROM_CODES, FROM_ABOVE, FROM_BELOW } PhaseKind;
typedef struct Phase {
  PhaseKind kind;
  uint32_t level;
  StackAt stack;
  real **x; ///< [stack.blocks + 1]: the stack's input, then each block's output, of all rows
} Phase;

/// Room for what one worker has at hand.
typedef struct Scratch {
  real *normed; ///< [rows][width]
  real *second; ///< [rows][width], normed again behind a conv
  real *stats;  ///< [rows][2]
  real *before; ///< [clips][taps - 1][width], inputs of a conv in front of the item
  real *column; ///< [rows + taps - 1][taps * each]
  real *dcolumn;
  real *ext;   ///< [rows + taps - 1][width], gradients of a conv's outputs
  real *z;     ///< [rows][inner]
  real *dz;    ///< [rows][inner]
  real *dgate; ///< [rows][inner]
  real *dn;    ///< [rows][width]
  real *dmid;  ///< [rows][width], gradient of a conv's output
  real *dy;    ///< [rows][width], behind the dropout
  real *lx;    ///< [rows][units]
  real *la;
  real *dh; ///< [rows][hidden]
  real *du;
  real *sums;    ///< [3][units]
  real *logits;  ///< [rows][256]
  real *pooled;  ///< [rows + 2 factors][width]
  real *turned;  ///< [factor][wide]
  real *room[4]; ///< for operands
  Kept again;    ///< of a block whose activations are worked out twice
} Scratch;

/// Clips on their way.
typedef struct Pass {
  const Layers *layers;
  const real *weights;
  const real *packed;
  const real *sine;      ///< [256][base_dim]; NULL: another input
  const uint8_t *codes;  ///< [clips][length]
  const bool *count;     ///< [clips][length]
  const uint8_t *before; ///< [clips], the code in front of each clip
  uint32_t clips;
  uint64_t first_clip; ///< of all, numbers the dropout
  bool gradient;
  float *logits;     ///< [rows][256], wanted instead of the loss; NULL: the loss is
  size_t logits_row; ///< of a clip, the first of them
  size_t logits_rows;
  uint32_t drop;          ///< of 65536; 0: no dropout
  uint64_t drop_key;      ///< of this step
  const real *carried_in; ///< [clips][carried]; NULL: all start anew
  real *carried_out;      ///< NULL: nothing is carried on
  size_t carried;

  uint32_t phases;
  Phase phase[MOST_PHASES];
  Cut cut[CN_MAX_LEVELS];
  real *grad[CN_MAX_LEVELS]; ///< [rows][width]: of the residual stream, on the way back
  Kept *kept;                ///< of each block
  Border *border;
  CarriedAt *block_carried;
  size_t pool_carried[CN_MAX_LEVELS];
  _Atomic uint32_t *progress; ///< [2 * phases][items]
  uint32_t items;             ///< the most of any phase
  double *nats;               ///< [items] of the first level
  Crew *crew;                 ///< NULL: one worker
} Pass;

typedef struct Worker {
  Pass *pass;
  uint32_t index;
  uint32_t workers;
  real *grad; ///< of the weights, summed over what this worker did
  Scratch scratch;
} Worker;

uint32_t cut_items(const Cut *cut, uint32_t clips);
Item cut_item(const Cut *cut, uint32_t clips, uint32_t index);

/// The whole pass as worker `worker` does it: forward, loss, and back if pass->gradient.
void pass_run(Worker *worker);

/// One block forward on an item: x[rows][width] of the level to `next` likewise. `again`: only what
/// the way back wants, and nothing is waited for.
void block_forward(Worker *worker, const Phase *phase, uint32_t j, const Item *item, bool again);
/// And back: the item's rows of the level's gradient become those of the block's input.
void block_backward(Worker *worker, const Phase *phase, uint32_t j, const Item *item);

/// y[rows][width] of x.
void conv_forward(Worker *worker, const ConvAt *conv, const Item *item, const real *x, real *y);
/// dx += and the gradients of the weights, from dy. `halo` is the block's.
void conv_backward(Worker *worker, const ConvAt *conv, const Item *item, const real *x,
                   const real *dy, real *halo, real *dx);

/// The layer from x (normed) to y, and back: dx = what dy gives + base; `side` is that of x.
void recur_forward(Worker *worker, const Phase *phase, uint32_t j, const Item *item, const real *x,
                   const Kept *kept, real *y, bool again);
void recur_backward(Worker *worker, const Phase *phase, uint32_t j, const Item *item, Operand side,
                    const Kept *kept, const real *dy, real *dx, const real *base);

/// The stack's first rows: from codes, or through a pool.
void pool_enter(Worker *worker, const Phase *phase, const Item *item);
/// On the way back, the gradient of the item's last rows: for the last stack of a level by way of
/// the pool up, for the others what comes by the pool down is added.
void pool_leave(Worker *worker, const Phase *phase, const Item *item);
/// Gradients of the input's own weights.
void input_backward(Worker *worker, const Item *item);

/// Of the last rows: the nats and, if wanted, their gradient.
void loss_run(Worker *worker, const Phase *phase, const Item *item);

/// y[rows][d.rows] = x w^T + bias + base.
void dense_forward(const Worker *worker, const DenseAt *dense, Operand x, size_t rows,
                   const real *base, real *y, size_t ldy);
/// dx[rows][d.cols] = dy w + base; the gradients of weight and bias from dy and x, its `side`.
void dense_backward(Worker *worker, const DenseAt *dense, const real *dy, size_t ldy, Operand x,
                    size_t rows, const real *base, real *dx, size_t ldx);

/// Where an item's kept rows begin.
Kept kept_rows(const Worker *worker, const Phase *phase, uint32_t j, const Item *item);

/// Wait for, and tell of, what is done of an item.
void await(const Worker *worker, const Phase *phase, bool back, uint32_t item, uint32_t value);
void tell(const Worker *worker, const Phase *phase, bool back, uint32_t item, uint32_t value);

#endif
