// SPDX-License-Identifier: ISC
#include "linear.h"

#include <cblas.h>

#include <string.h>

void linear_start(void)
{
  openblas_set_num_threads(1);
}

/// y += x weight^T. OpenBLAS counts in int: no configuration has a row of more than 2^18 floats,
/// and no stream works on as many steps at once.
static void multiply_add(const Dense *dense, const float *x, size_t x_step, size_t steps, float *y,
                         size_t y_step)
{
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)steps, (int)dense->rows,
              (int)dense->cols, 1.0f, x, (int)x_step, dense->weight, (int)dense->cols, 1.0f, y,
              (int)y_step);
}

void linear_forward(const Dense *dense, const float *x, size_t x_step, size_t steps, float *y,
                    size_t y_step)
{
  for (size_t t = 0; t < steps; ++t) memcpy(y + t * y_step, dense->bias, dense->rows * sizeof *y);
  multiply_add(dense, x, x_step, steps, y, y_step);
}

void linear_add(const Dense *dense, const float *x, size_t steps, float *y)
{
  for (size_t t = 0; t < steps; ++t)
    for (uint32_t o = 0; o < dense->rows; ++o) y[t * dense->rows + o] += dense->bias[o];
  multiply_add(dense, x, dense->cols, steps, y, dense->rows);
}

void linear_diagonal(const Diagonal *diagonal, const float *x, size_t steps, float *y)
{
  const size_t size = (size_t)diagonal->rows * diagonal->cols;
  for (size_t b = 0; b < diagonal->blocks; ++b) {
    const Dense dense = {diagonal->weight + b * size, diagonal->bias + b * diagonal->rows,
                         diagonal->rows, diagonal->cols};
    linear_forward(&dense, x + b * diagonal->cols, (size_t)diagonal->blocks * diagonal->cols, steps,
                   y + b * diagonal->rows, (size_t)diagonal->blocks * diagonal->rows);
  }
}
