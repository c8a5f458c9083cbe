// SPDX-License-Identifier: ISC
// Elementary functions of one number, for loops that the compiler turns into vectors: core's, or
// libm's where numbers are double.
#ifndef TRAINER_SCALAR_H
#define TRAINER_SCALAR_H

#include "real.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef TRAINER_DOUBLE
static inline double exp_real(double x)
{
  return exp(x);
}

static inline double expm1_real(double x)
{
  return expm1(x);
}

static inline double sigmoid_real(double x)
{
  return 1.0 / (1.0 + exp(-x));
}

static inline double gelu_real(double v)
{
  return v * sigmoid_real(1.5957691216057308 * (v + 0.044715 * (v * v * v)));
}

static inline void rglru_a(double gate, double rate, double *m, double *scale)
{
  *m = expm1(rate * gate);
  *scale = -expm1(2.0 * rate * gate);
}

static inline void rglru_turn(double angle, double m, double *re, double *im)
{
  const double s = sin(0.5 * angle);
  const double c = cos(0.5 * angle);
  *re = m - (1.0 + m) * (2.0 * s * s);
  *im = (1.0 + m) * (2.0 * s * c);
}

static inline double root(double x)
{
  return sqrt(x);
}
#else
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

static inline float root(float x)
{
  return sqrtf(x);
}
#endif

#endif
