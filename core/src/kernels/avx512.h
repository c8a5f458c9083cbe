// SPDX-License-Identifier: ISC
// Sixteen numbers at a time: AVX-512 with VNNI (int8 dot products) and BF16. The whole of one
// table, most of another's.
#ifndef CN_AVX512_H
#define CN_AVX512_H
#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512VL__) ||                   \
    !defined(__AVX512DQ__) || !defined(__AVX512VNNI__) || !defined(__AVX512BF16__)
#error "needs -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx512bf16"
#endif
#include "kernels/kernels.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

typedef float Real __attribute__((vector_size(64)));
typedef uint32_t Bits __attribute__((vector_size(64)));
typedef int32_t Whole __attribute__((vector_size(64)));
typedef __m512i Quad;

#define LANES 16
#define SPLAT(c) ((Real)_mm512_set1_ps(c))
#define AS_BITS(x) ((Bits)(x))
#define AS_REAL(b) ((Real)(b))
#define LESS(a, b)                                                                                 \
  ((Bits)_mm512_movm_epi32(_mm512_cmp_ps_mask((__m512)(a), (__m512)(b), _CMP_LT_OQ)))
#define SELECT_LESS(a, b, yes, no)                                                                 \
  ((Real)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)(a), (__m512)(b), _CMP_LT_OQ),            \
                              (__m512)(no), (__m512)(yes)))
#define AT_LEAST(x, low) ((Real)_mm512_max_ps((__m512)(low), (__m512)(x)))
#define AT_MOST(x, high) ((Real)_mm512_min_ps((__m512)(high), (__m512)(x)))
#include "kernels/elementary.h"

enum { MOST_1 = 4, MOST_2 = 4, MOST_3 = 4, MOST_4 = 4, FLIP = 128 };

static bool usable_avx512(void)
{
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
}

static inline Real load(const float *from)
{
  return (Real)_mm512_loadu_ps(from);
}

static inline void store(float *to, Real x)
{
  _mm512_storeu_ps(to, (__m512)x);
}

static inline Real load_rest(const float *from, uint32_t n)
{
  return (Real)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), from);
}

static inline void store_rest(float *to, Real x, uint32_t n)
{
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << n) - 1u), (__m512)x);
}

static inline Real sqrt_real(Real x)
{
  return (Real)_mm512_sqrt_ps((__m512)x);
}

static inline float sum16(const Real part[1])
{
  const __m512 x = (__m512)part[0];
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline Whole splat_whole(int32_t i)
{
  return (Whole)_mm512_set1_epi32(i);
}

static inline Real to_real(Whole whole)
{
  return (Real)_mm512_cvtepi32_ps((__m512i)whole);
}

static inline Whole load_whole(const void *from)
{
  return (Whole)_mm512_loadu_si512(from);
}

static inline Real mac_bf16(Real sum, Whole w, uint32_t pair)
{
  // The instruction adds the odd product first, each rounded: the reference's order.
  const __m512i x = _mm512_set1_epi32((int32_t)pair);
  return (Real)_mm512_dpbf16_ps((__m512)sum, (__m512bh)w, (__m512bh)x);
}

static inline Quad quad(uint32_t bits)
{
  return _mm512_set1_epi32((int32_t)bits);
}

static inline Whole mac_int8(Whole sum, Whole w, Quad x)
{
  return (Whole)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, x);
}

static inline Whole mac_int4(Whole sum, Whole w, Quad low, Quad high)
{
  const __m512i both = (__m512i)w;
  const __m512i mask = _mm512_set1_epi8(15);
  const __m512i first = _mm512_dpbusd_epi32((__m512i)sum, _mm512_and_si512(both, mask), low);
  return (Whole)_mm512_dpbusd_epi32(first, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask),
                                    high);
}

static inline Bits most_bits(Bits a, Bits b)
{
  return (Bits)_mm512_max_epi32((__m512i)a, (__m512i)b);
}

static inline uint32_t largest(Bits a)
{
  return (uint32_t)_mm512_reduce_max_epi32((__m512i)a);
}

#include "kernels/product.h"
#include "kernels/vector.h"

static void narrow_bf16(uint16_t *to, const float *x, uint32_t n)
{
  for (uint32_t i = 0; i < n; i += LANES) {
    const uint32_t m = n - i < LANES ? n - i : LANES;
    const __m512 numbers = (__m512)(m < LANES ? load_rest(x + i, m) : load(x + i));
    const __m256bh half = _mm512_cvtneps_pbh(numbers);
    memcpy(to + i, &half, sizeof half);
  }
}

static void narrow_int8(CnVector *to, const float *x, uint32_t n, uint32_t top)
{
  int8_t *narrow = to->narrow;
  if (top == CN_UNKNOWN) top = most_of(x, n);
  float size;
  memcpy(&size, &top, sizeof size);
  const bool finite = top < 0x7f800000u;
  to->scale = finite ? size * (1.0f / 127.0f) : NAN;
  const Real inverse = SPLAT(finite ? 127.0f / size : 0.0f);
  const Real magic = SPLAT(0x1.8p23f);
  __m512i total = _mm512_setzero_si512();
  uint32_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const __m512i whole = (__m512i)(AS_BITS(load(x + i) * inverse + magic) - AS_BITS(magic));
    _mm_storeu_si128((__m128i *)(void *)(narrow + i), _mm512_cvtepi32_epi8(whole));
    total = _mm512_add_epi32(total, whole);
  }
  if (i < n) {
    const __m512i whole =
        (__m512i)(AS_BITS(load_rest(x + i, n - i) * inverse + magic) - AS_BITS(magic));
    _mm_storeu_si128((__m128i *)(void *)(narrow + i), _mm512_cvtepi32_epi8(whole));
    total = _mm512_add_epi32(total, whole);
  }
  to->total = finite ? _mm512_reduce_add_epi32(total) : 0;
}

