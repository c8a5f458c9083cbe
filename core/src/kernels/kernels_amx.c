// SPDX-License-Identifier: ISC
// AVX-512, and AMX for the int8 products of several voices: a tile of all voices by 64 columns
// meets one of 64 columns by 16 rows, which a packed panel is made of as it lies there. Sums are
// exact, so the bits are those of every table.
#if !defined(__AMX_INT8__) && !defined(__AMXINT8__) // gcc's and clang's names
#error "needs -mamx-tile -mamx-int8 beside the flags for AVX-512"
#endif
#include "kernels/avx512.h"

#include "amx.h"

enum {
  FEWEST = 12,         ///< voices, from which on tiles pay
  MOST_COLUMNS = 1024, ///< of a matrix for tiles: what the stack holds of each voice
  TILE_COLUMNS = 64    ///< bytes of a tile's row
};

// Tiles by number, as instructions name them. 0 to 3 hold the sums of a panel's granules.
#define VOICES_TILE 4
#define WEIGHTS_TILE 5
#define LAST_VOICES_TILE 6 // of columns that do not fill a tile
#define LAST_WEIGHTS_TILE 7

/// What LDTILECFG reads (Intel's manual, volume 1, 18.3).
typedef struct Shapes {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} Shapes;

/// Reads of tiles are hidden from the compiler: what they read must have been written.
static inline void settle(void)
{
  __asm__ volatile("" ::: "memory");
}

static void shape_tiles(uint32_t voices, uint32_t cols)
{
  const uint32_t last = cols % TILE_COLUMNS;
  _Alignas(64) Shapes s = {.palette = 1};
  for (int tile = 0; tile < VOICES_TILE; ++tile) {
    s.rows[tile] = (uint8_t)voices;
    s.row_bytes[tile] = 4 * CN_GRANULE;
  }
  s.rows[VOICES_TILE] = (uint8_t)voices;
  s.row_bytes[VOICES_TILE] = TILE_COLUMNS;
  s.rows[WEIGHTS_TILE] = TILE_COLUMNS / 4;
  s.row_bytes[WEIGHTS_TILE] = 4 * CN_GRANULE;
  if (last > 0) {
    s.rows[LAST_VOICES_TILE] = (uint8_t)voices;
    s.row_bytes[LAST_VOICES_TILE] = (uint16_t)last;
    s.rows[LAST_WEIGHTS_TILE] = (uint8_t)(last / 4);
    s.row_bytes[LAST_WEIGHTS_TILE] = 4 * CN_GRANULE;
  }
  settle();
  _tile_loadconfig(&s);
}

/// A panel: 64 rows or fewer.
typedef struct Panel {
  const char *weight;
  const float *scale;
  const float *bias;
  uint32_t row; ///< its first
  uint32_t granules;
} Panel;

/// The panel of m that begins with `row`, at `weight`.
static inline Panel panel_at(const CnMatrix *m, const char *weight, uint32_t row)
{
  const uint32_t left = (m->rows - row) / CN_GRANULE;
  const uint32_t granules = left < CN_PANEL ? left : CN_PANEL;
  return (Panel){.weight = weight,
                 .scale = (const float *)(const void *)(weight + cn_panel_scales(m, granules)),
                 .bias = (const float *)(const void *)(weight + cn_panel_biases(m, granules)),
                 .row = row,
                 .granules = granules};
}

#define ZERO(g) _tile_zero(g)
#define STORE(g) _tile_stored(g, sum[g], WORDS)
#define MULTIPLY(g)                                                                                \
  do {                                                                                             \
    _tile_loadd(WEIGHTS_TILE, panel + (g)*WORDS, step);                                            \
    _tile_dpbsud(g, VOICES_TILE, WEIGHTS_TILE);                                                    \
  } while (false)
#define MULTIPLY_LAST(g)                                                                           \
  do {                                                                                             \
    _tile_loadd(LAST_WEIGHTS_TILE, panel + (g)*WORDS, step);                                       \
    _tile_dpbsud(g, LAST_VOICES_TILE, LAST_WEIGHTS_TILE);                                          \
  } while (false)
