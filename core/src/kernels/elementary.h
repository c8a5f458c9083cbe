// SPDX-License-Identifier: ISC
// Elementary functions, written once for numbers and for vectors of them. The including file gives
//   Real        float, or a vector of floats
//   Bits        uint32_t, or a vector of as many
//   SPLAT(c)    a Real of c in each place
//   AS_BITS(x), AS_REAL(b)   the same bits as the other type
//   LESS(a, b)  all ones where a < b, else 0, as Bits
// Polynomials are least-maximum fits made for this file; each function says its error in units of
// the last place (ulp), over the stated range, as tests/core/test_kernels.c measures it.
#ifndef SPLAT
#error "define Real, Bits, SPLAT, AS_BITS, AS_REAL and LESS first"
#endif

// Where an instruction does it at once, the including file defines these too.
#ifndef SELECT_LESS
#define SELECT_LESS(a, b, yes, no) select_real(LESS(a, b), yes, no)
#endif
#ifndef AT_LEAST // NaN stays NaN
#define AT_LEAST(x, low) select_real(LESS(x, low), low, x)
#define AT_MOST(x, high) select_real(LESS(high, x), high, x)
#endif

static inline Real select_real(Bits mask, Real yes, Real no)
{
  return AS_REAL((AS_BITS(yes) & mask) | (AS_BITS(no) & ~mask));
}

static inline Real abs_real(Real x)
{
  return AS_REAL(AS_BITS(x) & 0x7fffffffu);
}

/// e^x - 1 = scale * part + (scale - 1), where scale = 2^n and |part| < 0.42. NaN stays NaN; x is
/// cut to [-87, 88], where scale neither overflows nor becomes subnormal.
static inline Real exp_parts(Real x, Real *part)
{
  const Real magic = SPLAT(0x1.8p23f); // adding it rounds to a whole number, in the low bits
  x = AT_LEAST(x, SPLAT(-87.0f));
  x = AT_MOST(x, SPLAT(88.0f));
  const Real shifted = x * SPLAT(1.44269504f) + magic;
  const Real n = shifted - magic;
  // ln 2 in two parts, the first of 12 bits so that n times it is exact.
  const Real r = (x - n * SPLAT(0.693115234375f)) - n * SPLAT(3.19461849453094e-5f);
  Real p = SPLAT(0.00139262508315f);
  p = p * r + SPLAT(0.00836323288368f);
  p = p * r + SPLAT(0.041666554213f);
  p = p * r + SPLAT(0.166665766661f);
  p = p * r + SPLAT(0.5f);
  *part = r + r * r * p;
  return AS_REAL((AS_BITS(shifted) + 127u) << 23); // magic's own bits are shifted out
}

/// e^x, within 1.1 ulp on [-87, 88]; never 0, never infinite.
static inline Real exp_real(Real x)
{
  Real part;
  const Real scale = exp_parts(x, &part);
  return scale + scale * part;
}

/// e^x - 1, within 2 ulp on [-87, 88].
static inline Real expm1_real(Real x)
{
  Real part;
  const Real scale = exp_parts(x, &part);
  return scale * part + (scale - SPLAT(1.0f));
}

/// 1 / (1 + e^-x), within 2.5 ulp on [-87, 88].
static inline Real sigmoid_real(Real x)
{
  const Real e = exp_real(-abs_real(x));
  return SELECT_LESS(x, SPLAT(0.0f), e, SPLAT(1.0f)) / (SPLAT(1.0f) + e);
}

/// 0.5 v (1 + tanh(sqrt(2/pi) (v + 0.044715 v^3))), which is v sigmoid of twice the angle.
static inline Real gelu_real(Real v)
{
  const Real cubic = v + SPLAT(0.044715f) * (v * v * v);
  return v * sigmoid_real(SPLAT(1.59576912161f) * cubic);
}

// Brief forms, to four digits, for models whose products are rounded to 8 bits anyway.

/// 2^x within 1.1e-4 of its size; x is cut to [-60, 60].
static inline Real exp2_brief(Real x)
{
  const Real magic = SPLAT(0x1.8p23f);
  x = AT_LEAST(x, SPLAT(-60.0f));
  x = AT_MOST(x, SPLAT(60.0f));
  const Real shifted = x + magic;
  const Real f = x - (shifted - magic);
  Real p = SPLAT(0.0558382829f);
  p = p * f + SPLAT(0.2426394785f);
  p = p * f + SPLAT(0.6931367339f);
  p = p * f + SPLAT(0.9999245570f);
  return AS_REAL(AS_BITS(p) + (AS_BITS(shifted) << 23));
}

/// 1 / (1 + e^-x), within 1.2e-4 of its size.
static inline Real sigmoid_brief(Real x)
{
  return SPLAT(1.0f) / (SPLAT(1.0f) + exp2_brief(SPLAT(-1.44269504f) * x));
}

/// gelu_real, within 1.2e-4 of its size.
static inline Real gelu_brief(Real v)
{
  const Real angle = v * (SPLAT(-2.30220819f) + SPLAT(-0.10294324f) * (v * v));
  return v / (SPLAT(1.0f) + exp2_brief(angle));
}

