// SPDX-License-Identifier: ISC
#include "layer_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static real packed[2][8 * MOST];
static real room[3][8 * MOST];
static real spare[8][MOST];

static void dense_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  const size_t rows = l->size[0];
  const size_t cols = l->size[1];
  const size_t n = l->size[2];
  ops->pack(in[1], n, cols, packed[0], packed[1]);
  ops->multiply(ops->left(in[0], cols, rows, cols, room[0]), rows, packed[0], cols, n, in[2], in[3],
                out, n);
}

static void dense_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                           const real *dout, real *const *din)
{
  (void)out;
  const size_t rows = l->size[0];
  const size_t cols = l->size[1];
  const size_t n = l->size[2];
  ops->pack(in[1], n, cols, packed[0], packed[1]);
  ops->multiply(ops->left(dout, n, rows, n, room[0]), rows, packed[1], n, cols, NULL, NULL, din[0],
                cols);
  ops->outer(ops->side(dout, n, rows, n, room[1]), ops->side(in[0], cols, rows, cols, room[2]),
             rows, n, cols, din[1]);
  ops->sum_rows(dout, n, rows, n, din[2]);
  memcpy(din[3], dout, rows * n * sizeof *dout);
}

static void norm_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  ops->norm(in[0], l->size[0], l->size[1], in[1], l->flag ? NULL : in[2], l->flag, out, spare[0]);
}

static void norm_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                          const real *dout, real *const *din)
{
  const size_t rows = l->size[0];
  const size_t width = l->size[1];
  const real *bias = l->flag ? NULL : in[2];
  ops->norm(in[0], rows, width, in[1], bias, l->flag, spare[1], spare[0]);
  ops->norm_again(in[0], rows, width, in[1], bias, spare[0], spare[1]);
  assert_memory_equal(spare[1], out, rows * width * sizeof *out);
  ops->norm_back(in[0], dout, spare[0], rows, width, in[1], l->flag, din[0], din[1],
                 l->flag ? NULL : din[2]);
}

static void gelu_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  ops->gelu(in[0], l->flag ? in[1] : NULL, l->size[0], out);
}

static void gelu_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                          const real *dout, real *const *din)
{
  (void)out;
  memcpy(din[0], dout, l->size[0] * sizeof *dout);
  ops->gelu_back(in[0], l->flag ? in[1] : NULL, l->size[0], din[0], spare[0], din[1]);
}

static Gates gates_of(const Layer *l, real *const *in)
{
  return (Gates){in[1], in[2], in[3], in[4], l->size[1], l->size[2], l->size[3]};
}

static void gates_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  const Gates gates = gates_of(l, in);
  assert_true(ops->gates_size(&gates) <= sizeof packed[0] / sizeof **packed);
  ops->gates_pack(&gates, packed[0]);
  ops->gates(&gates, packed[0], in[0], l->size[0], out, out + l->outputs / 2);
}

static void gates_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                           const real *dout, real *const *din)
{
  (void)out;
  const Gates gates = gates_of(l, in);
  ops->gates_pack(&gates, packed[0]);
  ops->gates_back(&gates, packed[0], in[0], dout, dout + l->outputs / 2, l->size[0], din[0], din[1],
                  din[2], din[3], din[4]);
}

/// size: rows, units, parts of a number.
static Rates rates_of(const Layer *l, real *const *in)
{
  return (Rates){in[4], l->size[2] == 2 ? in[5] : NULL, l->size[1], l->flag};
}

static void scan_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  const Rates rates = rates_of(l, in);
  ops->scan(&rates, in[0], in[1], in[2], l->size[0], in[3], out);
}

static void scan_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                          const real *dout, real *const *din)
{
  const Rates rates = rates_of(l, in);
  memcpy(din[0], in[0], l->part[0] * sizeof **in);
  memcpy(din[1], in[1], l->part[1] * sizeof **in);
  ops->scan_back(&rates, din[0], din[1], in[2], out, in[3], dout, l->size[0], din[3], din[2],
                 din[4], rates.angle ? din[5] : NULL);
}

/// The three constants, as the kernels want them.
static const double *constants(const Layer *l, real *const *in)
{
  static double all[3][MOST];
  for (size_t p = 0; p < 3; ++p)
    for (size_t k = 0; k < l->part[2 + p]; ++k) all[p][k] = (double)in[2 + p][k];
  return all[0];
}

static void lru_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  const double *re = constants(l, in);
  ops->lru(re, l->size[2] == 2 ? re + MOST : NULL, re + 2 * MOST, l->size[1], in[0], l->size[0],
           in[1], out);
}

static void lru_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                         const real *dout, real *const *din)
{
  const size_t units = l->size[1];
  real *sums = spare[0];
  memset(sums, 0, 3 * units * sizeof *sums);
  const double *re = constants(l, in);
  ops->lru_back(re, l->size[2] == 2 ? re + MOST : NULL, re + 2 * MOST, units, in[0], out, in[1],
                dout, l->size[0], din[1], din[0], sums);
  for (size_t i = 0; i < 3; ++i) memcpy(din[2 + i], sums + i * units, units * sizeof *sums);
}

static void loss_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  uint8_t codes[8];
  bool count[8];
  for (size_t t = 0; t < l->size[0]; ++t) {
    codes[t] = (uint8_t)(t * 255 / (l->size[0] - 1));
    count[t] = t != 1;
  }
  memcpy(spare[0], in[0], l->size[0] * 256 * sizeof **in);
  out[0] = (real)ops->loss(spare[0], codes, count, l->size[0], true);
}

