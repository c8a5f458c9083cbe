// SPDX-License-Identifier: ISC
#include "round.h"

#include <math.h>
#include <string.h>

uint16_t cn_round_bf16(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/// Squared error of row[n] in multiples of scale; the multiples go to number.
static float round_by(const float *row, uint32_t n, float scale, int most, int8_t *number)
{
  const float inverse = 1.0f / scale;
  const float limit = (float)most;
  float error = 0.0f;
  for (uint32_t j = 0; j < n; ++j) {
    float whole = rintf(row[j] * inverse);
    whole = whole > limit ? limit : whole < -limit ? -limit : whole;
    const float off = row[j] - whole * scale;
    error += off * off;
    number[j] = (int8_t)whole;
  }
  return error;
}

static float round_group(const float *row, uint32_t n, int most, int8_t *number)
{
  float size = 0.0f;
  for (uint32_t j = 0; j < n; ++j)
    if (fabsf(row[j]) > size) size = fabsf(row[j]);
  if (!(size > 1e-30f)) {
    memset(number, 0, n);
    return 0.0f;
  }
  const float whole = size / (float)most;
  if (most > 7) {
    round_by(row, n, whole, most, number);
    return whole;
  }
  // With few steps a smaller scale that cuts the largest number is often better.
  float best = whole;
  float least = INFINITY;
  for (int i = 0; i <= 8; ++i) {
    const float scale = whole * (1.0f - 0.04f * (float)i);
    const float error = round_by(row, n, scale, most, number);
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  round_by(row, n, best, most, number);
  return best;
}

void cn_round_row(const float *row, uint32_t cols, uint32_t groups, int most, int8_t *number,
                  float *scale)
{
  const uint32_t each = cols / groups;
  for (uint32_t g = 0; g < groups; ++g)
    scale[g] = round_group(row + (size_t)g * each, each, most, number + (size_t)g * each);
}
