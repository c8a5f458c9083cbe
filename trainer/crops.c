// SPDX-License-Identifier: ISC
#include "crops.h"

#include "hash.h"
#include "rt/philox.h"

#include <stdlib.h>
#include <string.h>

CenoteStatus crops_new(const DataSet *set, uint64_t seed, uint32_t length, Crops *out)
{
  // The seed also draws the dropout and the first weights: not with the same numbers.
  *out = (Crops){.set = set, .seed = cn_hash(seed, "crops", 5), .length = length};
  out->ends = malloc(set->clips * sizeof *out->ends);
  out->order = malloc(set->clips * sizeof *out->order);
  if (!out->ends || !out->order) {
    crops_clear(out);
    return CENOTE_NO_MEMORY;
  }
  uint64_t end = 0;
  for (size_t i = 0; i < set->clips; ++i) out->ends[i] = end += set->clip[i].count;
  return CENOTE_OK;
}

void crops_clear(Crops *crops)
{
  free(crops->ends);
  free(crops->order);
  *crops = (Crops){0};
}

/// A whole number below `bound`, from 64 random bits; the bias is below 2^-20 for any data in
/// memory.
static uint64_t below(uint64_t random, uint64_t bound)
{
  return random % bound;
}

static void take(const DataClip *clip, uint64_t begin, uint32_t length, uint8_t baseline,
                 uint8_t *codes, uint32_t *valid)
{
  const uint64_t left = clip->count - begin;
  *valid = left < length ? (uint32_t)left : length;
  memcpy(codes, clip->codes + begin, *valid);
  memset(codes + *valid, baseline, length - *valid);
}

void crops_draw(const Crops *crops, uint64_t index, uint8_t baseline, uint8_t *codes,
                uint32_t *valid)
{
  uint32_t word[4];
  cn_philox(crops->seed, index, word);
  const uint64_t at = below((uint64_t)word[1] << 32 | word[0], crops->set->count);
  size_t low = 0; // the first clip that ends past `at`
  for (size_t high = crops->set->clips - 1; low < high;) {
    const size_t middle = (low + high) / 2;
    if (crops->ends[middle] > at) high = middle;
    else low = middle + 1;
  }
  const DataClip *clip = &crops->set->clip[low];
  uint64_t begin = 0;
  if (clip->count > crops->length)
    begin = below((uint64_t)word[3] << 32 | word[2], clip->count - crops->length + 1);
  take(clip, begin, crops->length, baseline, codes, valid);
}

/// order[clips] of one round of a row: a shuffle of its own.
static void shuffle(const Crops *crops, uint64_t round, uint32_t row)
{
  const uint64_t clips = crops->set->clips;
  const uint64_t key = cn_hash(crops->seed ^ round, &row, sizeof row);
  for (uint64_t i = 0; i < clips; ++i) crops->order[i] = i;
  for (uint64_t i = clips - 1; i > 0; --i) {
    uint32_t word[4];
    cn_philox(key, i, word);
    const uint64_t other = below((uint64_t)word[1] << 32 | word[0], i + 1);
    const uint64_t kept = crops->order[i];
    crops->order[i] = crops->order[other];
    crops->order[other] = kept;
  }
}

void crops_walk(const Crops *crops, uint64_t step, uint32_t row, uint8_t baseline, uint8_t *codes,
                uint32_t *valid, bool *fresh)
{
  const DataSet *set = crops->set;
  uint64_t round_pieces = 0;
  for (size_t i = 0; i < set->clips; ++i)
    round_pieces += (set->clip[i].count + crops->length - 1) / crops->length;
  uint64_t piece = step % round_pieces;
  shuffle(crops, step / round_pieces, row);
  const DataClip *clip = NULL;
  for (size_t i = 0; i < set->clips; ++i) {
    clip = &set->clip[crops->order[i]];
    const uint64_t pieces = (clip->count + crops->length - 1) / crops->length;
    if (piece < pieces) break;
    piece -= pieces;
  }
  *fresh = piece == 0;
  take(clip, piece * crops->length, crops->length, baseline, codes, valid);
}
