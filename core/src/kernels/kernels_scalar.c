// SPDX-License-Identifier: ISC
// The reference: plain loops, one number at a time. The order of sums is part of the definition: a
// matrix row is summed from its first column on (in bfloat16 the second of each pair first), then
// the bias; a norm is summed over every sixteenth number, then those sixteen by halves.
#include "kernels/kernels.h"

#include "rt/dmath.h"

#include <math.h>
#include <string.h>

#define Real float
#define Bits uint32_t
#define SPLAT(c) (c)

static inline uint32_t as_bits(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float as_real(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

#define AS_BITS(x) as_bits(x)
#define AS_REAL(b) as_real(b)
#define LESS(a, b) ((a) < (b) ? 0xffffffffu : 0u)
#include "kernels/elementary.h"

static bool usable(void)
{
  return true;
}

static float f32_row(const char *w, size_t step, uint32_t cols, const float *x)
{
  float sum = 0.0f;
  for (uint32_t j = 0; j < cols; ++j, w += step) {
    float weight;
    memcpy(&weight, w, sizeof weight);
    sum += weight * x[j];
  }
  return sum;
}

static float bf16_row(const char *w, size_t step, uint32_t cols, const uint16_t *x)
{
  float sum = 0.0f;
  for (uint32_t j = 0; j < cols; j += 2, w += step) {
    uint16_t weight[2];
    memcpy(weight, w, sizeof weight);
    sum += as_real((uint32_t)weight[1] << 16) * as_real((uint32_t)x[j + 1] << 16);
    sum += as_real((uint32_t)weight[0] << 16) * as_real((uint32_t)x[j] << 16);
  }
  return sum;
}

/// Weight of column j of the group of columns at w.
static int32_t whole_weight(CnForm form, const char *w, uint32_t j)
{
  if (form == CN_FORM_INT8) return (int8_t)w[j];
  const unsigned char byte = (unsigned char)w[j % 4];
  return (int32_t)(j < 4 ? byte & 15 : byte >> 4) - 8;
}

static float whole_row(const CnMatrix *m, const char *w, size_t step, const float *scale,
                       size_t rows, const int8_t *x)
{
  const uint32_t each = m->cols / m->groups;
  const uint32_t take = cn_form_columns(m->form);
  float sum = 0.0f;
  for (uint32_t g = 0; g < m->groups; ++g) {
    int32_t whole = 0;
    for (uint32_t j = 0; j < each; ++j)
      whole += whole_weight(m->form, w + j / take * step, j % take) * x[g * each + j];
    w += (size_t)(each / take) * step;
    const float scaled = (float)whole * scale[g * rows];
    sum = g == 0 ? scaled : sum + scaled;
  }
  return sum;
}

/// One panel of m, rows of y from its first on.
static void panel(float *y, const CnMatrix *m, const char *base, uint32_t granules,
                  const CnVector *x, bool add)
{
  const float *scales = (const float *)(const void *)(base + cn_panel_scales(m, granules));
  const float *biases = (const float *)(const void *)(base + cn_panel_biases(m, granules));
  const uint32_t rows = granules * CN_GRANULE;
  for (uint32_t row = 0; row < rows; ++row) {
    const char *w = base + (size_t)row * 4;
    float sum;
    if (m->form == CN_FORM_F32) sum = f32_row(w, 4 * rows, m->cols, x->wide);
    else if (m->form == CN_FORM_BF16) sum = bf16_row(w, 4 * rows, m->cols, x->narrow);
    else sum = whole_row(m, w, 4 * rows, scales + row, rows, x->narrow) * x->scale;
    sum += biases[row];
    y[row] = add ? y[row] + sum : sum;
  }
}

static void product(float *const *y, const CnMatrix *m, const CnVector *const *x, uint32_t voices,
                    bool add)
{
  for (uint32_t v = 0; v < voices; ++v) {
    const char *at = m->panel;
    uint32_t granules;
    for (uint32_t row = 0; row < m->rows; row += granules * CN_GRANULE) {
      granules = (m->rows - row) / CN_GRANULE;
      if (granules > CN_PANEL) granules = CN_PANEL;
      panel(y[v] + row, m, at, granules, x[v], add);
      at += cn_panel_bytes(m, granules);
    }
  }
}

/// Round half to even; a number that is none stays so.
static uint16_t to_bf16(float x)
{
  const uint32_t bits = as_bits(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/// Bits of the largest size in x[n].
static uint32_t most_of(const float *x, uint32_t n)
{
  uint32_t most = as_bits(CN_LEAST);
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t size = as_bits(x[i]) & 0x7fffffffu;
    if (size > most) most = size;
  }
  return most;
}

static void to_int8(CnVector *to, const float *x, uint32_t n, uint32_t most)
{
  int8_t *narrow = to->narrow;
  if (most == CN_UNKNOWN) most = most_of(x, n);
  to->total = 0;
  to->scale = most < 0x7f800000u ? as_real(most) * (1.0f / 127.0f) : NAN;
  const float inverse = most < 0x7f800000u ? 127.0f / as_real(most) : 0.0f;
  for (uint32_t i = 0; i < n; ++i) {
    // Adding 1.5 * 2^23 rounds to a whole number, in the low bits.
    const uint32_t shifted = as_bits(x[i] * inverse + 0x1.8p23f);
    narrow[i] = (int8_t)(uint8_t)shifted;
    to->total += narrow[i];
  }
}

static void narrow(CnVector *to, CnForm form, const float *x, uint32_t n, uint32_t most)
{
  const uint32_t padded = (n + CN_GRANULE - 1) / CN_GRANULE * CN_GRANULE;
  to->wide = x;
  if (form == CN_FORM_F32) return;
  if (form == CN_FORM_BF16) {
    uint16_t *numbers = to->narrow;
    for (uint32_t i = 0; i < n; ++i) numbers[i] = to_bf16(x[i]);
    memset(numbers + n, 0, (padded - n) * sizeof *numbers);
    return;
  }
  to_int8(to, x, n, most);
  memset((int8_t *)to->narrow + n, 0, padded - n);
}

static void diagonal(float *restrict y, const CnDiagonal *m, const float *restrict x)
{
  for (uint32_t row = 0; row < m->blocks * m->rows; ++row) {
    const float *w = m->weight + (size_t)(row / CN_GRANULE) * m->cols * CN_GRANULE;
    const float *in = x + (size_t)(row / m->rows) * m->cols;
    float sum = 0.0f;
    for (uint32_t j = 0; j < m->cols; ++j) sum += w[j * CN_GRANULE + row % CN_GRANULE] * in[j];
    y[row] = sum + m->bias[row];
  }
}

static void diagonals(float *restrict y, float *restrict z, const CnDiagonal *m,
                      const CnDiagonal *n, const float *restrict x)
{
  diagonal(y, m, x);
  diagonal(z, n, x);
}

static float sum16(float part[16])
{
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) part[i] += part[i + half];
  return part[0];
}

static void layer_norm(float *restrict y, const float *restrict x, const float *weight,
                       const float *bias, uint32_t n)
{
  float part[16] = {0};
  for (uint32_t i = 0; i < n; ++i) part[i % 16] += x[i];
  const float share = 1.0f / (float)n;
  const float mean = sum16(part) * share;
  memset(part, 0, sizeof part);
  for (uint32_t i = 0; i < n; ++i) part[i % 16] += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0f / sqrtf(sum16(part) * share + 1e-6f);
  for (uint32_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

static void rms_norm(float *restrict y, const float *restrict x, const float *weight, uint32_t n)
{
  float part[16] = {0};
  for (uint32_t i = 0; i < n; ++i) part[i % 16] += x[i] * x[i];
  const float share = 1.0f / (float)n;
  const float scale = 1.0f / sqrtf(sum16(part) * share + 1e-6f);
  for (uint32_t i = 0; i < n; ++i) y[i] = x[i] * scale * weight[i];
}

static uint32_t layer_norm_brief(float *restrict y, const float *restrict x, const float *weight,
                                 const float *bias, uint32_t n)
{
  // Two sums of each kind: over the granules of even and of odd number.
  float sum[2][16] = {{0}};
  float square[2][16] = {{0}};
  for (uint32_t i = 0; i < n; ++i) {
    sum[i / 16 % 2][i % 16] += x[i];
    square[i / 16 % 2][i % 16] += x[i] * x[i];
  }
  for (int i = 0; i < 16; ++i) sum[0][i] += sum[1][i];
  for (int i = 0; i < 16; ++i) square[0][i] += square[1][i];
  const float share = 1.0f / (float)n;
  const float mean = sum16(sum[0]) * share;
  const float spread = sum16(square[0]) * share - mean * mean;
  const float scale = 1.0f / sqrtf((spread < 0.0f ? 0.0f : spread) + 1e-6f);
  for (uint32_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
  return most_of(y, n);
}

static void gate(float *restrict y, const float *restrict g, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = y[i] * gelu_real(g[i]);
}

static uint32_t gate_brief(float *restrict y, const float *restrict g, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = y[i] * gelu_brief(g[i]);
  return most_of(y, n);
}

static void gelu(float *y, uint32_t n, bool brief)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = brief ? gelu_brief(y[i]) : gelu_real(y[i]);
}

static void add(float *restrict y, const float *restrict x, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = y[i] + x[i];
}

static void multiply_add(float *restrict y, const float *restrict w, const float *restrict x,
                         uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = y[i] + w[i] * x[i];
}

static void rglru(float *restrict h, const CnRecurrence *r, const float *u, const float *gx,
                  const float *ga, bool brief)
{
  const uint32_t units = r->units;
  for (uint32_t k = 0; k < units; ++k) {
    float m;
    float scale;
    const float turn = brief ? sigmoid_brief(ga[k]) : sigmoid_real(ga[k]);
    float in = brief ? sigmoid_brief(gx[k]) : sigmoid_real(gx[k]);
    if (brief) rglru_a_brief(turn, r->rate[k], &m, &scale);
    else rglru_a(turn, r->rate[k], &m, &scale);
    if (r->input_norm) in = in * sqrtf(scale);
    if (!r->angle) {
      h[k] = h[k] + (m * h[k] + in * u[k]);
      continue;
    }
    float a_re;
    float a_im;
    if (brief) rglru_turn_brief(r->angle[k] * turn, m, &a_re, &a_im);
    else rglru_turn(r->angle[k] * turn, m, &a_re, &a_im);
    const float re = h[k];
    const float im = h[units + k];
    h[k] = re + ((a_re * re - a_im * im) + in * u[k]);
    h[units + k] = im + ((a_re * im + a_im * re) + in * u[units + k]);
  }
}

static void lru(float *restrict h, const CnRecurrence *r, const float *u)
{
  const uint32_t units = r->units;
  for (uint32_t k = 0; k < units; ++k) {
    if (!r->a_im) {
      h[k] = r->a_re[k] * h[k] + (r->rest_re[k] * h[k] + r->scale[k] * u[k]);
      continue;
    }
    const float re = h[k];
    const float im = h[units + k];
    h[k] = (r->a_re[k] * re - r->a_im[k] * im) +
           ((r->rest_re[k] * re - r->rest_im[k] * im) + r->scale[k] * u[k]);
    h[units + k] = (r->a_re[k] * im + r->a_im[k] * re) +
                   ((r->rest_re[k] * im + r->rest_im[k] * re) + r->scale[k] * u[units + k]);
  }
}

static void weigh(double *restrict y, const float *restrict x, double top, double temperature,
                  uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = cn_exp(((double)x[i] - top) / temperature);
}

static void exp_all(float *y, const float *x, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = exp_real(x[i]);
}

static void expm1_all(float *y, const float *x, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = expm1_real(x[i]);
}

static void sigmoid_all(float *y, const float *x, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = sigmoid_real(x[i]);
}

static void sincos_all(float *s, float *c, const float *x, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) sincos_real(x[i], &s[i], &c[i]);
}

const CnKernels cn_kernels_scalar = {
    .name = "scalar",
    .usable = usable,
    .product = product,
    .narrow = narrow,
    .diagonal = diagonal,
    .diagonals = diagonals,
    .weigh = weigh,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .gate = gate,
    .gate_brief = gate_brief,
    .layer_norm_brief = layer_norm_brief,
    .gelu = gelu,
    .add = add,
    .multiply_add = multiply_add,
    .rglru = rglru,
    .lru = lru,
    .exp = exp_all,
    .expm1 = expm1_all,
    .sigmoid = sigmoid_all,
    .sincos = sincos_all,
};
