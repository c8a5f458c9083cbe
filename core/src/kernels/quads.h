// SPDX-License-Identifier: ISC
// Four numbers at a time by the compiler's vector extensions: what the portable and the NEON table
// have in common. The including file gives MOST_1 ... FLIP before, and after it the functions that
// are only declared here.
#ifndef CN_QUADS_H
#define CN_QUADS_H

#include <math.h>
#include <string.h>

typedef float Real __attribute__((vector_size(16)));
typedef uint32_t Bits __attribute__((vector_size(16)));
typedef int32_t Whole __attribute__((vector_size(16)));
typedef uint32_t Quad; ///< four int8 numbers

#define LANES 4
#define SPLAT(c) ((Real){(c), (c), (c), (c)})
#define AS_BITS(x) ((Bits)(x))
#define AS_REAL(b) ((Real)(b))
#define LESS(a, b) ((Bits)((a) < (b)))
#include "kernels/elementary.h"

static inline Real load(const float *from)
{
  Real q;
  memcpy(&q, from, sizeof q);
  return q;
}

static inline void store(float *to, Real q)
{
  memcpy(to, &q, sizeof q);
}

static inline Real load_rest(const float *from, uint32_t n)
{
  Real q = {0};
  memcpy(&q, from, n * sizeof *from);
  return q;
}

static inline void store_rest(float *to, Real q, uint32_t n)
{
  memcpy(to, &q, n * sizeof *to);
}

static inline float sum16(const Real part[4])
{
  const Real four = (part[0] + part[2]) + (part[1] + part[3]);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

static inline Whole splat_whole(int32_t i)
{
  return (Whole){i, i, i, i};
}

static inline Real to_real(Whole whole)
{
  return __builtin_convertvector(whole, Real);
}

static inline Whole load_whole(const void *from)
{
  Whole whole;
  memcpy(&whole, from, sizeof whole);
  return whole;
}

static inline Real mac_bf16(Real sum, Whole w, uint32_t pair)
{
  const Bits both = (Bits)w;
  const Bits odd = {pair & 0xffff0000u, pair & 0xffff0000u, pair & 0xffff0000u, pair & 0xffff0000u};
  const Bits even = {pair << 16, pair << 16, pair << 16, pair << 16};
  sum += AS_REAL(both & 0xffff0000u) * AS_REAL(odd);
  return sum + AS_REAL(both << 16) * AS_REAL(even);
}

static inline Bits most_bits(Bits a, Bits b)
{
  const Bits less = (Bits)((Whole)a < (Whole)b);
  return (a & ~less) | (b & less);
}

static inline Quad quad(uint32_t bits)
{
  return bits;
}

static inline Real sqrt_real(Real x);
static inline Whole mac_int8(Whole sum, Whole w, Quad x);
static inline Whole mac_int4(Whole sum, Whole w, Quad low, Quad high);

static inline uint32_t largest(Bits a)
{
  uint32_t most = 0;
  for (int lane = 0; lane < LANES; ++lane) most = a[lane] > most ? a[lane] : most;
  return most;
}

#include "kernels/product.h"
#include "kernels/vector.h"

#include "kernels/narrow.h"

static inline void diagonal_granule(float *restrict y, const CnDiagonal *m, uint32_t row,
                                    const float *restrict x)
{
  const uint32_t rows = m->blocks * m->rows;
  for (uint32_t q = 0; q < CN_GRANULE && row + q < rows; q += LANES) {
    if (m->rows % LANES != 0) {
      diagonal_rows(y + q, m, row + q, LANES, x);
      continue;
    }
    const float *w = m->weight + (size_t)row * m->cols + q;
    const float *in = x + (size_t)((row + q) / m->rows) * m->cols;
    Real sum = {0};
    for (uint32_t j = 0; j < m->cols; ++j) sum += load(w + j * CN_GRANULE) * SPLAT(in[j]);
    store(y + q, sum + load(m->bias + row + q));
  }
}

static void diagonals(float *restrict y, float *restrict z, const CnDiagonal *m,
                      const CnDiagonal *n, const float *restrict x)
{
  diagonal(y, m, x);
  diagonal(z, n, x);
}

#endif
