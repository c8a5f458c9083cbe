// SPDX-License-Identifier: ISC
// The recurrences h = a h + v, one unit beside the other, and their gradients. Near 1, a itself has
// lost the digits that a long memory is made of; so all goes by a - 1. (An LRU's are double:
// rounded, they would be wrong the same way at each step, and the state drift by as much as it
// remembers.) Complex numbers are their real parts, then their imaginary ones.
#include "kernels/isa.h"

#include "kernels/scalar.h"

/// The slope of sqrt(1 - |a|^2) is bounded: its argument counts as at least this (MODEL.md 3).
#define LEAST_ROOM ((real)(1.0 / (4.0 * 200.0 * 200.0)))

#define INLINE __attribute__((always_inline)) static inline

/// `floor` is what 1 - |a|^2 is raised to: 0, or 1 where the input is not normed.
INLINE void scan_rows(bool complex, const Rates *rates, const real *lx, const real *la,
                      const real *u, size_t rows, const real *before, real *restrict h)
{
  const size_t units = rates->units;
  const size_t hidden = complex ? 2 * units : units;
  const real lowest = rates->input_norm ? 0 : 1;
  const real *rate = rates->rate;
  const real *angle = rates->angle;
  for (size_t t = 0; t < rows; ++t) {
    const real *last = t > 0 ? h - hidden : before;
    for (size_t k = 0; k < units; ++k) {
      const real gate = sigmoid_real(la[k]);
      real m;
      real room;
      rglru_a(gate, rate[k], &m, &room);
      const real in = sigmoid_real(lx[k]) * root(room < lowest ? lowest : room);
      if (complex) {
        real re;
        real im;
        rglru_turn(angle[k] * gate, m, &re, &im);
        const real x = last[k];
        const real y = last[units + k];
        h[k] = x + ((re * x - im * y) + in * u[k]);
        h[units + k] = y + ((re * y + im * x) + in * u[units + k]);
      } else {
        h[k] = last[k] + (m * last[k] + in * u[k]);
      }
    }
    lx += units;
    la += units;
    u += hidden;
    h += hidden;
  }
}

void OP(scan)(const Rates *rates, const real *lx, const real *la, const real *u, size_t rows,
              const real *before, real *h)
{
  if (rates->angle) scan_rows(true, rates, lx, la, u, rows, before, h);
  else scan_rows(false, rates, lx, la, u, rows, before, h);
}

/// One step back. With D the whole gradient of h: what goes through a is conj(h before) D, through
/// the factor of u it is Re(conj(u) D).
INLINE void back_row(bool complex, const Rates *rates, real *restrict lx, real *restrict la,
                     const real *u, const real *last, const real *dh, real *restrict carry,
                     real *restrict du, real *restrict drate, real *restrict dangle)
{
  const size_t units = rates->units;
  const bool norm = rates->input_norm;
  const real lowest = norm ? 0 : 1;
  const real slope = norm ? 1 : 0;
  const real *rate = rates->rate;
  const real *angle = rates->angle;
  for (size_t k = 0; k < units; ++k) {
    const real gate = sigmoid_real(la[k]);
    const real open = sigmoid_real(lx[k]);
    real m;
    real room;
    rglru_a(gate, rate[k], &m, &room);
    const real scale = root(room < lowest ? lowest : room);
    const real in = open * scale;
    const real x = dh[k] + carry[k];
    real dm; // of rho by way of a
    real dphi = 0;
    real din;
    if (complex) {
      const real y = dh[units + k] + carry[units + k];
      real re;
      real im;
      rglru_turn(angle[k] * gate, m, &re, &im);
      carry[k] = x + (re * x + im * y);
      carry[units + k] = y + (re * y - im * x);
      const real dre = x * last[k] + y * last[units + k];
      const real dim = y * last[k] - x * last[units + k];
      dm = dre + (dre * re + dim * im);
      dphi = dim + (dim * re - dre * im);
      din = x * u[k] + y * u[units + k];
      du[k] = in * x;
      du[units + k] = in * y;
    } else {
      carry[k] = x + m * x;
      const real da = x * last[k];
      dm = da + da * m;
      din = x * u[k];
      du[k] = in * x;
    }
    const real bounded = room < LEAST_ROOM ? LEAST_ROOM : room;
    const real drho = dm - slope * (din * open) * (((real)1 - room) / root(bounded));
    drate[k] += drho * gate;
    real dgate = drho * rate[k];
    if (complex) {
      dangle[k] += dphi * gate;
      dgate += dphi * angle[k];
    }
    la[k] = dgate * gate * ((real)1 - gate);
    lx[k] = din * scale * open * ((real)1 - open);
  }
}

void OP(scan_back)(const Rates *rates, real *lx, real *la, const real *u, const real *h,
                   const real *before, const real *dh, size_t rows, real *carry, real *du,
                   real *drate, real *dangle)
{
  const size_t units = rates->units;
  const size_t hidden = rates->angle ? 2 * units : units;
  for (size_t t = rows; t-- > 0;) {
    const real *last = t > 0 ? h + (t - 1) * hidden : before;
    const size_t at = t * hidden;
    if (rates->angle)
      back_row(true, rates, lx + t * units, la + t * units, u + at, last, dh + at, carry, du + at,
               drate, dangle);
    else
      back_row(false, rates, lx + t * units, la + t * units, u + at, last, dh + at, carry, du + at,
               drate, dangle);
  }
}

void OP(lru)(const double *re, const double *im, const double *in, size_t units, const real *u,
             size_t rows, const real *before, real *restrict h)
{
  const size_t hidden = im ? 2 * units : units;
  for (size_t t = 0; t < rows; ++t, u += hidden, h += hidden) {
    const real *last = t > 0 ? h - hidden : before;
    for (size_t k = 0; k < units; ++k) {
      const double x = (double)last[k];
      const double y = im ? (double)last[units + k] : 0.0;
      h[k] = (real)(x + ((re[k] * x - (im ? im[k] * y : 0.0)) + in[k] * (double)u[k]));
      if (im) h[units + k] = (real)(y + ((re[k] * y + im[k] * x) + in[k] * (double)u[units + k]));
    }
  }
}

/// One step back of an LRU: sums[0] Re a, sums[1] Im a, sums[2] the factor of u.
static void lru_row(const double *re, const double *im, const double *in, size_t units,
                    const real *u, const real *last, const real *dh, real *restrict carry,
                    real *restrict du, real *restrict sums)
{
  for (size_t k = 0; k < units; ++k) {
    const real x = dh[k] + carry[k];
    const real y = im ? dh[units + k] + carry[units + k] : 0;
    const real turn = im ? (real)im[k] : 0;
    carry[k] = x + ((real)re[k] * x + turn * y);
    sums[k] += x * last[k] + (im ? y * last[units + k] : 0);
    sums[2 * units + k] += x * u[k] + (im ? y * u[units + k] : 0);
    du[k] = (real)in[k] * x;
    if (!im) continue;
    carry[units + k] = y + ((real)re[k] * y - turn * x);
    sums[units + k] += y * last[k] - x * last[units + k];
    du[units + k] = (real)in[k] * y;
  }
}

void OP(lru_back)(const double *re, const double *im, const double *in, size_t units, const real *u,
                  const real *h, const real *before, const real *dh, size_t rows, real *carry,
                  real *du, real *sums)
{
  const size_t hidden = im ? 2 * units : units;
  for (size_t t = rows; t-- > 0;)
    lru_row(re, im, in, units, u + t * hidden, t > 0 ? h + (t - 1) * hidden : before,
            dh + t * hidden, carry, du + t * hidden, sums);
}