static void narrow(CnVector *to, CnForm form, const float *x, uint32_t n, uint32_t most)
{
  to->wide = x;
  if (form == CN_FORM_BF16) narrow_bf16(to->narrow, x, n);
  else if (form != CN_FORM_F32) narrow_int8(to, x, n, most);
}

/// Whether 16 rows' inputs lie in a window of 32 numbers; rows a block is then a power of two.
static inline bool has_windows(const CnDiagonal *m)
{
  return CN_GRANULE % m->rows == 0 && CN_GRANULE / m->rows * m->cols <= 32;
}

/// Where each lane's first input is in the window.
static inline __m512i window_places(const CnDiagonal *m)
{
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i block = _mm512_srl_epi32(lane, _mm_cvtsi32_si128(__builtin_ctz(m->rows)));
  return _mm512_mullo_epi32(block, _mm512_set1_epi32((int32_t)m->cols));
}

/// The window of the granule that begins at `row`.
static inline void load_window(const CnDiagonal *m, uint32_t row, const float *x, __m512 window[2])
{
  const uint32_t block = row >> __builtin_ctz(m->rows);
  const float *in = x + (size_t)block * m->cols;
  const uint32_t left = (m->blocks - block) * m->cols;
  window[0] = (__m512)load_some(in, left);
  window[1] = (__m512)(left >= 32  ? load(in + 16)
                       : left > 16 ? load_rest(in + 16, left - 16)
                                   : (Real){0});
}

static inline void diagonal_granule(float *restrict y, const CnDiagonal *m, uint32_t row,
                                    const float *restrict x)
{
  const float *w = m->weight + (size_t)row * m->cols;
  Real sum = {0};
  if (m->rows % CN_GRANULE == 0) {
    const float *in = x + (size_t)(row / m->rows) * m->cols;
    for (uint32_t j = 0; j < m->cols; ++j) sum += load(w + j * CN_GRANULE) * SPLAT(in[j]);
  } else if (has_windows(m)) {
    __m512 window[2];
    __m512i at = window_places(m);
    load_window(m, row, x, window);
    for (uint32_t j = 0; j < m->cols; ++j) {
      sum += load(w + j * CN_GRANULE) * (Real)_mm512_permutex2var_ps(window[0], at, window[1]);
      at = _mm512_add_epi32(at, _mm512_set1_epi32(1));
    }
  } else {
    diagonal_rows(y, m, row, CN_GRANULE, x);
    return;
  }
  store(y, sum + load(m->bias + row));
}

/// `granules` granules (a constant) of two matrices from `row` on: they share the permutations.
static ALWAYS_INLINE void diagonals_some(float *restrict y, float *restrict z, const CnDiagonal *m,
                                         const CnDiagonal *n, uint32_t row, const float *restrict x,
                                         __m512i at, const int granules)
{
  const size_t step = (size_t)m->cols * CN_GRANULE;
  const float *v = m->weight + (size_t)row * m->cols;
  const float *w = n->weight + (size_t)row * n->cols;
  Real a[4];
  Real b[4];
  __m512 window[4][2];
  UNROLL for (int g = 0; g < granules; ++g)
  {
    a[g] = b[g] = (Real){0};
    load_window(m, row + (uint32_t)g * CN_GRANULE, x, window[g]);
  }
  for (uint32_t j = 0; j < m->cols; ++j, v += CN_GRANULE, w += CN_GRANULE) {
    UNROLL for (int g = 0; g < granules; ++g)
    {
      const Real in = (Real)_mm512_permutex2var_ps(window[g][0], at, window[g][1]);
      a[g] += load(v + (size_t)g * step) * in;
      b[g] += load(w + (size_t)g * step) * in;
    }
    at = _mm512_add_epi32(at, _mm512_set1_epi32(1));
  }
  UNROLL for (int g = 0; g < granules; ++g)
  {
    const uint32_t to = row + (uint32_t)g * CN_GRANULE;
    store(y + to, a[g] + load(m->bias + to));
    store(z + to, b[g] + load(n->bias + to));
  }
}

static void diagonals(float *restrict y, float *restrict z, const CnDiagonal *m,
                      const CnDiagonal *n, const float *restrict x)
{
  if (!has_windows(m)) {
    diagonal(y, m, x);
    diagonal(z, n, x);
    return;
  }
  const __m512i at = window_places(m);
  const uint32_t rows = m->blocks * m->rows;
  uint32_t row = 0;
  for (; row + 4 * CN_GRANULE <= rows; row += 4 * CN_GRANULE)
    diagonals_some(y, z, m, n, row, x, at, 4);
  for (; row < rows; row += CN_GRANULE) diagonals_some(y, z, m, n, row, x, at, 1);
}

#endif
