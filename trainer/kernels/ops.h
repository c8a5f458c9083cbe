// SPDX-License-Identifier: ISC
// The trainer's inner loops, one table for each instruction set. Matrices are rows of numbers, a
// row for each step; rows of x begin ldx numbers apart. Every array may be read OPS_SLACK numbers
// past its end, and those may hold anything.
#ifndef TRAINER_OPS_H
#define TRAINER_OPS_H

#include "real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPS_SLACK = 64 };

/// One side of a product: numbers, or pairs of bfloat16 side by side.
typedef struct Operand {
  const void *data;
  size_t ld; ///< from one row to the next
} Operand;

/// What an RG-LRU does to its units, all [units].
typedef struct Rates {
  const real *rate;  ///< log_a_scale * softplus(a_real)
  const real *angle; ///< a_imag; NULL: real units
  size_t units;
  bool input_norm;
} Rates;

/// Both gates of one RG-LRU: weights [blocks][rows][cols], bias [blocks * rows] each.
typedef struct Gates {
  const real *weight_x;
  const real *weight_a;
  const real *bias_x;
  const real *bias_a;
  size_t blocks;
  size_t rows;
  size_t cols;
} Gates;

typedef struct PoolShape {
  size_t factor;
  size_t features;
  size_t wide;
} PoolShape;

/// One step of the optimiser, the same for every number.
typedef struct AdamStep {
  real scale; ///< of the gradient: mean, bits, clip
  real b1;
  real b2;
  real rest1; ///< 1 - b1, which float would lose digits of
  real rest2;
  real root; ///< sqrt(1 - b2^k)
  real rate; ///< lr / (1 - b1^k)
  real eps;
  real decay; ///< lr * weight_decay
  real ema;
  real rest_ema;
} AdamStep;

