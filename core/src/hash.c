// SPDX-License-Identifier: ISC
// Eight bytes at a time, each multiplied in by an odd constant and folded: a change of any bit
// reaches every bit of the result.
#include "hash.h"

#include <string.h>

static uint64_t fold(uint64_t x)
{
  x ^= x >> 32;
  x *= UINT64_C(0xd6e8feb86659fd93);
  x ^= x >> 29;
  return x;
}

uint64_t cn_hash(uint64_t seed, const void *bytes, size_t size)
{
  const unsigned char *at = bytes;
  uint64_t hash = fold(seed ^ (uint64_t)size);
  for (; size >= 8; size -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    hash = fold(hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  }
  uint64_t tail = 0;
  memcpy(&tail, at, size);
  return fold(hash ^ tail);
}
