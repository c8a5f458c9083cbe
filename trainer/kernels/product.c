// SPDX-License-Identifier: ISC
// Products of matrices. One tile of the answer stays in registers while its depth runs by: each
// step loads TILE_VECS vectors of the right side and spreads one number of the left side for each
// row. Right sides that are used by many rows (weights) are packed once a step into panels of PANEL
// columns; for the gradient of weights nothing is packed, for there both sides are read by rows.
// With bfloat16 an element is a pair, the two of them adjacent in depth, and a tile is the same.
#include "kernels/isa.h"

#include <string.h>

#ifdef TRAINER_BF16
#include <immintrin.h>
typedef uint32_t Element;
typedef __m512i Right;
enum { DEEP = 2 }; ///< numbers of an element
#define LOAD(p) _mm512_loadu_si512(p)
#define MADD(sum, x, v) _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32((int)(x)), (__m512bh)(v))
#else
typedef real Element;
typedef Vec Right;
enum { DEEP = 1 };
#define LOAD(p) (*(const Vec *)(p))
#define MADD(sum, x, v) ((sum) + (x) * (v))
#endif

/// What the tiles of one panel have in common. Element (i, k) of the left side lies at
/// left[i * row + k * step]; y = tile + bias + base.
typedef struct Panel {
  size_t row;
  size_t step;
  const Element *right;
  size_t right_step;
  size_t depth;
  const real *bias;
  size_t ld; ///< of y and base
  size_t cols;
} Panel;

typedef void Tile(const Panel *panel, const Element *left, const real *base, real *y);

static void store_part(const Panel *panel, const real *tile, int rows, const real *base, real *y)
{
  for (int i = 0; i < rows; ++i) {
    for (size_t j = 0; j < panel->cols; ++j) {
      real sum = tile[(size_t)i * PANEL + j];
      if (panel->bias) sum += panel->bias[j];
      if (base) sum += base[(size_t)i * panel->ld + j];
      y[(size_t)i * panel->ld + j] = sum;
    }
  }
}

__attribute__((always_inline)) static inline void
run_tile(int rows, int vecs, const Panel *panel, const Element *left, const real *base, real *y)
{
  Vec sum[TILE_ROWS][TILE_VECS];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < vecs; ++j) sum[i][j] = (Vec){0};
  const size_t row = panel->row;
  const Element *b = panel->right;
  for (size_t k = panel->depth; k > 0; --k, left += panel->step, b += panel->right_step) {
    Right right[TILE_VECS];
#pragma GCC unroll 8
    for (int j = 0; j < vecs; ++j) right[j] = LOAD(b + j * LANES);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const Element x = left[(size_t)i * row];
#pragma GCC unroll 8
      for (int j = 0; j < vecs; ++j) sum[i][j] = MADD(sum[i][j], x, right[j]);
    }
  }
  if (panel->cols < (size_t)(vecs * LANES)) {
    real tile[TILE_ROWS * PANEL];
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < vecs; ++j) *(Vec *)(tile + i * PANEL + j * LANES) = sum[i][j];
    store_part(panel, tile, rows, base, y);
    return;
  }
#pragma GCC unroll 8
  for (int j = 0; j < vecs; ++j) {
    const Vec bias = panel->bias ? *(const Vec *)(panel->bias + j * LANES) : (Vec){0};
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const size_t at = (size_t)i * panel->ld + (size_t)(j * LANES);
      Vec all = sum[i][j] + bias;
      if (base) all += *(const Vec *)(base + at);
      *(Vec *)(y + at) = all;
    }
  }
}

#define TILE(rows, vecs)                                                                           \
  static void tile_##rows##_##vecs(const Panel *panel, const Element *left, const real *base,      \
                                   real *y)                                                        \
  {                                                                                                \
    run_tile(rows, vecs, panel, left, base, y);                                                    \
  }
#define TILES(vecs)                                                                                \
  TILE(1, vecs) TILE(2, vecs) TILE(3, vecs) TILE(4, vecs) TILE(5, vecs) TILE(6, vecs)
#define ROW(vecs)                                                                                  \
  {                                                                                                \
    tile_1_##vecs, tile_2_##vecs, tile_3_##vecs, tile_4_##vecs, tile_5_##vecs, tile_6_##vecs       \
  }
TILES(1)
TILES(2)
#if TILE_VECS == 4
TILES(3)
TILES(4)
static Tile *const tiles[TILE_VECS][TILE_ROWS] = {ROW(1), ROW(2), ROW(3), ROW(4)};
#else
static Tile *const tiles[TILE_VECS][TILE_ROWS] = {ROW(1), ROW(2)};
#endif

static size_t least(size_t a, size_t b)
{
  return a < b ? a : b;
}

/// All rows of one panel of columns.
static void run_panel(const Panel *panel, const Element *left, size_t rows, const real *base,
                      real *y)
{
  Tile *const *tile = tiles[(panel->cols + LANES - 1) / LANES - 1];
  for (size_t i = 0; i < rows; i += TILE_ROWS) {
    const size_t count = least(rows - i, TILE_ROWS);
    tile[count - 1](panel, left, base, y);
    left += count * panel->row;
    y += count * panel->ld;
    if (base) base += count * panel->ld;
  }
}