typedef struct Ops {
  const char *name;
  bool (*usable)(void); ///< by CPU and OS
  bool bfloat16;        ///< products of rounded numbers

  /// Numbers of memory for a packed matrix of `depth` rows and `cols` columns.
  size_t (*packed_size)(size_t depth, size_t cols);
  /// w[rows][cols], for x w^T (`forward`, depth cols) and for y w (`backward`, depth rows).
  void (*pack)(const real *w, size_t rows, size_t cols, real *forward, real *backward);
  /// x[rows][cols] as the left side of `multiply`; room is for what must be converted.
  Operand (*left)(const real *x, size_t ldx, size_t rows, size_t cols, real *room);
  /// y[rows][cols] = x packed + bias + base; bias[cols] and base[rows][cols] (rows ldy apart, may
  /// be y) may be NULL.
  void (*multiply)(Operand x, size_t rows, const real *packed, size_t depth, size_t cols,
                   const real *bias, const real *base, real *y, size_t ldy);
  /// x[rows][cols] as either side of `outer`.
  Operand (*side)(const real *x, size_t ldx, size_t rows, size_t cols, real *room);
  /// w[n][k] += sum over rows of y[row][n] x[row][k].
  void (*outer)(Operand y, Operand x, size_t rows, size_t n, size_t k, real *w);
  /// sum[cols] += sum over rows of x.
  void (*sum_rows)(const real *x, size_t ldx, size_t rows, size_t cols, real *sum);

  /// y = normed x; rms has no bias. stats[rows][2]: mean and 1 / deviation.
  void (*norm)(const real *x, size_t rows, size_t width, const real *weight, const real *bias,
               bool rms, real *y, real *stats);
  /// The same once more, from the stats.
  void (*norm_again)(const real *x, size_t rows, size_t width, const real *weight, const real *bias,
                     const real *stats, real *y);
  /// dx[rows][width] += what dy gives; dweight and dbias (NULL: none) +=.
  void (*norm_back)(const real *x, const real *dy, const real *stats, size_t rows, size_t width,
                    const real *weight, bool rms, real *dx, real *dweight, real *dbias);

  /// z = b gelu(g), or gelu(b) with g NULL.
  void (*gelu)(const real *b, const real *g, size_t n, real *z);
  /// From dz, which becomes db: z again, and dg.
  void (*gelu_back)(const real *b, const real *g, size_t n, real *dz, real *z, real *dg);

  /// Numbers of memory for packed gates.
  size_t (*gates_size)(const Gates *gates);
  void (*gates_pack)(const Gates *gates, real *packed);
  /// lx, la[rows][units] of u[rows][blocks * cols], before the sigmoid.
  void (*gates)(const Gates *gates, const real *packed, const real *u, size_t rows, real *lx,
                real *la);
  /// du += and the gradients of weights and biases += of dlx, dla.
  void (*gates_back)(const Gates *gates, const real *packed, const real *u, const real *dlx,
                     const real *dla, size_t rows, real *du, real *dweight_x, real *dweight_a,
                     real *dbias_x, real *dbias_a);

  /// h[rows][hidden] from lx, la and u; `before` is the state in front.
  void (*scan)(const Rates *rates, const real *lx, const real *la, const real *u, size_t rows,
               const real *before, real *h);
  /// Backwards: dh[rows][hidden] is what later layers give; carry[hidden] what later steps give,
  /// and becomes what this run gives to the step in front. lx, la become their gradients; du is
  /// written; drate, dangle[units] +=.
  void (*scan_back)(const Rates *rates, real *lx, real *la, const real *u, const real *h,
                    const real *before, const real *dh, size_t rows, real *carry, real *du,
                    real *drate, real *dangle);
  /// The same with one a - 1 (re, im; im NULL: real) and one factor of u for all steps.
  /// sums[3][units]
  /// += the gradients of Re a, Im a and the factor.
  void (*lru)(const double *re, const double *im, const double *in, size_t units, const real *u,
              size_t rows, const real *before, real *h);
  void (*lru_back)(const double *re, const double *im, const double *in, size_t units,
                   const real *u, const real *h, const real *before, const real *dh, size_t rows,
                   real *carry, real *du, real *sums);

  /// logits[rows][256] become softmax less the one code that came; count[row] false: zeros. Returns
  /// the nats of the rows that count.
  double (*loss)(real *logits, const uint8_t *codes, const bool *count, size_t rows, bool gradient);

  /// Conv pooling, weight[factor][wide], width = wide / features. Down: y[rows][wide] from
  /// x[rows * factor][width]; up: the other way round, bias[width].
  void (*pool_down)(const PoolShape *pool, const real *x, size_t rows, const real *weight,
                    const real *bias, real *y);
  void (*pool_up)(const PoolShape *pool, const real *y, size_t rows, const real *weight,
                  const real *bias, real *x);
  /// And back: dx += (down), dy = (up), dweight +=.
  void (*pool_down_back)(const PoolShape *pool, const real *x, const real *dy, size_t rows,
                         const real *weight, real *dx, real *dweight);
  void (*pool_up_back)(const PoolShape *pool, const real *y, const real *dx, size_t rows,
                       const real *weight, real *dy, real *dweight);

  /// out[rows][width] = x + y where the dice keep it, scaled; `first` numbers the first row.
  void (*dropout)(const real *x, const real *y, size_t rows, size_t width, uint64_t key,
                  uint64_t first, uint32_t threshold, real scale, real *out);

  double (*sum_squares)(const real *x, size_t n);
  /// AdamW and EMA on one slice; g is the gradient in nats, not yet scaled.
  void (*adam)(const AdamStep *step, size_t n, const real *g, real *w, real *m, real *v, real *ema);
} Ops;

/// The best table that this machine can run; with bfloat16 products if asked for and possible, else
/// the plain ones.
const Ops *ops_choose(bool bfloat16);

/// All tables of this build, NULL at the end.
const Ops *const *ops_all(void);

#endif
