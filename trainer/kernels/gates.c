// SPDX-License-Identifier: ISC
// The block-diagonal gates of an RG-LRU. Blocks are small (4 x 8 in the paper's model), so eight
// numbers are worked on side by side: forward four units of both gates, backward eight inputs. A
// group that spans blocks is given all their depth, with zeros where a block has no say.
#include "kernels/isa.h"

#if VEC_BYTES == 64
enum { ROWS = 12 }; ///< in registers at once
#else
enum { ROWS = 6 };
#endif
enum { UNITS = 4, INPUTS = 8 };

typedef real Vec4
    __attribute__((vector_size(UNITS * sizeof(real)), aligned(sizeof(real)), may_alias));

/// The blocks that `count` neighbours from `first` on belong to, `each` in a block.
typedef struct Span {
  size_t from; ///< first block
  size_t to;   ///< one past the last
} Span;

static size_t least(size_t a, size_t b)
{
  return a < b ? a : b;
}

static Span span(size_t first, size_t count, size_t each, size_t all)
{
  const size_t last = least(first + count, all) - 1;
  return (Span){first / each, last / each + 1};
}

static size_t units_of(const Gates *gates)
{
  return gates->blocks * gates->rows;
}

static size_t inputs_of(const Gates *gates)
{
  return gates->blocks * gates->cols;
}

/// Rows of 8 numbers that the packed gates take: forward, then backward.
static size_t count_rows(const Gates *gates, size_t *forward)
{
  size_t rows = 0;
  for (size_t k = 0; k < units_of(gates); k += UNITS) {
    const Span s = span(k, UNITS, gates->rows, units_of(gates));
    rows += 1 + (s.to - s.from) * gates->cols;
  }
  *forward = rows;
  for (size_t j = 0; j < inputs_of(gates); j += INPUTS) {
    const Span s = span(j, INPUTS, gates->cols, inputs_of(gates));
    rows += 2 * (s.to - s.from) * gates->rows;
  }
  return rows;
}

size_t OP(gates_size)(const Gates *gates)
{
  size_t forward;
  return 8 * count_rows(gates, &forward);
}

/// Weight of unit k on input j; 0 outside the blocks.
static real weight_at(const Gates *gates, const real *weight, size_t k, size_t j)
{
  const size_t block = k / gates->rows;
  if (k >= units_of(gates) || j / gates->cols != block) return 0;
  return weight[k * gates->cols + j % gates->cols];
}

void OP(gates_pack)(const Gates *gates, real *packed)
{
  const size_t units = units_of(gates);
  const size_t inputs = inputs_of(gates);
  for (size_t k = 0; k < units; k += UNITS) {
    const Span s = span(k, UNITS, gates->rows, units);
    for (size_t i = 0; i < UNITS; ++i) {
      packed[i] = k + i < units ? gates->bias_x[k + i] : 0;
      packed[UNITS + i] = k + i < units ? gates->bias_a[k + i] : 0;
    }
    packed += 8;
    for (size_t j = s.from * gates->cols; j < s.to * gates->cols; ++j, packed += 8) {
      for (size_t i = 0; i < UNITS; ++i) {
        packed[i] = weight_at(gates, gates->weight_x, k + i, j);
        packed[UNITS + i] = weight_at(gates, gates->weight_a, k + i, j);
      }
    }
  }
  for (size_t j = 0; j < inputs; j += INPUTS) {
    const Span s = span(j, INPUTS, gates->cols, inputs);
    for (size_t k = s.from * gates->rows; k < s.to * gates->rows; ++k, packed += 16) {
      for (size_t i = 0; i < INPUTS; ++i) {
        const bool in = j + i < inputs;
        packed[i] = in ? weight_at(gates, gates->weight_x, k, j + i) : 0;
        packed[8 + i] = in ? weight_at(gates, gates->weight_a, k, j + i) : 0;
      }
    }
  }
}

/// Four units of both gates for a few rows. u points at the first input of their blocks.
__attribute__((always_inline)) static inline void four_units(int rows, const real *packed,
                                                             size_t depth, const real *u,
                                                             size_t inputs, size_t count, real *lx,
                                                             real *la, size_t units)
{
  Vec8 sum[ROWS];
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i) sum[i] = *(const Vec8 *)packed;
  for (size_t j = 0; j < depth; ++j) {
    const Vec8 w = *(const Vec8 *)(packed + 8 + 8 * j);
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i) sum[i] += u[(size_t)i * inputs + j] * w;
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i) {
    if (count == UNITS) {
      *(Vec4 *)(lx + (size_t)i * units) = __builtin_shufflevector(sum[i], sum[i], 0, 1, 2, 3);
      *(Vec4 *)(la + (size_t)i * units) = __builtin_shufflevector(sum[i], sum[i], 4, 5, 6, 7);
      continue;
    }
    for (size_t k = 0; k < count; ++k) {
      lx[(size_t)i * units + k] = sum[i][k];
      la[(size_t)i * units + k] = sum[i][UNITS + k];
    }
  }
}

