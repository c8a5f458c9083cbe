// SPDX-License-Identifier: ISC
// The causal conv over time, forward and back: for each group of features a dense layer on columns
// of what its taps see, [each][taps] as the weights have it.
#include "pass.h"

#include <string.h>

/// column[rows][each * taps] of group g for one clip; before[taps - 1][width] are the rows in
/// front.
static void fill_column(const ConvAt *conv, uint32_t g, const real *x, const real *before,
                        uint32_t rows, real *column)
{
  const size_t width = conv->width;
  const size_t taps = conv->taps;
  for (size_t t = 0; t < rows; ++t) {
    for (size_t j = 0; j < taps; ++j) {
      const real *from =
          t + j >= taps - 1 ? x + (t + j - (taps - 1)) * width : before + (t + j) * width;
      from += (size_t)g * conv->each;
      for (size_t i = 0; i < conv->each; ++i) column[i * taps + j] = from[i];
    }
    column += conv->each * taps;
  }
}

void conv_forward(Worker *worker, const ConvAt *conv, const Item *item, const real *x, real *y)
{
  const Ops *ops = worker->pass->layers->ops;
  const Scratch *scratch = &worker->scratch;
  const size_t width = conv->width;
  const size_t before = (conv->taps - 1) * width;
  for (uint32_t g = 0; g < conv->groups; ++g) {
    const DenseAt dense = conv_group(ops, conv, g);
    for (size_t c = 0; c < item->clips; ++c)
      fill_column(conv, g, x + c * item->rows * width, scratch->before + c * before, item->rows,
                  scratch->column + c * item->rows * dense.cols);
    const Operand left =
        ops->left(scratch->column, dense.cols, item->count, dense.cols, scratch->room[0]);
    dense_forward(worker, &dense, left, item->count, NULL, y + (size_t)g * conv->each, width);
  }
}

/// The gradient of the outputs of one clip's item and, behind them, of the taps - 1 that follow.
static void fill_ext(const Worker *worker, const ConvAt *conv, const Item *item, const real *dy,
                     const real *follow)
{
  const size_t some = (conv->taps - 1) * conv->width;
  const size_t own = (size_t)item->rows * conv->width;
  real *ext = worker->scratch.ext;
  memcpy(ext, dy, own * sizeof *ext);
  if (item->last) memset(ext + own, 0, some * sizeof *ext);
  else memcpy(ext + own, follow, some * sizeof *ext);
}

/// dx += what the columns' gradients give to the rows of one clip's item.
static void spread_column(const ConvAt *conv, uint32_t g, const real *dcolumn, uint32_t rows,
                          real *dx)
{
  const size_t taps = conv->taps;
  const size_t cols = (size_t)conv->each * taps;
  for (size_t t = 0; t < rows; ++t) {
    real *to = dx + t * conv->width + (size_t)g * conv->each;
    for (size_t j = 0; j < taps; ++j) { // row t is tap j of the output at t + taps - 1 - j
      const real *from = dcolumn + (t + taps - 1 - j) * cols + j;
      for (size_t i = 0; i < conv->each; ++i) to[i] += from[i * taps];
    }
  }
}

/// The first taps - 1 gradients of outputs, for the item in front; zeros where the clip ends.
static void leave_halo(const ConvAt *conv, const Item *item, const real *dy, real *halo)
{
  const size_t want = conv->taps - 1;
  const size_t rows = item->rows < want ? item->rows : want;
  memcpy(halo, dy, rows * conv->width * sizeof *halo);
  memset(halo + rows * conv->width, 0, (want - rows) * conv->width * sizeof *halo);
}

void conv_backward(Worker *worker, const ConvAt *conv, const Item *item, const real *x,
                   const real *dy, real *halo, real *dx)
{
  const Pass *pass = worker->pass;
  const Ops *ops = pass->layers->ops;
  const Scratch *scratch = &worker->scratch;
  const size_t width = conv->width;
  const size_t before = (conv->taps - 1) * width;
  const size_t ext = item->rows + conv->taps - 1;
  for (size_t c = 0; c < item->clips; ++c) {
    const size_t row = c * item->rows;
    // Borders lie part by part; only a clip in parts has any.
    real *own = halo + ((item->clip + c) * (size_t)(item->parts + 1) + item->part) * before;
    fill_ext(worker, conv, item, dy + row * width, own + before);
    leave_halo(conv, item, dy + row * width, own);
    for (uint32_t g = 0; g < conv->groups; ++g) {
      const DenseAt dense = conv_group(ops, conv, g);
      const real *from = scratch->ext + (size_t)g * conv->each;
      fill_column(conv, g, x + row * width, scratch->before + c * before, item->rows,
                  scratch->column);
      const Operand left = ops->left(from, width, ext, conv->each, scratch->room[0]);
      ops->multiply(left, ext, pass->packed + dense.backward, dense.rows, dense.cols, NULL, NULL,
                    scratch->dcolumn, dense.cols);
      const Operand side_y = ops->side(from, width, item->rows, conv->each, scratch->room[1]);
      const Operand side_x =
          ops->side(scratch->column, dense.cols, item->rows, dense.cols, scratch->room[3]);
      ops->outer(side_y, side_x, item->rows, dense.rows, dense.cols, worker->grad + dense.weight);
      spread_column(conv, g, scratch->dcolumn, item->rows, dx + row * width);
    }
    ops->sum_rows(dy + row * width, width, item->rows, width, worker->grad + conv->first.bias);
  }
}
