// SPDX-License-Identifier: ISC
// RG-LRU and LRU (MODEL.md section 3): h = a h + in u, one unit beside the other. What depends on
// no earlier step is worked out for all steps first; the scan that remains is two loops.
#include "net.h"

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

/// The gates of one step: gate_x becomes the factor of u, gate_a and a_im become a - 1. Near 1, a
/// itself has lost the digits that a long memory is made of.
static void open_gates(const Recur *recur, const float *rate, float *restrict gate_x,
                       float *restrict gate_a, float *restrict a_im)
{
  const uint32_t units = recur->units;
  const float *angle = recur->a_imag;
  // 1 - |a|^2 is at most 1: raised to 1 it norms nothing. (No branch, or gcc makes no vectors.)
  const float least = recur->input_norm ? 0.0f : 1.0f;
  for (uint32_t k = 0; k < units; ++k) {
    const float gate = sigmoid_real(gate_a[k]);
    const float m = expm1_real(rate[k] * gate); // |a| - 1
    const float rest = -m * (2.0f + m);         // 1 - |a|^2
    gate_x[k] = sigmoid_real(gate_x[k]) * sqrtf(rest < least ? least : rest);
    gate_a[k] = m;
    a_im[k] = gate;
  }
  if (!angle) return;
  for (uint32_t k = 0; k < units; ++k) {
    // sin x = 2 sin(x/2) cos(x/2), and cos x - 1 = -2 sin(x/2)^2
    float sine;
    float cosine;
    sincos_real(0.5f * angle[k] * a_im[k], &sine, &cosine);
    const float size = 1.0f + gate_a[k];
    a_im[k] = size * (2.0f * sine * cosine);
    gate_a[k] -= size * (2.0f * sine * sine);
  }
}

/// One step: next = h + (a - 1) h + in u, with `re` and `im` of a - 1. Complex numbers are their
/// real parts, then their imaginary ones.
static void gated_step(uint32_t units, bool complex, const float *re, const float *im,
                       const float *in, const float *u, const float *h, float *restrict next)
{
  if (!complex) {
    for (uint32_t k = 0; k < units; ++k) next[k] = h[k] + (re[k] * h[k] + in[k] * u[k]);
    return;
  }
  const float *h_im = h + units;
  for (uint32_t k = 0; k < units; ++k) {
    next[k] = h[k] + ((re[k] * h[k] - im[k] * h_im[k]) + in[k] * u[k]);
    next[units + k] = h_im[k] + ((re[k] * h_im[k] + im[k] * h[k]) + in[k] * u[units + k]);
  }
}

/// RG-LRU: the states of all steps behind the one in front of scratch->h.
static void gated_scan(const Recur *recur, const Scratch *scratch, size_t steps)
{
  const size_t size = recur->hidden;
  const size_t units = recur->units;
  float *h = scratch->h;
  linear_diagonal(&recur->gate_x, scratch->u, steps, scratch->gate_x);
  linear_diagonal(&recur->gate_a, scratch->u, steps, scratch->gate_a);
  for (size_t k = 0; k < units; ++k)
    scratch->rate[k] = (float)(recur->log_a_scale * cn_softplus((double)recur->a_real[k]));
  for (size_t at = 0; at < steps * units; at += units)
    open_gates(recur, scratch->rate, scratch->gate_x + at, scratch->gate_a + at,
               scratch->a_im + at);
  for (size_t t = 0; t < steps; ++t, h += size)
    gated_step(recur->units, recur->a_imag, scratch->gate_a + t * units, scratch->a_im + t * units,
               scratch->gate_x + t * units, scratch->u + t * size, h, h + size);
}

/// One step with the a and `in` of every step. They are double: rounded, they would be wrong the
/// same way each time, and the state drift by as much as its memory is long.
static void fixed_step(uint32_t units, bool complex, const double *a_re, const double *a_im,
                       const double *in, const float *u, const float *h, float *restrict next)
{
  for (uint32_t k = 0; k < units; ++k) {
    const double re = (double)h[k];
    const double im = complex ? (double)h[units + k] : 0.0;
    next[k] = (float)(a_re[k] * re - a_im[k] * im + in[k] * (double)u[k]);
    if (complex)
      next[units + k] = (float)(a_re[k] * im + a_im[k] * re + in[k] * (double)u[units + k]);
  }
}

/// LRU: the same as gated_scan.
static void fixed_scan(const Recur *recur, const Scratch *scratch, size_t steps)
{
  const size_t size = recur->hidden;
  double *a_re = scratch->fixed;
  double *a_im = a_re + recur->units;
  double *in = a_im + recur->units;
  float *h = scratch->h;
  for (uint32_t k = 0; k < recur->units; ++k) {
    const double rho = recur->log_a_scale * cn_softplus((double)recur->a_real[k]);
    const double angle = recur->a_imag ? (double)recur->a_imag[k] : 0.0;
    a_re[k] = exp(rho) * cos(angle);
    a_im[k] = exp(rho) * sin(angle);
    in[k] = recur->input_norm ? sqrt(fmax(0.0, -expm1(2.0 * rho))) : 1.0;
  }
  for (size_t t = 0; t < steps; ++t, h += size)
    fixed_step(recur->units, recur->a_imag, a_re, a_im, in, scratch->u + t * size, h, h + size);
}

void recur_stream(const Recur *recur, float *hidden, const Scratch *scratch, const float *n,
                  size_t steps, float *y)
{
  const size_t size = recur->hidden;
  linear_forward(&recur->in, n, recur->in.cols, steps, scratch->u, size);
  memcpy(scratch->h, hidden, size * sizeof *hidden);
  if (recur->gate_x.blocks > 0) gated_scan(recur, scratch, steps);
  else fixed_scan(recur, scratch, steps);
  memcpy(hidden, scratch->h + steps * size, size * sizeof *hidden);
  linear_forward(&recur->out, scratch->h + size, size, steps, y, recur->out.rows);
}