void OP(gates)(const Gates *gates, const real *packed, const real *u, size_t rows,
               real *restrict lx, real *restrict la)
{
  const size_t units = units_of(gates);
  const size_t inputs = inputs_of(gates);
  for (size_t k = 0; k < units; k += UNITS) {
    const Span s = span(k, UNITS, gates->rows, units);
    const size_t depth = (s.to - s.from) * gates->cols;
    const real *from = u + s.from * gates->cols;
    const size_t count = least(UNITS, units - k);
    size_t t = 0;
    if (count == UNITS)
      for (; t + ROWS <= rows; t += ROWS)
        four_units(ROWS, packed, depth, from + t * inputs, inputs, UNITS, lx + t * units + k,
                   la + t * units + k, units);
    for (; t < rows; ++t)
      four_units(1, packed, depth, from + t * inputs, inputs, count, lx + t * units + k,
                 la + t * units + k, units);
    packed += 8 * (1 + depth);
  }
}

/// du of eight inputs for a few rows. dlx and dla point at the first unit of their blocks.
__attribute__((always_inline)) static inline void
eight_inputs(int rows, const real *packed, size_t depth, const real *dlx, const real *dla,
             size_t units, real *du, size_t inputs, size_t count)
{
  Vec8 sum[ROWS];
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i) sum[i] = (Vec8){0};
  for (size_t k = 0; k < depth; ++k) {
    const Vec8 x = *(const Vec8 *)(packed + 16 * k);
    const Vec8 a = *(const Vec8 *)(packed + 16 * k + 8);
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i) {
      sum[i] += dlx[(size_t)i * units + k] * x;
      sum[i] += dla[(size_t)i * units + k] * a;
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i) {
    real *to = du + (size_t)i * inputs;
    if (count == INPUTS) *(Vec8 *)to += sum[i];
    else
      for (size_t j = 0; j < count; ++j) to[j] += sum[i][j];
  }
}

static void back_inputs(const Gates *gates, const real *packed, const real *dlx, const real *dla,
                        size_t rows, real *du)
{
  const size_t units = units_of(gates);
  const size_t inputs = inputs_of(gates);
  for (size_t j = 0; j < inputs; j += INPUTS) {
    const Span s = span(j, INPUTS, gates->cols, inputs);
    const size_t depth = (s.to - s.from) * gates->rows;
    const size_t first = s.from * gates->rows;
    const size_t count = least(INPUTS, inputs - j);
    size_t t = 0;
    for (; t + ROWS <= rows; t += ROWS)
      eight_inputs(ROWS, packed, depth, dlx + t * units + first, dla + t * units + first, units,
                   du + t * inputs + j, inputs, count);
    for (; t < rows; ++t)
      eight_inputs(1, packed, depth, dlx + t * units + first, dla + t * units + first, units,
                   du + t * inputs + j, inputs, count);
    packed += 16 * depth;
  }
}

/// Four rows of a block's weight gradient, eight columns wide, of both gates.
__attribute__((always_inline)) static inline void
outer_part(int units, const real *dlx, const real *dla, size_t all, const real *u, size_t inputs,
           size_t rows, real *dweight_x, real *dweight_a, size_t cols, size_t count)
{
  Vec8 x[UNITS];
  Vec8 a[UNITS];
#pragma GCC unroll 4
  for (int k = 0; k < units; ++k) x[k] = a[k] = (Vec8){0};
  for (size_t t = 0; t < rows; ++t) {
    const Vec8 in = *(const Vec8 *)(u + t * inputs);
#pragma GCC unroll 4
    for (int k = 0; k < units; ++k) {
      x[k] += dlx[t * all + (size_t)k] * in;
      a[k] += dla[t * all + (size_t)k] * in;
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < units; ++k) {
    for (size_t j = 0; j < count; ++j) {
      dweight_x[(size_t)k * cols + j] += x[k][j];
      dweight_a[(size_t)k * cols + j] += a[k][j];
    }
  }
}

void OP(gates_back)(const Gates *gates, const real *packed, const real *u, const real *dlx,
                    const real *dla, size_t rows, real *du, real *dweight_x, real *dweight_a,
                    real *dbias_x, real *dbias_a)
{
  const size_t units = units_of(gates);
  const size_t inputs = inputs_of(gates);
  const size_t cols = gates->cols;
  size_t forward;
  count_rows(gates, &forward);
  back_inputs(gates, packed + 8 * forward, dlx, dla, rows, du);
  for (size_t block = 0; block < gates->blocks; ++block) {
    for (size_t j = 0; j < cols; j += INPUTS) {
      const size_t count = least(INPUTS, cols - j);
      size_t k = block * gates->rows;
      const size_t end = k + gates->rows;
      const real *in = u + block * cols + j;
      for (; k + UNITS <= end; k += UNITS)
        outer_part(UNITS, dlx + k, dla + k, units, in, inputs, rows, dweight_x + k * cols + j,
                   dweight_a + k * cols + j, cols, count);
      for (; k < end; ++k)
        outer_part(1, dlx + k, dla + k, units, in, inputs, rows, dweight_x + k * cols + j,
                   dweight_a + k * cols + j, cols, count);
    }
  }
  OP(sum_rows)(dlx, units, rows, units, dbias_x);
  OP(sum_rows)(dla, units, rows, units, dbias_a);
}
