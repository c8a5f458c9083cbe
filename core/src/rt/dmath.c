// SPDX-License-Identifier: ISC
#include "rt/dmath.h"

CENOTE_RT double cn_log(double x)
{
  // x = 2^n m with m in [sqrt(1/2), sqrt(2)), and ln m = 2 atanh((m - 1) / (m + 1)).
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint64_t root = UINT64_C(0x3fe6a09e667f3bcd); // of sqrt(1/2)
  const int64_t n = (int64_t)(bits - root) >> 52;
  bits -= (uint64_t)n << 52;
  double m;
  memcpy(&m, &bits, sizeof m);
  const double f = (m - 1.0) / (m + 1.0);
  const double t = f * f;
  double p = 2.0 / 23.0;
  for (int k = 21; k >= 3; k -= 2) p = p * t + 2.0 / k;
  return (double)n * 0.69314718036912381649 +
         (2.0 * f + (f * t * p + (double)n * 1.9082149292705878161e-10));
}

CENOTE_RT double cn_softplus(double x)
{
  // The larger of 0 and x, and ln(1 + e^-|x|); for a small e the logarithm of 1 + e loses e's
  // digits, which the rounding error of 1 + e gives back.
  const double e = cn_exp(x < 0.0 ? x : -x);
  const double sum = 1.0 + e;
  const double lost = e - (sum - 1.0);
  return (x > 0.0 ? x : 0.0) + (cn_log(sum) + lost / sum);
}

CENOTE_RT void cn_sincos(double x, double *sine, double *cosine)
{
  const double magic = 0x1.8p52;
  const double shifted = x * 0.63661977236758134308 + magic;
  const double n = shifted - magic;
  uint64_t quadrant;
  memcpy(&quadrant, &shifted, sizeof quadrant);
  // pi/2 in three parts, the first of 33 bits.
  const double r = ((x - n * 1.5707963267341256142) - n * 6.0771005063039659766e-11) -
                   n * 2.0222662487959507324e-21;
  const double t = r * r;
  double s = 1.0 / 17.0 / 16.0; // the series, nested: 1 - t/(2*3) (1 - t/(4*5) (...))
  s = 1.0 - t * s;
  double c = 1.0 / 16.0 / 15.0;
  c = 1.0 - t * c;
  for (int k = 15; k >= 3; k -= 2) {
    s = 1.0 - t / (k * (k - 1)) * s;
    c = 1.0 - t / ((k - 1) * (k - 2)) * c;
  }
  s = r * s;
  const double first = quadrant & 1 ? c : s;
  const double second = quadrant & 1 ? s : c;
  *sine = quadrant & 2 ? -first : first;
  *cosine = (quadrant + 1) & 2 ? -second : second;
}
