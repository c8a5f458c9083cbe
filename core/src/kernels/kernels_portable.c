// SPDX-License-Identifier: ISC
// Four numbers at a time by the compiler's vector extensions (gcc, clang), for any CPU. Sums run in
// the reference's order, so the results are its bits.
#include "kernels/kernels.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef float Quad __attribute__((vector_size(16)));
typedef uint32_t QuadBits __attribute__((vector_size(16)));

#define Real Quad
#define Bits QuadBits
#define SPLAT(c) ((Quad){(c), (c), (c), (c)})
#define AS_BITS(x) ((QuadBits)(x))
#define AS_REAL(b) ((Quad)(b))
#define LESS(a, b) ((QuadBits)((a) < (b)))
#include "kernels/elementary.h"

static bool usable(void)
{
  return true;
}

static inline Quad load(const float *from)
{
  Quad q;
  memcpy(&q, from, sizeof q);
  return q;
}

static inline void store(float *to, Quad q)
{
  memcpy(to, &q, sizeof q);
}

/// The last n (< 4) numbers of a row, zeros behind them.
static inline Quad load_rest(const float *from, uint32_t n)
{
  Quad q = {0};
  memcpy(&q, from, n * sizeof *from);
  return q;
}

static inline void store_rest(float *to, Quad q, uint32_t n)
{
  memcpy(to, &q, n * sizeof *to);
}

static inline Quad sqrt_quad(Quad x)
{
  return (Quad){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])};
}

static inline float sum4(Quad part)
{
  return (part[0] + part[1]) + (part[2] + part[3]);
}

static void matvec(float *restrict y, const CnMatrix *m, const float *restrict x)
{
  const uint32_t cols = m->cols;
  const float *w = m->weight;
  for (uint32_t row = 0; row < m->rows; row += CN_PANEL) {
    Quad even[4] = {{0}, {0}, {0}, {0}};
    Quad odd[4] = {{0}, {0}, {0}, {0}};
    uint32_t j = 0;
    for (; j + 1 < cols; j += 2, w += 2 * CN_PANEL) {
      const Quad a = SPLAT(x[j]);
      const Quad b = SPLAT(x[j + 1]);
      for (int q = 0; q < 4; ++q) even[q] += load(w + 4 * q) * a;
      for (int q = 0; q < 4; ++q) odd[q] += load(w + CN_PANEL + 4 * q) * b;
    }
    if (j < cols) {
      const Quad a = SPLAT(x[j]);
      for (int q = 0; q < 4; ++q) even[q] += load(w + 4 * q) * a;
      w += CN_PANEL;
    }
    for (int q = 0; q < 4; ++q)
      store(y + row + 4 * q, (even[q] + odd[q]) + load(m->bias + row + 4 * q));
  }
}

static void diagonal(float *restrict y, const CnDiagonal *m, const float *restrict x)
{
  const uint32_t cols = m->cols;
  const float *w = m->weight;
  const float *bias = m->bias;
  for (uint32_t block = 0; block < m->blocks; ++block, x += cols, y += m->rows) {
    // A group may write past its block's rows; the next block, or the slack, lies there.
    for (uint32_t row = 0; row < m->rows; row += CN_QUAD, bias += CN_QUAD) {
      Quad even = {0};
      Quad odd = {0};
      uint32_t j = 0;
      for (; j + 1 < cols; j += 2, w += 2 * CN_QUAD) {
        even += load(w) * SPLAT(x[j]);
        odd += load(w + CN_QUAD) * SPLAT(x[j + 1]);
      }
      if (j < cols) {
        even += load(w) * SPLAT(x[j]);
        w += CN_QUAD;
      }
      store(y + row, (even + odd) + load(bias));
    }
  }
}

