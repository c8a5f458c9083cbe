// SPDX-License-Identifier: ISC
// Elementary functions in double, our own, so that every machine gives the same bits: libm's differ
// between C libraries and even between CPUs under one of them. Each is within 2 ulp.
#ifndef CN_DMATH_H
#define CN_DMATH_H

#include <cenote/cenote.h>

#include <stdint.h>
#include <string.h>

/// e^x for x <= 709; 0 below -700. Inline, so that loops over it become vectors.
CENOTE_RT static inline double cn_exp(double x)
{
  const double magic = 0x1.8p52;
  const double low = x < -700.0 ? -700.0 : x;
  const double shifted = low * 1.4426950408889634074 + magic;
  const double n = shifted - magic;
  // ln 2 in two parts, the first of 32 bits so that n times it is exact.
  const double r = (low - n * 0.69314718036912381649) - n * 1.9082149292705878161e-10;
  double p = 1.0 / 6227020800.0; // 1/13!, then down to 1/2!
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52; // magic's own bits are shifted out
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  const double result = scale + scale * (r + r * r * p);
  return x < -700.0 ? 0.0 : result;
}

/// ln x for normal x > 0.
CENOTE_RT double cn_log(double x);

/// ln(1 + e^x) without overflow.
CENOTE_RT double cn_softplus(double x);

/// sin x and cos x for |x| up to 1e6.
CENOTE_RT void cn_sincos(double x, double *sine, double *cosine);

#endif
