// SPDX-License-Identifier: ISC
// Weights rounded to fewer bits, at load time.
#ifndef CN_ROUND_H
#define CN_ROUND_H

#include <stdint.h>

enum { CN_GROUP = 32 }; ///< columns of a group of 4-bit weights, and the finest of 8-bit ones

/// bfloat16 bits of a finite number, half to even.
uint16_t cn_round_bf16(float x);

/// number[cols] and scale[groups] of row[cols]: whole numbers in -most..most, times the scale of
/// their run of columns. The scale is the one, of a few about the largest number's, that leaves the
/// least squared error. `groups` divides cols.
void cn_round_row(const float *row, uint32_t cols, uint32_t groups, int most, int8_t *number,
                  float *scale);

#endif