static void layer_norm(float *restrict y, const float *restrict x, const float *weight,
                       const float *bias, uint32_t n)
{
  const uint32_t whole = n / 4 * 4;
  const uint32_t rest = n - whole;
  Quad part = {0};
  for (uint32_t i = 0; i < whole; i += 4) part += load(x + i);
  if (rest > 0) part += load_rest(x + whole, rest);
  const float mean = sum4(part) / (float)n;
  part = SPLAT(0.0f);
  for (uint32_t i = 0; i < whole; i += 4) {
    const Quad away = load(x + i) - SPLAT(mean);
    part += away * away;
  }
  for (uint32_t i = whole; i < n; ++i) part[i % 4] += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0f / sqrtf(sum4(part) / (float)n + 1e-6f);
  for (uint32_t i = 0; i < whole; i += 4)
    store(y + i, (load(x + i) - SPLAT(mean)) * SPLAT(scale) * load(weight + i) + load(bias + i));
  for (uint32_t i = whole; i < n; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

static void rms_norm(float *restrict y, const float *restrict x, const float *weight, uint32_t n)
{
  const uint32_t whole = n / 4 * 4;
  Quad part = {0};
  for (uint32_t i = 0; i < whole; i += 4) part += load(x + i) * load(x + i);
  for (uint32_t i = whole; i < n; ++i) part[i % 4] += x[i] * x[i];
  const float scale = 1.0f / sqrtf(sum4(part) / (float)n + 1e-6f);
  for (uint32_t i = 0; i < whole; i += 4)
    store(y + i, load(x + i) * SPLAT(scale) * load(weight + i));
  for (uint32_t i = whole; i < n; ++i) y[i] = x[i] * scale * weight[i];
}

static void gate(float *restrict y, const float *restrict g, uint32_t n)
{
  const uint32_t whole = n / 4 * 4;
  for (uint32_t i = 0; i < whole; i += 4) store(y + i, load(y + i) * gelu_real(load(g + i)));
  const uint32_t rest = n - whole;
  if (rest > 0)
    store_rest(y + whole, load_rest(y + whole, rest) * gelu_real(load_rest(g + whole, rest)), rest);
}

static void gelu(float *y, uint32_t n)
{
  const uint32_t whole = n / 4 * 4;
  for (uint32_t i = 0; i < whole; i += 4) store(y + i, gelu_real(load(y + i)));
  const uint32_t rest = n - whole;
  if (rest > 0) store_rest(y + whole, gelu_real(load_rest(y + whole, rest)), rest);
}

static void add(float *restrict y, const float *restrict x, uint32_t n)
{
  for (uint32_t i = 0; i < n; ++i) y[i] = y[i] + x[i];
}

/// One unit's numbers for four units: what rglru reads and writes at k.
typedef struct Unit {
  Quad re;
  Quad im;
  Quad u_re;
  Quad u_im;
} Unit;

static inline void turn(Unit *unit, Quad gx, Quad ga, Quad rate, Quad angle, bool complex,
                        bool input_norm)
{
  Quad m;
  Quad scale;
  const Quad gate_a = sigmoid_real(ga);
  rglru_a(gate_a, rate, &m, &scale);
  Quad in = sigmoid_real(gx);
  if (input_norm) in = in * sqrt_quad(scale);
  if (!complex) {
    unit->re = unit->re + (m * unit->re + in * unit->u_re);
    return;
  }
  Quad a_re;
  Quad a_im;
  rglru_turn(angle * gate_a, m, &a_re, &a_im);
  const Quad re = unit->re;
  unit->re = re + ((a_re * re - a_im * unit->im) + in * unit->u_re);
  unit->im = unit->im + ((a_re * unit->im + a_im * re) + in * unit->u_im);
}

static void rglru(float *restrict h, const CnRecurrence *r, const float *u, const float *gx,
                  const float *ga)
{
  const uint32_t units = r->units;
  const uint32_t whole = units / 4 * 4;
  const uint32_t rest = units - whole;
  const bool complex = r->angle;
  const Quad zero = {0};
  for (uint32_t k = 0; k < whole; k += 4) {
    Unit unit = {load(h + k), complex ? load(h + units + k) : zero, load(u + k),
                 complex ? load(u + units + k) : zero};
    turn(&unit, load(gx + k), load(ga + k), load(r->rate + k), complex ? load(r->angle + k) : zero,
         complex, r->input_norm);
    store(h + k, unit.re);
    if (complex) store(h + units + k, unit.im);
  }
  if (rest == 0) return;
  const uint32_t k = whole;
  Unit unit = {load_rest(h + k, rest), complex ? load_rest(h + units + k, rest) : zero,
               load_rest(u + k, rest), complex ? load_rest(u + units + k, rest) : zero};
  turn(&unit, load_rest(gx + k, rest), load_rest(ga + k, rest), load_rest(r->rate + k, rest),
       complex ? load_rest(r->angle + k, rest) : zero, complex, r->input_norm);
  store_rest(h + k, unit.re, rest);
  if (complex) store_rest(h + units + k, unit.im, rest);
}

static void lru(float *restrict h, const CnRecurrence *r, const float *u)
{
  const uint32_t units = r->units;
  if (!r->a_im) {
    for (uint32_t k = 0; k < units; ++k)
      h[k] = r->a_re[k] * h[k] + (r->rest_re[k] * h[k] + r->scale[k] * u[k]);
    return;
  }
  for (uint32_t k = 0; k < units; ++k) {
    const float re = h[k];
    const float im = h[units + k];
    h[k] = (r->a_re[k] * re - r->a_im[k] * im) +
           ((r->rest_re[k] * re - r->rest_im[k] * im) + r->scale[k] * u[k]);
    h[units + k] = (r->a_re[k] * im + r->a_im[k] * re) +
                   ((r->rest_re[k] * im + r->rest_im[k] * re) + r->scale[k] * u[units + k]);
  }
}

/// Apply a function of a quad to n numbers.
#define EACH(function)                                                                             \
  for (uint32_t i = 0; i < n; i += 4) {                                                            \
    const uint32_t m = n - i < 4 ? n - i : 4;                                                      \
    store_rest(y + i, function(load_rest(x + i, m)), m);                                           \
  }

static void exp_all(float *y, const float *x, uint32_t n)
{
  EACH(exp_real)
}

static void expm1_all(float *y, const float *x, uint32_t n)
{
  EACH(expm1_real)
}

static void sigmoid_all(float *y, const float *x, uint32_t n)
{
  EACH(sigmoid_real)
}

static void sincos_all(float *s, float *c, const float *x, uint32_t n)
{
  for (uint32_t i = 0; i < n; i += 4) {
    const uint32_t m = n - i < 4 ? n - i : 4;
    Quad sine;
    Quad cosine;
    sincos_real(load_rest(x + i, m), &sine, &cosine);
    store_rest(s + i, sine, m);
    store_rest(c + i, cosine, m);
  }
}

const CnKernels cn_kernels_portable = {
    .name = "portable",
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
