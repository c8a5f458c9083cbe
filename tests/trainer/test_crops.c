// SPDX-License-Identifier: ISC
// Crops: a function of seed and index; walks: every piece once a round.
#include "crops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/// Two clips of codes that say where they stand: clip << 7 | position.
static void make_clips(DataSet *set, DataClip clip[2], uint8_t codes[2][128])
{
  for (int i = 0; i < 2; ++i)
    for (int t = 0; t < 128; ++t) codes[i][t] = (uint8_t)(i << 7 | t);
  clip[0] = (DataClip){NULL, codes[0], 100};
  clip[1] = (DataClip){NULL, codes[1], 20};
  *set = (DataSet){clip, 2, 120};
}

static void crops_are_a_function_of_seed_and_index(void **state)
{
  (void)state;
  enum { LENGTH = 30, DRAWS = 6000 };
  DataSet set;
  DataClip clip[2];
  uint8_t codes[2][128];
  make_clips(&set, clip, codes);
  Crops crops;
  Crops other;
  assert_int_equal(crops_new(&set, 5, LENGTH, &crops), CENOTE_OK);
  assert_int_equal(crops_new(&set, 6, LENGTH, &other), CENOTE_OK);
  size_t first = 0;
  size_t same = 0;
  bool began[71] = {false};
  for (uint64_t index = 0; index < DRAWS; ++index) {
    uint8_t a[LENGTH];
    uint8_t b[LENGTH];
    uint32_t valid;
    uint32_t again;
    crops_draw(&crops, index, 128, a, &valid);
    crops_draw(&other, index, 128, b, &again);
    same += memcmp(a, b, LENGTH) == 0;
    crops_draw(&crops, index, 128, b, &again);
    assert_memory_equal(a, b, LENGTH);
    assert_int_equal(valid, a[0] < 128 ? LENGTH : 20);
    for (uint32_t t = 1; t < valid; ++t) assert_int_equal(a[t], a[0] + t);
    for (uint32_t t = valid; t < LENGTH; ++t) assert_int_equal(a[t], 128);
    if (a[0] >= 128) continue;
    ++first;
    assert_in_range(a[0], 0, 70);
    began[a[0]] = true;
  }
  for (int i = 0; i < 71; ++i) assert_true(began[i]);
  assert_in_range(first, DRAWS * 78 / 100, DRAWS * 88 / 100); // 100 of 120 codes; 10 sigma
  assert_in_range(same, 0, DRAWS / 10);
  crops_clear(&crops);
  crops_clear(&other);
}

static void walks_meet_every_piece_once_a_round(void **state)
{
  (void)state;
  enum { LENGTH = 30, PIECES = 5 };
  DataSet set;
  DataClip clip[2];
  uint8_t codes[2][128];
  make_clips(&set, clip, codes);
  Crops crops;
  assert_int_equal(crops_new(&set, 5, LENGTH, &crops), CENOTE_OK);
  size_t begun_with[2] = {0};
  for (uint32_t row = 0; row < 16; ++row) {
    for (uint64_t round = 0; round < 2; ++round) {
      uint32_t sum = 0;
      for (uint64_t piece = 0; piece < PIECES; ++piece) {
        uint8_t a[LENGTH];
        uint32_t valid;
        bool fresh;
        crops_walk(&crops, round * PIECES + piece, row, 128, a, &valid, &fresh);
        assert_int_equal(fresh, a[0] % 128 == 0);
        if (piece == 0) ++begun_with[a[0] >> 7];
        sum += valid;
      }
      assert_int_equal(sum, 120);
    }
  }
  assert_true(begun_with[0] > 4 && begun_with[1] > 4);
  crops_clear(&crops);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(crops_are_a_function_of_seed_and_index),
      cmocka_unit_test(walks_meet_every_piece_once_a_round),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
