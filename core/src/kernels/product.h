// SPDX-License-Identifier: ISC
// Matrix times vectors, written once for vectors of any width. A tile is some granules of a panel
// by some voices: all its sums stay in registers while the weights stream past once. A number's sum
// runs over the columns in order, whatever tile it is in, so a voice's bits do not depend on its
// company. Beside what vector.h asks for, the including file defines
//   Whole                    vector of LANES int32
//   MOST_1 ... MOST_4        granules of a tile for that many voices; 0: no such tile
//   FLIP                     what packed int8 numbers are xored with
//   load_whole(p), to_real(whole), splat_whole(i)
//   mac_bf16(sum, w, pair)   sum + w[1] x[1], then + w[0] x[0]; a pair in each lane of w
//   Quad, quad(bits)         four int8 numbers of x, for each lane
//   mac_int8(sum, w, quad)   sum + the four products of each lane
//   mac_int4(sum, w, low, high)   the same for eight 4-bit weights, offset 8 included
#ifndef CN_PRODUCT_H
#define CN_PRODUCT_H

#define ALWAYS_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

enum {
  PARTS = CN_GRANULE / LANES, ///< vectors of a granule
  WORDS = 4 * CN_GRANULE,     ///< bytes of a granule for a run of columns
  VECTOR_BYTES = 4 * LANES,
  MOST_VOICES = MOST_4 > 0 ? 4 : 2
};

/// One tile's share of the work.
typedef struct Tile {
  const CnMatrix *m;
  const char *weight; ///< of the tile's first granule, first columns
  size_t step;        ///< bytes from one run of columns to the next
  const float *scale; ///< of the first granule, first group
  const float *bias;  ///< of the first granule
  const CnVector *const *x;
  float *const *y;
  size_t row; ///< of the first granule
  bool add;
} Tile;

static ALWAYS_INLINE uint32_t word_at(const void *from, size_t bytes)
{
  uint32_t word;
  memcpy(&word, (const char *)from + bytes, sizeof word);
  return word;
}

/// 16 accumulators are the most a tile has: granules * PARTS * voices.
#define EACH_SUM(n, v)                                                                             \
  UNROLL for (int n = 0; n < granules * PARTS; ++n) UNROLL for (int v = 0; v < voices; ++v)

/// Vector n of voice v's results.
static ALWAYS_INLINE void put(const Tile *t, int v, int n, Real sum)
{
  float *to = t->y[v] + t->row + n * LANES;
  sum += load(t->bias + n * LANES);
  if (t->add) sum = load(to) + sum;
  store(to, sum);
}

static ALWAYS_INLINE void tile_f32(const Tile *t, const int granules, const int voices)
{
  Real sum[16][MOST_VOICES];
  const float *x[MOST_VOICES];
  EACH_SUM(n, v) sum[n][v] = (Real){0};
  for (int v = 0; v < voices; ++v) x[v] = t->x[v]->wide;
  const char *w = t->weight;
  const uint32_t cols = t->m->cols;
  for (uint32_t j = 0; j < cols; ++j, w += t->step) {
    UNROLL for (int n = 0; n < granules * PARTS; ++n)
    {
      const Real weight = load((const float *)(const void *)(w + n * VECTOR_BYTES));
      UNROLL for (int v = 0; v < voices; ++v) sum[n][v] += weight * SPLAT(x[v][j]);
    }
  }
  EACH_SUM(n, v) put(t, v, n, sum[n][v]);
}

static ALWAYS_INLINE void tile_bf16(const Tile *t, const int granules, const int voices)
{
  Real sum[16][MOST_VOICES];
  const void *x[MOST_VOICES];
  EACH_SUM(n, v) sum[n][v] = (Real){0};
  for (int v = 0; v < voices; ++v) x[v] = t->x[v]->narrow;
  const char *w = t->weight;
  const size_t bytes = (size_t)cn_stored_columns(t->m) * 2;
  for (size_t j = 0; j < bytes; j += 4, w += t->step) {
    UNROLL for (int n = 0; n < granules * PARTS; ++n)
    {
      const Whole weight = load_whole(w + n * VECTOR_BYTES);
      UNROLL for (int v = 0; v < voices; ++v) sum[n][v] =
          mac_bf16(sum[n][v], weight, word_at(x[v], j));
    }
  }
  EACH_SUM(n, v) put(t, v, n, sum[n][v]);
}