/// sin r and cos r for |r| <= pi/4.
static inline void sincos_near(Real r, Real *sine, Real *cosine)
{
  const Real t = r * r;
  Real s = SPLAT(-0.000195853732067f);
  s = s * t + SPLAT(0.00833273655918f);
  s = s * t + SPLAT(-0.166666646018f);
  *sine = r + r * t * s;
  Real c = SPLAT(2.45454190784e-5f);
  c = c * t + SPLAT(-0.00138882913006f);
  c = c * t + SPLAT(0.0416666645988f);
  *cosine = (SPLAT(1.0f) - SPLAT(0.5f) * t) + t * t * c;
}

/// sin x and cos x; within 1e-7 of the true value for |x| up to 8192, bounded beyond. For |x| <=
/// pi/4 it is sincos_near, bit for bit.
static inline void sincos_real(Real x, Real *sine, Real *cosine)
{
  const Real magic = SPLAT(0x1.8p23f);
  const Real limit = SPLAT(0x1p20f);
  x = AT_MOST(x, limit);
  x = AT_LEAST(x, -limit);
  const Real shifted = x * SPLAT(0.636619772f) + magic;
  const Real n = shifted - magic;
  const Bits quadrant = AS_BITS(shifted);
  // pi/2 in three parts, the first two of at most 11 bits.
  Real r = x - n * SPLAT(1.5703125f);
  r = r - n * SPLAT(0.0004837512969970703125f);
  r = r - n * SPLAT(7.5497899548918821692e-8f);
  Real s;
  Real c;
  sincos_near(r, &s, &c);
  const Bits odd = 0u - (quadrant & 1u);
  *sine = AS_REAL(AS_BITS(select_real(odd, c, s)) ^ (quadrant & 2u) << 30);
  *cosine = AS_REAL(AS_BITS(select_real(odd, s, c)) ^ ((quadrant + 1u) & 2u) << 30);
}

/// m = |a| - 1 and 1 - |a|^2 = -m (2 + m) of the RG-LRU, for ga = gate. As expm1(rho) m keeps the
/// digits that a long memory is made of; 1 - |a|^2 is never negative.
static inline void rglru_a(Real gate, Real rate, Real *m, Real *scale)
{
  *m = expm1_real(rate * gate);
  const Real rest = -*m * (SPLAT(2.0f) + *m);
  *scale = AT_LEAST(rest, SPLAT(0.0f)); // its root is the caller's
}

/// a - 1 of a = (1 + m) e^(i angle), from sine and cosine of half the angle: sin x = 2 sin(x/2)
/// cos(x/2), cos x - 1 = -2 sin(x/2)^2.
static inline void rglru_turned(Real s, Real c, Real m, Real *re, Real *im)
{
  const Real size = SPLAT(1.0f) + m;
  *re = m - size * (SPLAT(2.0f) * s * s);
  *im = size * (SPLAT(2.0f) * s * c);
}

static inline void rglru_turn(Real angle, Real m, Real *re, Real *im)
{
  Real s;
  Real c;
  sincos_real(SPLAT(0.5f) * angle, &s, &c);
  rglru_turned(s, c, m, re, im);
}

/// The same bits where |angle| <= pi/2 is known.
static inline void rglru_turn_near(Real angle, Real m, Real *re, Real *im)
{
  Real s;
  Real c;
  sincos_near(SPLAT(0.5f) * angle, &s, &c);
  rglru_turned(s, c, m, re, im);
}

/// rglru_a with m and the scale within 2e-5 of their sizes; rate * gate <= 0.
static inline void rglru_a_brief(Real gate, Real rate, Real *m, Real *scale)
{
  const Real magic = SPLAT(0x1.8p23f);
  const Real x = AT_LEAST(SPLAT(1.44269504f) * (rate * gate), SPLAT(-60.0f));
  const Real shifted = x + magic;
  const Real f = x - (shifted - magic);
  Real p = SPLAT(0.00965671029f); // of (2^f - 1) / f
  p = p * f + SPLAT(0.0558382829f);
  p = p * f + SPLAT(0.2402253010f);
  p = p * f + SPLAT(0.6931367339f);
  const Real size = AS_REAL((AS_BITS(shifted) + 127u) << 23);
  *m = size * (p * f) + (size - SPLAT(1.0f));
  *scale = AT_LEAST(-*m * (SPLAT(2.0f) + *m), SPLAT(0.0f));
}

/// rglru_turn with re and im within 1e-4 of |a - 1|, for |angle| up to 1000. Half a turn more or
/// less of the half angle changes the signs of sine and cosine both, and so neither re nor im.
static inline void rglru_turn_brief(Real angle, Real m, Real *re, Real *im)
{
  const Real magic = SPLAT(0x1.8p23f);
  const Real half = SPLAT(0.5f) * angle;
  const Real turns = (half * SPLAT(0.318309886f) + magic) - magic;
  const Real x = half - turns * SPLAT(3.14159265f);
  const Real t = x * x;
  Real s = SPLAT(0.00762530233f);
  s = s * t + SPLAT(-0.166017478f);
  s = s * t + SPLAT(0.999911005f);
  s = s * x;
  Real c = SPLAT(-0.00127078421f);
  c = c * t + SPLAT(0.0414863123f);
  c = c * t + SPLAT(-0.499911239f);
  c = c * t + SPLAT(0.999993148f);
  const Real size = (SPLAT(1.0f) + m) * (s + s);
  *re = m - size * s;
  *im = size * c;
}