static size_t elements(size_t numbers)
{
  return (numbers + DEEP - 1) / DEEP;
}

size_t OP(packed_size)(size_t depth, size_t cols)
{
  return (cols + PANEL - 1) / PANEL * PANEL * elements(depth);
}

#ifdef TRAINER_BF16
static uint32_t rounded(real x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

static Element element(const real *first, size_t step, size_t left)
{
  return rounded(first[0]) | (left > 1 ? rounded(first[step]) << 16 : 0u);
}
#else
static Element element(const real *first, size_t step, size_t left)
{
  (void)step;
  (void)left;
  return first[0];
}
#endif

/// Number (k, c) of the right side lies at w[k * deep + c * across].
static void pack_one(const real *w, size_t deep, size_t across, size_t depth, size_t cols,
                     Element *packed)
{
  for (size_t c = 0; c < cols; c += PANEL) {
    for (size_t k = 0; k < depth; k += DEEP, packed += PANEL) {
      const real *row = w + k * deep + c * across;
      const size_t count = least(cols - c, PANEL);
      for (size_t j = 0; j < count; ++j) packed[j] = element(row + j * across, deep, depth - k);
      for (size_t j = count; j < PANEL; ++j) packed[j] = 0;
    }
  }
}

void OP(pack)(const real *w, size_t rows, size_t cols, real *forward, real *backward)
{
  if (forward) pack_one(w, 1, cols, cols, rows, (Element *)forward);
  if (backward) pack_one(w, cols, 1, rows, cols, (Element *)backward);
}

#ifdef TRAINER_BF16
Operand OP(left)(const real *x, size_t ldx, size_t rows, size_t cols, real *room)
{
  const size_t ld = (cols + 31) / 32 * 16;
  for (size_t i = 0; i < rows; ++i) {
    const real *from = x + i * ldx;
    uint32_t *to = (uint32_t *)room + i * ld;
    for (size_t j = 0; j < cols; j += 32) {
      const uint32_t some = cols - j < 32 ? (1u << (cols - j)) - 1u : 0xffffffffu;
      const __m512 low = _mm512_maskz_loadu_ps((__mmask16)some, from + j);
      const __m512 high = _mm512_maskz_loadu_ps((__mmask16)(some >> 16), from + j + 16);
      _mm512_storeu_si512(to + j / 2, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
  }
  return (Operand){room, ld};
}

Operand OP(side)(const real *x, size_t ldx, size_t rows, size_t cols, real *room)
{
  const size_t ld = (cols + 15) / 16 * 16;
  for (size_t i = 0; i < rows; i += 2) {
    const real *first = x + i * ldx;
    const bool two = i + 1 < rows;
    uint32_t *to = (uint32_t *)room + i / 2 * ld;
    for (size_t j = 0; j < cols; j += 16) {
      const __m512 a = _mm512_loadu_ps(first + j);
      const __m512 b = two ? _mm512_loadu_ps(first + ldx + j) : _mm512_setzero_ps();
      const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
      const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));
      _mm512_storeu_si512(to + j, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
  return (Operand){room, ld};
}
#else
Operand OP(left)(const real *x, size_t ldx, size_t rows, size_t cols, real *room)
{
  (void)rows;
  (void)cols;
  (void)room;
  return (Operand){x, ldx};
}

Operand OP(side)(const real *x, size_t ldx, size_t rows, size_t cols, real *room)
{
  return OP(left)(x, ldx, rows, cols, room);
}
#endif

void OP(multiply)(Operand x, size_t rows, const real *packed, size_t depth, size_t cols,
                  const real *bias, const real *base, real *y, size_t ldy)
{
  Panel panel = {.row = x.ld,
                 .step = 1,
                 .right = (const Element *)packed,
                 .right_step = PANEL,
                 .depth = elements(depth),
                 .ld = ldy};
  for (size_t c = 0; c < cols; c += PANEL, panel.right += panel.depth * PANEL) {
    panel.bias = bias ? bias + c : NULL;
    panel.cols = least(cols - c, PANEL);
    run_panel(&panel, x.data, rows, base ? base + c : NULL, y + c);
  }
}

void OP(outer)(Operand y, Operand x, size_t rows, size_t n, size_t k, real *w)
{
  Panel panel = {.row = 1,
                 .step = y.ld,
                 .right = x.data,
                 .right_step = x.ld,
                 .depth = elements(rows),
                 .ld = k};
  for (size_t c = 0; c < k; c += PANEL, panel.right += PANEL) {
    panel.cols = least(k - c, PANEL);
    run_panel(&panel, y.data, n, w + c, w + c);
  }
}

void OP(sum_rows)(const real *x, size_t ldx, size_t rows, size_t cols, real *sum)
{
  for (size_t i = 0; i < rows; ++i) {
    const real *row = x + i * ldx;
    for (size_t j = 0; j < cols; ++j) sum[j] += row[j];
  }
}