/// Sum of n int8 numbers.
static int32_t sum_of_bytes(const int8_t *from, uint32_t n)
{
  int32_t sum = 0;
  for (uint32_t i = 0; i < n; ++i) sum += from[i];
  return sum;
}

/// What the offset of the packed weights adds to a sum over a group of columns, to be taken off.
static inline int32_t offset_of(const CnMatrix *m, const CnVector *x, uint32_t group)
{
  const int32_t each = m->form == CN_FORM_INT4 ? 8 : FLIP;
  if (each == 0) return 0;
  if (m->groups == 1) return each * x->total;
  const uint32_t cols = m->cols / m->groups;
  return each * sum_of_bytes((const int8_t *)x->narrow + (size_t)group * cols, cols);
}

/// Whole sums of one group of columns.
static ALWAYS_INLINE void sum_group(const Tile *t, const int granules, const int voices,
                                    const bool four, uint32_t group, Whole sum[16][MOST_VOICES])
{
  const char *w = t->weight;
  const uint32_t cols = cn_stored_columns(t->m) / t->m->groups;
  const char *x[MOST_VOICES];
  const uint32_t take = four ? 8 : 4;
  w += (size_t)group * (cols / take) * t->step;
  UNROLL for (int v = 0; v < voices; ++v)
  {
    x[v] = (const char *)t->x[v]->narrow + (size_t)group * cols;
    UNROLL for (int n = 0; n < granules * PARTS; ++n) sum[n][v] = (Whole){0};
  }
  for (uint32_t j = 0; j < cols; j += take, w += t->step) {
    Quad low[MOST_VOICES];
    Quad high[MOST_VOICES];
    UNROLL for (int v = 0; v < voices; ++v)
    {
      low[v] = quad(word_at(x[v], j));
      high[v] = four ? quad(word_at(x[v], j + 4)) : low[v];
    }
    UNROLL for (int n = 0; n < granules * PARTS; ++n)
    {
      const Whole weight = load_whole(w + n * VECTOR_BYTES);
      UNROLL for (int v = 0; v < voices; ++v) sum[n][v] =
          four ? mac_int4(sum[n][v], weight, low[v], high[v]) : mac_int8(sum[n][v], weight, low[v]);
    }
  }
}

/// The sums of a group, scaled: into `part` or added to it.
static ALWAYS_INLINE void scale_group(const Tile *t, const int granules, const int voices,
                                      uint32_t group, Whole sum[16][MOST_VOICES],
                                      Real part[16][MOST_VOICES])
{
  const float *scale = t->scale + group * (t->step / 4);
  Whole offset[MOST_VOICES];
  UNROLL for (int v = 0; v < voices; ++v) offset[v] = splat_whole(offset_of(t->m, t->x[v], group));
  EACH_SUM(n, v)
  {
    const Real scaled = to_real(sum[n][v] - offset[v]) * load(scale + n * LANES);
    part[n][v] = group == 0 ? scaled : part[n][v] + scaled;
  }
}

static ALWAYS_INLINE void tile_whole(const Tile *t, const int granules, const int voices,
                                     const bool four)
{
  Whole sum[16][MOST_VOICES];
  Real part[16][MOST_VOICES];
  sum_group(t, granules, voices, four, 0, sum);
  scale_group(t, granules, voices, 0, sum, part);
  for (uint32_t group = 1; group < t->m->groups; ++group) {
    sum_group(t, granules, voices, four, group, sum);
    scale_group(t, granules, voices, group, sum, part);
  }
  EACH_SUM(n, v) put(t, v, n, part[n][v] * SPLAT(t->x[v]->scale));
}

static ALWAYS_INLINE void tile_int8(const Tile *t, const int granules, const int voices)
{
  tile_whole(t, granules, voices, false);
}

