// SPDX-License-Identifier: ISC
// The products of the whole-sequence pass. linear.c is the only file that calls OpenBLAS.
#ifndef TRAINER_LINEAR_H
#define TRAINER_LINEAR_H

#include <stddef.h>
#include <stdint.h>

/// weight[rows][cols] and bias[rows], borrowed.
typedef struct Dense {
  const float *weight;
  const float *bias;
  uint32_t rows;
  uint32_t cols;
} Dense;

/// Dense matrices side by side: weight[blocks][rows][cols] and bias[blocks][rows], borrowed.
typedef struct Diagonal {
  const float *weight;
  const float *bias;
  uint32_t blocks;
  uint32_t rows;
  uint32_t cols;
} Diagonal;

/// Once before the first product: one thread. OpenBLAS would take every core, and gain nothing on
/// matrices this small.
void linear_start(void);

/// y[steps][rows] = x[steps][cols] weight^T + bias. Rows of x begin x_step floats apart, those of
/// y y_step, so that either may be columns of a wider matrix.
void linear_forward(const Dense *dense, const float *x, size_t x_step, size_t steps, float *y,
                    size_t y_step);

/// y[steps][rows] += x[steps][cols] weight^T + bias, rows without gaps.
void linear_add(const Dense *dense, const float *x, size_t steps, float *y);

/// y[steps][blocks * rows] from x[steps][blocks * cols], rows without gaps.
void linear_diagonal(const Diagonal *diagonal, const float *x, size_t steps, float *y);

#endif
