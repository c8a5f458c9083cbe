// SPDX-License-Identifier: ISC
// Random numbers without a state: number n of a seed can be had at any time, in any order.
#include "rt/philox.h"

CENOTE_RT void cn_philox(uint64_t key, uint64_t counter, uint32_t out[static 4])
{
  uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0};
  uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = UINT64_C(0xd2511f53) * c[0];
    const uint64_t b = UINT64_C(0xcd9e8d57) * c[2];
    c[0] = (uint32_t)(b >> 32) ^ c[1] ^ k[0];
    c[1] = (uint32_t)b;
    c[2] = (uint32_t)(a >> 32) ^ c[3] ^ k[1];
    c[3] = (uint32_t)a;
    k[0] += 0x9e3779b9u;
    k[1] += 0xbb67ae85u;
  }
  for (int i = 0; i < 4; ++i) out[i] = c[i];
}

CENOTE_RT double cn_uniform(uint64_t key, uint64_t counter)
{
  uint32_t word[4];
  cn_philox(key, counter, word);
  return (double)(((uint64_t)word[1] << 32 | word[0]) >> 11) * 0x1p-53;
}