static ALWAYS_INLINE void tile_int4(const Tile *t, const int granules, const int voices)
{
  tile_whole(t, granules, voices, true);
}

/// The panel's granules in tiles of `most`, then of the powers of two below it.
#define RUN_TILES(tile, most, voices)                                                              \
  for (uint32_t left = granules; left > 0;) {                                                      \
    uint32_t done = 1;                                                                             \
    if ((most) >= 8 && left >= 8) tile(&t, (most) >= 8 ? 8 : 1, voices), done = 8;                 \
    else if ((most) >= 4 && left >= 4) tile(&t, (most) >= 4 ? 4 : 1, voices), done = 4;            \
    else if ((most) >= 2 && left >= 2) tile(&t, (most) >= 2 ? 2 : 1, voices), done = 2;            \
    else tile(&t, 1, voices);                                                                      \
    left -= done;                                                                                  \
    t.weight += done * WORDS;                                                                      \
    t.scale += done * CN_GRANULE;                                                                  \
    t.bias += done * CN_GRANULE;                                                                   \
    t.row += done * CN_GRANULE;                                                                    \
  }

/// Voices of the next tile, of so many left: as many as there is a tile for, and no last one alone.
static inline uint32_t tile_voices(uint32_t left)
{
  if (left == 3 || left == 5 || left == 6) return MOST_3 > 0 ? 3 : 2;
  return left >= 4 && MOST_4 > 0 ? 4 : left >= 2 ? 2 : 1;
}

/// A form's product: panel by panel, in each as many voices at once as there are tiles for.
#define DEFINE_PRODUCT(name, tile)                                                                 \
  static void name(float *const *y, const CnMatrix *m, const CnVector *const *x, uint32_t voices,  \
                   bool add)                                                                       \
  {                                                                                                \
    const char *at = m->panel;                                                                     \
    uint32_t granules;                                                                             \
    for (uint32_t row = 0; row < m->rows; row += granules * CN_GRANULE) {                          \
      granules = (m->rows - row) / CN_GRANULE;                                                     \
      if (granules > CN_PANEL) granules = CN_PANEL;                                                \
      const size_t scales = cn_panel_scales(m, granules);                                          \
      const size_t biases = cn_panel_biases(m, granules);                                          \
      uint32_t some;                                                                               \
      for (uint32_t v = 0; v < voices; v += some) {                                                \
        const uint32_t rest = voices - v;                                                          \
        some = tile_voices(rest);                                                                  \
        Tile t = {.m = m,                                                                          \
                  .weight = at,                                                                    \
                  .step = (size_t)granules * WORDS,                                                \
                  .scale = (const float *)(const void *)(at + scales),                             \
                  .bias = (const float *)(const void *)(at + biases),                              \
                  .x = x + v,                                                                      \
                  .y = y + v,                                                                      \
                  .row = row,                                                                      \
                  .add = add};                                                                     \
        if (some == 1) RUN_TILES(tile, MOST_1, 1)                                                  \
        else if (some == 2) RUN_TILES(tile, MOST_2, 2)                                             \
        else if (MOST_3 > 0 && some == 3) RUN_TILES(tile, MOST_3, MOST_3 > 0 ? 3 : 1)              \
        else if (MOST_4 > 0) RUN_TILES(tile, MOST_4, MOST_4 > 0 ? 4 : 1)                           \
      }                                                                                            \
      at += biases + (size_t)granules * WORDS;                                                     \
    }                                                                                              \
  }

DEFINE_PRODUCT(product_f32, tile_f32)
DEFINE_PRODUCT(product_bf16, tile_bf16)
DEFINE_PRODUCT(product_int8, tile_int8)
DEFINE_PRODUCT(product_int4, tile_int4)

static void product(float *const *y, const CnMatrix *m, const CnVector *const *x, uint32_t voices,
                    bool add)
{
  if (m->form == CN_FORM_F32) product_f32(y, m, x, voices, add);
  else if (m->form == CN_FORM_BF16) product_bf16(y, m, x, voices, add);
  else if (m->form == CN_FORM_INT8) product_int8(y, m, x, voices, add);
  else product_int4(y, m, x, voices, add);
}

#endif