static void loss_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                          const real *dout, real *const *din)
{
  real again;
  loss_forward(ops, l, in, &again);
  assert_true(again == out[0]);
  for (size_t i = 0; i < l->size[0] * 256; ++i) din[0][i] = dout[0] * spare[0][i];
}

/// size: units, factor, features, wide.
static PoolShape pool_of(const Layer *l)
{
  return (PoolShape){l->size[1], l->size[2], l->size[3]};
}

static void down_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  const PoolShape pool = pool_of(l);
  ops->pool_down(&pool, in[0], l->size[0], in[1], in[2], out);
}

static void down_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                          const real *dout, real *const *din)
{
  (void)out;
  const PoolShape pool = pool_of(l);
  ops->pool_down_back(&pool, in[0], dout, l->size[0], in[1], din[0], din[1]);
  ops->sum_rows(dout, l->size[3], l->size[0], l->size[3], din[2]);
}

static void up_forward(const Ops *ops, const Layer *l, real *const *in, real *out)
{
  const PoolShape pool = pool_of(l);
  ops->pool_up(&pool, in[0], l->size[0], in[1], in[2], out);
}

static void up_backward(const Ops *ops, const Layer *l, real *const *in, const real *out,
                        const real *dout, real *const *din)
{
  (void)out;
  const PoolShape pool = pool_of(l);
  const size_t width = l->size[3] / l->size[2];
  ops->pool_up_back(&pool, in[0], dout, l->size[0], in[1], din[0], din[1]);
  ops->sum_rows(dout, width, l->size[0] * l->size[1], width, din[2]);
}

#define DENSE(rows, cols, n)                                                                       \
  {                                                                                                \
    "dense", {rows * cols, n * cols, n, rows * n}, rows *n, {rows, cols, n}, false, dense_forward, \
        dense_backward, true                                                                       \
  }
#define NORM(rows, width, rms)                                                                     \
  {                                                                                                \
    rms ? "rms norm" : "layer norm", {rows * width, width, rms ? 0 : width}, rows *width,          \
        {rows, width}, rms, norm_forward, norm_backward, false                                     \
  }
#define GELU(n, gated)                                                                             \
  {                                                                                                \
    gated ? "gate" : "gelu", {n, gated ? n : 0}, n, {n}, gated, gelu_forward, gelu_backward, false \
  }
#define GATES(t, blocks, rows, cols)                                                               \
  {                                                                                                \
    "gates",                                                                                       \
        {t * blocks * cols, blocks * rows * cols, blocks * rows * cols, blocks * rows,             \
         blocks * rows},                                                                           \
        2 * t *blocks *rows, {t, blocks, rows, cols}, false, gates_forward, gates_backward, false  \
  }
#define SCAN(t, units, parts, norm)                                                                \
  {                                                                                                \
    "rglru", {t * units, t * units, t * units * parts, units * parts, units, (parts - 1) * units}, \
        t *units *parts, {t, units, parts}, norm, scan_forward, scan_backward, false               \
  }
#define LRU(t, units, parts)                                                                       \
  {                                                                                                \
    "lru", {t * units * parts, units * parts, units, (parts - 1) * units, units}, t *units *parts, \
        {t, units, parts}, false, lru_forward, lru_backward, false                                 \
  }
#define LOSS(rows)                                                                                 \
  {                                                                                                \
    "loss", {rows * 256}, 1, {rows}, false, loss_forward, loss_backward, false                     \
  }
#define DOWN(units, factor, features, wide)                                                        \
  {                                                                                                \
    "pool down", {units * factor * wide / features, factor * wide, wide}, units *wide,             \
        {units, factor, features, wide}, false, down_forward, down_backward, false                 \
  }
#define UP(units, factor, features, wide)                                                          \
  {                                                                                                \
    "pool up", {units * wide, factor * wide, wide / features}, units *factor *wide / features,     \
        {units, factor, features, wide}, false, up_forward, up_backward, false                     \
  }

const Layer layers[] = {
    DENSE(1, 1, 1),        DENSE(7, 5, 9),
    DENSE(13, 33, 17),     DENSE(5, 16, 64),
    DENSE(6, 3, 70),       NORM(3, 1, false),
    NORM(4, 17, false),    NORM(2, 64, false),
    NORM(3, 19, true),     GELU(37, true),
    GELU(37, false),       GATES(13, 3, 4, 8),
    GATES(5, 2, 3, 5),     GATES(14, 5, 1, 2),
    GATES(3, 2, 9, 18),    SCAN(9, 5, 2, true),
    SCAN(9, 17, 2, false), SCAN(6, 18, 1, true),
    SCAN(6, 3, 1, false),  LRU(9, 5, 2),
    LRU(7, 17, 1),         LOSS(4),
    DOWN(3, 4, 1, 17),     DOWN(2, 3, 2, 10),
    UP(3, 4, 1, 17),       UP(2, 3, 2, 10),
};
const size_t layers_count = sizeof layers / sizeof *layers;

void layer_fit(const Layer *l, real *const *in)
{
  // A rate is negative; and an LRU's a - 1 such that a is below 1.
  if (l->forward == scan_forward)
    for (size_t i = 0; i < l->part[4]; ++i) in[4][i] = -(in[4][i] * in[4][i]) - (real)0.01;
  if (l->forward == lru_forward)
    for (size_t p = 2; p < 4; ++p)
      for (size_t i = 0; i < l->part[p]; ++i)
        in[p][i] = p == 2 ? -(real)0.5 + in[p][i] / 8 : in[p][i] / 8;
}
