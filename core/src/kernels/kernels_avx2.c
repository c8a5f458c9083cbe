// SPDX-License-Identifier: ISC
// Eight numbers at a time: AVX2.
#if !defined(__AVX2__)
#error "needs -mavx2"
#endif
#include "kernels/kernels.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

typedef float Real __attribute__((vector_size(32)));
typedef uint32_t Bits __attribute__((vector_size(32)));
typedef int32_t Whole __attribute__((vector_size(32)));

/// Four int8 numbers in each lane, and their sizes.
typedef struct Quad {
  __m256i number;
  __m256i size;
} Quad;

#define LANES 8
#define SPLAT(c) ((Real)_mm256_set1_ps(c))
#define AS_BITS(x) ((Bits)(x))
#define AS_REAL(b) ((Real)(b))
#define LESS(a, b) ((Bits)_mm256_cmp_ps((__m256)(a), (__m256)(b), _CMP_LT_OQ))
#define SELECT_LESS(a, b, yes, no)                                                                 \
  ((Real)_mm256_blendv_ps((__m256)(no), (__m256)(yes),                                             \
                          _mm256_cmp_ps((__m256)(a), (__m256)(b), _CMP_LT_OQ)))
#define AT_LEAST(x, low) ((Real)_mm256_max_ps((__m256)(low), (__m256)(x)))
#define AT_MOST(x, high) ((Real)_mm256_min_ps((__m256)(high), (__m256)(x)))
#include "kernels/elementary.h"

enum { MOST_1 = 4, MOST_2 = 2, MOST_3 = 1, MOST_4 = 1, FLIP = 0 };

static bool usable(void)
{
  return __builtin_cpu_supports("avx2");
}

static inline Real load(const float *from)
{
  return (Real)_mm256_loadu_ps(from);
}

static inline void store(float *to, Real x)
{
  _mm256_storeu_ps(to, (__m256)x);
}

static inline __m256i rest_mask(uint32_t n)
{
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n), lane);
}

static inline Real load_rest(const float *from, uint32_t n)
{
  return (Real)_mm256_maskload_ps(from, rest_mask(n));
}

static inline void store_rest(float *to, Real x, uint32_t n)
{
  _mm256_maskstore_ps(to, rest_mask(n), (__m256)x);
}

static inline Real sqrt_real(Real x)
{
  return (Real)_mm256_sqrt_ps((__m256)x);
}

static inline float sum16(const Real part[2])
{
  const __m256 eight = (__m256)(part[0] + part[1]);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline Whole splat_whole(int32_t i)
{
  return (Whole)_mm256_set1_epi32(i);
}

static inline Real to_real(Whole whole)
{
  return (Real)_mm256_cvtepi32_ps((__m256i)whole);
}

static inline Whole load_whole(const void *from)
{
  return (Whole)_mm256_loadu_si256(from);
}

static inline Real mac_bf16(Real sum, Whole w, uint32_t pair)
{
  const __m256i both = (__m256i)w;
  const __m256 odd = _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(-65536)));
  const __m256 even = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
  sum += (Real)odd * (Real)_mm256_castsi256_ps(_mm256_set1_epi32((int32_t)(pair & 0xffff0000u)));
  return sum + (Real)even * (Real)_mm256_castsi256_ps(_mm256_set1_epi32((int32_t)(pair << 16)));
}

static inline Quad quad(uint32_t bits)
{
  const __m256i number = _mm256_set1_epi32((int32_t)bits);
  return (Quad){number, _mm256_abs_epi8(number)};
}

static inline Whole mac_int8(Whole sum, Whole w, Quad x)
{
  // |x| unsigned times w with x's sign: no pair of products passes 2 * 127 * 127.
  const __m256i weight = _mm256_sign_epi8((__m256i)w, x.number);
  const __m256i pairs = _mm256_maddubs_epi16(x.size, weight);
  return sum + (Whole)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

static inline Whole mac_int4(Whole sum, Whole w, Quad low, Quad high)
{
  // Weights 0..15, unsigned: a sum of two pairs stays within 4 * 15 * 127.
  const __m256i both = (__m256i)w;
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i first = _mm256_maddubs_epi16(_mm256_and_si256(both, mask), low.number);
  const __m256i second =
      _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(both, 4), mask), high.number);
  const __m256i pairs = _mm256_add_epi16(first, second);
  return sum + (Whole)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

static inline Bits most_bits(Bits a, Bits b)
{
  return (Bits)_mm256_max_epi32((__m256i)a, (__m256i)b);
}

static inline uint32_t largest(Bits a)
{
  const __m256i eight = (__m256i)a;
  const __m128i four =
      _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return (uint32_t)_mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

#include "kernels/product.h"
#include "kernels/vector.h"

#include "kernels/narrow.h"

/// As one half of the rows needs it: one block's inputs, or a window of 16 numbers.
static inline void diagonal_half(float *restrict y, const CnDiagonal *m, uint32_t row,
                                 const float *restrict x)
{
  const float *w = m->weight + (size_t)(row / CN_GRANULE) * m->cols * CN_GRANULE + row % CN_GRANULE;
  const float *in = x + (size_t)(row / m->rows) * m->cols;
  Real sum = {0};
  if (m->rows % LANES == 0) {
    for (uint32_t j = 0; j < m->cols; ++j) sum += load(w + j * CN_GRANULE) * SPLAT(in[j]);
  } else if (LANES % m->rows == 0 && LANES / m->rows * m->cols <= 2 * LANES) {
    const uint32_t left = (m->blocks - row / m->rows) * m->cols;
    const __m256 low = (__m256)load_some(in, left);
    const __m256 high = (__m256)(left > LANES ? load_some(in + LANES, left - LANES) : (Real){0});
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i block = _mm256_srl_epi32(lane, _mm_cvtsi32_si128(__builtin_ctz(m->rows)));
    __m256i at = _mm256_mullo_epi32(block, _mm256_set1_epi32((int32_t)m->cols));
    for (uint32_t j = 0; j < m->cols; ++j) {
      const __m256 far = _mm256_castsi256_ps(_mm256_cmpgt_epi32(at, _mm256_set1_epi32(LANES - 1)));
      const __m256 number = _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, at),
                                             _mm256_permutevar8x32_ps(high, at), far);
      sum += load(w + j * CN_GRANULE) * (Real)number;
      at = _mm256_add_epi32(at, _mm256_set1_epi32(1));
    }
  } else {
    diagonal_rows(y, m, row, LANES, x);
    return;
  }
  store(y, sum + load(m->bias + row));
}

static inline void diagonal_granule(float *restrict y, const CnDiagonal *m, uint32_t row,
                                    const float *restrict x)
{
  for (uint32_t half = 0; half < CN_GRANULE && row + half < m->blocks * m->rows; half += LANES)
    diagonal_half(y + half, m, row + half, x);
}

static void diagonals(float *restrict y, float *restrict z, const CnDiagonal *m,
                      const CnDiagonal *n, const float *restrict x)
{
  diagonal(y, m, x);
  diagonal(z, n, x);
}

const CnKernels cn_kernels_avx2 = {
    .name = "avx2", .usable = usable, .flip = FLIP, .product = product, VECTOR_KERNELS};
