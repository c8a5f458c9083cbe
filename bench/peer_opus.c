// SPDX-License-Identifier: ISC
// Opus' own matrix-vector kernels for its neural networks, int8 (with the quantising of its input
// and the addition of its bias, as its linear layers do) and f32. peer_opus.sh compiles this with
// the headers of an Opus source tree; none of its code is here.
#include "gemv_chain.h"

#include "opus_types.h"

#include "vec_avx.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct Matrix {
  opus_int8 *weight; ///< [rows / 8][cols / 4][8][4]
  float *scale;      ///< [rows]
  float *bias;       ///< [rows], what the input's offset of 127 adds taken away
  float *wide;       ///< the same weights in f32, [cols][rows]
} Matrix;

static void multiply_int8(const void *data, size_t index, float *y, const float *x)
{
  const Matrix *m = (const Matrix *)data + index;
  const int rows = (int)gemv_rows(index);
  cgemv8x4(y, m->weight, m->scale, rows, (int)gemv_cols(index), x);
  for (int i = 0; i < rows; ++i) y[i] += m->bias[i];
}

static void multiply_f32(const void *data, size_t index, float *y, const float *x)
{
  const Matrix *m = (const Matrix *)data + index;
  const int rows = (int)gemv_rows(index);
  sgemv(y, m->wide, rows, (int)gemv_cols(index), rows, x);
}

/// Room for one more array in the arena.
static void *carve(char **arena, size_t bytes)
{
  char *here = *arena;
  *arena += (bytes + 63) / 64 * 64;
  return here;
}

static void fill(Matrix *m, size_t index, char **arena, char **wide, uint32_t *state)
{
  const size_t rows = gemv_rows(index);
  const size_t cols = gemv_cols(index);
  m->weight = carve(arena, rows * cols);
  m->scale = carve(arena, rows * sizeof(float));
  m->bias = carve(arena, rows * sizeof(float));
  m->wide = carve(wide, rows * cols * sizeof(float));
  for (size_t row = 0; row < rows; ++row) {
    int sum = 0;
    const float scale = 1.0f / (127.0f * 127.0f * 8.0f); // outputs stay within the range of inputs
    for (size_t col = 0; col < cols; ++col) {
      const int w = (int)(127.0f * gemv_random(state));
      m->weight[(row / 8 * (cols / 4) + col / 4) * 32 + row % 8 * 4 + col % 4] = (opus_int8)w;
      m->wide[col * rows + row] = (float)w * scale * 127.0f;
      sum += w;
    }
    m->scale[row] = scale;
    m->bias[row] = -127.0f * (float)sum * scale;
  }
}

/// Largest difference between the two kernels' answers to one input.
static float difference(const Matrix *m)
{
  float x[GEMV_NARROW];
  float a[GEMV_WIDE];
  float b[GEMV_WIDE];
  float worst = 0.0f;
  uint32_t state = 7;
  for (size_t i = 0; i < GEMV_NARROW; ++i) x[i] = gemv_random(&state);
  multiply_int8(m, 0, a, x);
  multiply_f32(m, 0, b, x);
  for (size_t i = 0; i < GEMV_WIDE; ++i) worst = fmaxf(worst, fabsf(a[i] - b[i]));
  return worst;
}

int main(void)
{
  const size_t count = GEMV_NARROW * GEMV_WIDE;
  Matrix *m = calloc(GEMV_STREAM, sizeof *m);
  char *arena = gemv_memory(GEMV_STREAM * (count + 2 * GEMV_WIDE * sizeof(float)));
  char *wide = gemv_memory(GEMV_STREAM * count * sizeof(float));
  if (!m || !arena || !wide) return fputs("peer_opus: out of memory\n", stderr), 1;
  uint32_t state = 1;
  for (size_t i = 0; i < GEMV_STREAM; ++i) fill(&m[i], i, &arena, &wide, &state);
  // Rounding of inputs to 1/127: half of that times 128 weights of up to 1/8 would be the most.
  const float off = difference(m);
  if (!(off < 0.05f))
    return fprintf(stderr, "peer_opus: the kernels differ by %g\n", (double)off), 1;
  gemv_report("opus_int8", "\"precision\":\"int8\"", multiply_int8, m);
  gemv_report("opus_f32", "\"precision\":\"f32\"", multiply_f32, m);
  return 0;
}
