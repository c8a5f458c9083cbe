// SPDX-License-Identifier: ISC
// The rest: cross-entropy, and the optimiser's pass over the weights.
#include "kernels/isa.h"

#include "kernels/scalar.h"

enum { CLASSES = 256 };

/// Side by side, as vectors have it.
static real largest(const real *x)
{
  enum { ABREAST = 32 };
  real most[ABREAST];
  memcpy(most, x, sizeof most);
  for (int i = ABREAST; i < CLASSES; i += ABREAST)
    for (int j = 0; j < ABREAST; ++j) most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
  for (int j = 1; j < ABREAST; ++j) most[0] = most[j] > most[0] ? most[j] : most[0];
  return most[0];
}

/// logits[256] become probabilities; returns the nats of `code`.
static double softmax(real *restrict logits, uint8_t code, bool gradient)
{
  const real most = largest(logits);
  const real came = logits[code] - most;
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < CLASSES; ++i) {
    logits[i] = exp_real(logits[i] - most);
    sum += logits[i];
  }
  if (gradient) {
    const real part = (real)1 / sum;
    for (int i = 0; i < CLASSES; ++i) logits[i] *= part;
    logits[code] -= (real)1;
  }
  return log((double)sum) - (double)came;
}

double OP(loss)(real *logits, const uint8_t *codes, const bool *count, size_t rows, bool gradient)
{
  double nats = 0.0;
  for (size_t t = 0; t < rows; ++t, logits += CLASSES) {
    if (count[t]) {
      nats += softmax(logits, codes[t], gradient);
    } else {
      for (int i = 0; i < CLASSES; ++i) logits[i] = 0;
    }
  }
  return nats;
}

double OP(sum_squares)(const real *x, size_t n)
{
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; ++i) sum += (double)x[i] * (double)x[i];
  return sum;
}

void OP(adam)(const AdamStep *step, size_t n, const real *g, real *restrict w, real *restrict m,
              real *restrict v, real *restrict ema)
{
  const AdamStep s = *step;
  for (size_t i = 0; i < n; ++i) {
    const real x = g[i] * s.scale;
    m[i] = s.b1 * m[i] + s.rest1 * x;
    v[i] = s.b2 * v[i] + s.rest2 * (x * x);
    w[i] -= s.rate * (m[i] / (root(v[i]) / s.root + s.eps)) + s.decay * w[i];
    ema[i] = s.rest_ema * w[i] + s.ema * ema[i];
  }
}
