// SPDX-License-Identifier: ISC
// One draw: scale by temperature, keep the top_k likeliest, then the fewest of them that hold top_p
// of their probability, and walk the cumulated probability in code order.
#include "rt/sampler.h"

#include "rt/dmath.h"

#include <string.h>

enum { N = CENOTE_CLASSES, RUN = 16, RUNS = N / RUN };

static uint8_t likeliest(const float *logits)
{
  float most[RUN];
  for (uint32_t i = 0; i < RUN; ++i) most[i] = logits[i];
  for (uint32_t r = 1; r < RUNS; ++r)
    for (uint32_t i = 0; i < RUN; ++i)
      most[i] = logits[r * RUN + i] > most[i] ? logits[r * RUN + i] : most[i];
  float top = most[0];
  for (uint32_t i = 1; i < RUN; ++i) top = most[i] > top ? most[i] : top;
  uint32_t best = 0;
  while (best < N - 1 && logits[best] != top) ++best;
  return (uint8_t)best;
}

/// order[256]: codes from the likeliest down, the lower code first among equals. A stable radix
/// sort, so that its time does not depend on the numbers.
static void rank(const float *logits, uint8_t order[static N])
{
  uint32_t key[N];
  uint8_t other[N];
  uint16_t start[4][256];
  memset(start, 0, sizeof start);
  for (uint32_t i = 0; i < N; ++i) {
    const float plain = logits[i] + 0.0f; // -0 becomes 0: they are equal
    uint32_t bits;
    memcpy(&bits, &plain, sizeof bits);
    // Larger numbers to smaller keys.
    key[i] = bits & 0x80000000u ? bits : ~(bits | 0x80000000u);
    for (int byte = 0; byte < 4; ++byte) ++start[byte][key[i] >> (8 * byte) & 255];
    order[i] = (uint8_t)i;
  }
  for (int byte = 0; byte < 4; ++byte) {
    uint16_t at = 0;
    for (uint32_t i = 0; i < 256; ++i) {
      const uint16_t count = start[byte][i];
      start[byte][i] = at;
      at = (uint16_t)(at + count);
    }
    for (uint32_t i = 0; i < N; ++i)
      other[start[byte][key[order[i]] >> (8 * byte) & 255]++] = order[i];
    memcpy(order, other, sizeof other);
  }
}

/// Put to zero the weights of codes outside top-k, then outside top-p.
static void narrow(const CnSampler *sampler, const float *logits, double weight[static N])
{
  uint8_t order[N];
  rank(logits, order);
  uint32_t kept = sampler->top_k < N ? sampler->top_k : N;
  if (sampler->top_p < 1.0f) {
    double sum = 0.0;
    for (uint32_t i = 0; i < kept; ++i) sum += weight[order[i]];
    const double enough = (double)sampler->top_p * sum;
    double cumulated = weight[order[0]];
    uint32_t few = 1;
    while (few < kept && cumulated < enough) cumulated += weight[order[few++]];
    kept = few;
  }
  for (uint32_t i = kept; i < N; ++i) weight[order[i]] = 0.0;
}

/// weight[256] summed in runs of 16 codes, and the runs one after the other: run[16] gets their
/// sums. The draw's walk adds up the same numbers in the same order.
CENOTE_RT static double sum_runs(const double weight[static N], double run[static RUNS])
{
  double sum = 0.0;
  for (uint32_t r = 0; r < RUNS; ++r) {
    run[r] = 0.0;
    for (uint32_t i = 0; i < RUN; ++i) run[r] += weight[r * RUN + i];
    sum += run[r];
  }
  return sum;
}

/// The code at which the cumulated weight passes target; the last with any weight if none does.
CENOTE_RT static uint8_t walk(const double weight[static N], const double run[static RUNS],
                              double target)
{
  double cumulated = 0.0;
  uint32_t last = 0;
  for (uint32_t r = 0; r < RUNS; ++r) {
    if (run[r] == 0.0) continue;
    const double before = cumulated;
    cumulated += run[r];
    if (cumulated <= target && r + 1 < RUNS) {
      last = r;
      continue;
    }
    double within = 0.0;
    uint32_t code = N;
    for (uint32_t i = r * RUN; i < (r + 1) * RUN; ++i) {
      if (weight[i] == 0.0) continue;
      within += weight[i];
      code = i;
      if (before + within > target) break;
    }
    return (uint8_t)code;
  }
  for (uint32_t i = (last + 1) * RUN; i-- > last * RUN;)
    if (weight[i] != 0.0) return (uint8_t)i;
  return 0;
}

CENOTE_RT uint8_t cn_sample(const CnKernels *kernels, const CnSampler *sampler, const float *logits,
                            double uniform)
{
  const uint8_t best = likeliest(logits);
  if (!(sampler->temperature > 0.0f)) return best;
  double weight[N];
  const double top = (double)logits[best];
  const double temperature = (double)sampler->temperature;
  double run[RUNS];
  kernels->weigh(weight, logits, top, temperature, N);
  if (sampler->top_k < N || sampler->top_p < 1.0f) narrow(sampler, logits, weight);
  return walk(weight, run, uniform * sum_runs(weight, run));
}

CENOTE_RT double cn_bits(const CnKernels *kernels, const float *logits, uint8_t code)
{
  double weight[N];
  double run[RUNS];
  const double top = (double)logits[likeliest(logits)];
  kernels->weigh(weight, logits, top, 1.0, N);
  return (cn_log(sum_runs(weight, run)) + (top - (double)logits[code])) * 1.4426950408889634074;
}