/// For each granule that the panel has.
#define EACH_GRANULE(act)                                                                          \
  do {                                                                                             \
    act(0);                                                                                        \
    if (granules > 1) act(1);                                                                      \
    if (granules > 2) act(2);                                                                      \
    if (granules > 3) act(3);                                                                      \
  } while (false)

/// sum[granule][voice][row] of one panel by in[voices][stride].
static void sum_panel(int32_t sum[CN_PANEL][CN_BATCH][CN_GRANULE], const Panel *p, const int8_t *in,
                      uint32_t stride, uint32_t cols)
{
  const uint32_t granules = p->granules;
  const char *panel = p->weight;
  const size_t step = (size_t)granules * WORDS;
  uint32_t j = 0;
  EACH_GRANULE(ZERO);
  for (; j + TILE_COLUMNS <= cols; j += TILE_COLUMNS, panel += TILE_COLUMNS / 4 * step) {
    _tile_loadd(VOICES_TILE, in + j, stride);
    EACH_GRANULE(MULTIPLY);
  }
  if (j < cols) {
    _tile_loadd(LAST_VOICES_TILE, in + j, stride);
    EACH_GRANULE(MULTIPLY_LAST);
  }
  EACH_GRANULE(STORE);
  settle();
}

/// The results of a panel, from its sums, as product.h makes them.
static void put_panel(float *const *y, const Panel *p, const CnMatrix *m, const CnVector *const *x,
                      uint32_t voices, int32_t sum[CN_PANEL][CN_BATCH][CN_GRANULE], bool add)
{
  for (uint32_t v = 0; v < voices; ++v) {
    const Whole offset = splat_whole(offset_of(m, x[v], 0));
    const Real size = SPLAT(x[v]->scale);
    float *to = y[v] + p->row;
    for (uint32_t g = 0; g < p->granules; ++g, to += CN_GRANULE) {
      const Real part = to_real(load_whole(sum[g][v]) - offset) * load(p->scale + g * CN_GRANULE);
      const Real whole = part * size + load(p->bias + g * CN_GRANULE);
      store(to, add ? load(to) + whole : whole);
    }
  }
}

static void product_tiles(float *const *y, const CnMatrix *m, const CnVector *const *x,
                          uint32_t voices, bool add)
{
  _Alignas(64) int8_t in[CN_BATCH * MOST_COLUMNS];
  _Alignas(64) int32_t sum[2][CN_PANEL][CN_BATCH][CN_GRANULE];
  const uint32_t cols = cn_stored_columns(m);
  const uint32_t stride = (cols + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
  for (uint32_t v = 0; v < voices; ++v) memcpy(in + v * stride, x[v]->narrow, cols);
  shape_tiles(voices, cols);
  Panel p = panel_at(m, m->panel, 0);
  sum_panel(sum[0], &p, in, stride, cols);
  for (uint32_t turn = 0;; ++turn) {
    // The next panel's sums are under way while this one's results are made.
    const uint32_t row = p.row + p.granules * CN_GRANULE;
    const Panel next = panel_at(m, (const char *)(p.bias + p.granules * CN_GRANULE), row);
    if (row < m->rows) sum_panel(sum[(turn + 1) % 2], &next, in, stride, cols);
    put_panel(y, &p, m, x, voices, sum[turn % 2], add);
    if (row >= m->rows) break;
    p = next;
  }
  _tile_release();
}

static void product_amx(float *const *y, const CnMatrix *m, const CnVector *const *x,
                        uint32_t voices, bool add)
{
  if (m->form == CN_FORM_INT8 && m->groups == 1 && voices >= FEWEST && m->cols <= MOST_COLUMNS)
    product_tiles(y, m, x, voices, add);
  else product(y, m, x, voices, add);
}

static bool usable_amx(void)
{
  return usable_avx512() && cn_amx_allowed();
}

const CnKernels cn_kernels_amx = {
    .name = "amx", .usable = usable_amx, .flip = FLIP, .product = product_amx, VECTOR_KERNELS};
