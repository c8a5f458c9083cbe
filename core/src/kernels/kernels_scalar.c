// SPDX-License-Identifier: ISC
// The reference: plain loops, one number at a time. The order of sums is part of the definition:
// a matrix row is summed over even and over odd columns, then both, then the bias; a norm is summed
// over every fourth number, then those four.
#include "kernels/kernels.h"

#include <math.h>
#include <stddef.h>
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

static void matvec(float *restrict y, const CnMatrix *m, const float *restrict x)
{
  const uint32_t rows = (m->rows + CN_PANEL - 1) / CN_PANEL * CN_PANEL;
  for (uint32_t row = 0; row < rows; ++row) {
    const float *w = m->weight + (size_t)(row / CN_PANEL) * m->cols * CN_PANEL + row % CN_PANEL;
    float even = 0.0f;
    float odd = 0.0f;
    for (uint32_t j = 0; j < m->cols; j += 2) even += w[(size_t)j * CN_PANEL] * x[j];
    for (uint32_t j = 1; j < m->cols; j += 2) odd += w[(size_t)j * CN_PANEL] * x[j];
    y[row] = (even + odd) + m->bias[row];
  }
}

static void diagonal(float *restrict y, const CnDiagonal *m, const float *restrict x)
{
  const uint32_t groups = (m->rows + CN_QUAD - 1) / CN_QUAD;
  for (uint32_t block = 0; block < m->blocks; ++block) {
    const float *in = x + (size_t)block * m->cols;
    for (uint32_t row = 0; row < m->rows; ++row) {
      const size_t group = (size_t)block * groups + row / CN_QUAD;
      const float *w = m->weight + group * m->cols * CN_QUAD + row % CN_QUAD;
      float even = 0.0f;
      float odd = 0.0f;
      for (uint32_t j = 0; j < m->cols; j += 2) even += w[(size_t)j * CN_QUAD] * in[j];
      for (uint32_t j = 1; j < m->cols; j += 2) odd += w[(size_t)j * CN_QUAD] * in[j];
      y[(size_t)block * m->rows + row] = (even + odd) + m->bias[group * CN_QUAD + row % CN_QUAD];
    }
  }
}

static float sum4(const float part[4])
{
  return (part[0] + part[1]) + (part[2] + part[3]);
}

static void layer_norm(float *restrict y, const float *restrict x, const float *weight,
                       const float *bias, uint32_t n)
{
  float part[4] = {0};
  for (uint32_t i = 0; i < n; ++i) part[i % 4] += x[i];
  const float mean = sum4(part) / (float)n;
  memset(part, 0, sizeof part);
  for (uint32_t i = 0; i < n; ++i) part[i % 4] += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0f / sqrtf(sum4(part) / (float)n + 1e-6f);
  for (uint32_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

static void rms_norm(float *restrict y, const float *restrict x, const float *weight, uint32_t n)
{
  float part[4] = {0};
  for (uint32_t i = 0; i < n; ++i) part[i % 4] += x[i] * x[i];
  const float scale = 1.0f / sqrtf(sum4(part) / (float)n + 1e-6f);
  for (uint32_t i = 0; i < n; ++i) y[i] = x[i] * scale * weight[i];
}

static void gate(float *restrict y, const float *restrict g, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = y[i] * gelu_real(g[i]);
}

static void gelu(float *y, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = gelu_real(y[i]);
}

static void add(float *restrict y, const float *restrict x, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = y[i] + x[i];
}

static void rglru(float *restrict h, const CnRecurrence *r, const float *u, const float *gx,
                  const float *ga)
{
  const uint32_t units = r->units;
  for (uint32_t k = 0; k < units; ++k) {
    float m;
    float scale;
    const float turn = sigmoid_real(ga[k]);
    rglru_a(turn, r->rate[k], &m, &scale);
    float in = sigmoid_real(gx[k]);
    if (r->input_norm) in = in * sqrtf(scale);
    if (!r->angle) {
      h[k] = h[k] + (m * h[k] + in * u[k]);
      continue;
    }
    float a_re;
    float a_im;
    rglru_turn(r->angle[k] * turn, m, &a_re, &a_im);
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
    .matvec = matvec,
    .diagonal = diagonal,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .gate = gate,
    .gelu = gelu,
    .add = add,
    .rglru = rglru,
    .lru = lru,
    .exp = exp_all,
    .expm1 = expm1_all,
    .sigmoid = sigmoid_all,
    .sincos = sincos_all,
};
