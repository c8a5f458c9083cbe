// SPDX-License-Identifier: ISC
// Flax checkpoints: the golden one becomes the golden weights; damaged and foreign ones are refused
// with a line that names them, and what was at the output stays.
#include "golden.h"

#include "flax.h"
#include "msgpack.h"
#include "weights.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char output[] = "test_flax.safetensors";
static unsigned char *checkpoint;
static size_t size;

static int read_checkpoint(void **state)
{
  (void)state;
  char path[512];
  golden_path("flax_small.msgpack", path);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) return -1;
  size = (size_t)ftell(file);
  rewind(file);
  checkpoint = malloc(size);
  const size_t got = checkpoint ? fread(checkpoint, 1, size, file) : 0;
  fclose(file);
  return got == size ? 0 : -1;
}

static int forget_checkpoint(void **state)
{
  (void)state;
  free(checkpoint);
  unlink(output);
  return 0;
}

static FlaxOptions golden_options(void)
{
  FlaxOptions options = flax_defaults;
  options.min_max_scaling = true;
  return options;
}

static void the_golden_checkpoint_becomes_the_golden_weights(void **state)
{
  (void)state;
  char path[512];
  CenoteError err = {""};
  CnWeights made;
  CnWeights want;
  const FlaxOptions options = golden_options();
  golden_path("flax_small.msgpack", path);
  if (flax_import(path, output, &options, &err) != CENOTE_OK) fail_msg("%s", err.text);
  assert_int_equal(cn_weights_load(output, &made, &err), CENOTE_OK);
  golden_path("flax_small.safetensors", path);
  assert_int_equal(cn_weights_load(path, &want, &err), CENOTE_OK);
  assert_string_equal(made.config_json, want.config_json);
  assert_int_equal(made.params.size, want.params.size);
  for (size_t i = 0; i < want.params.size; ++i) {
    const CnParam *param = &want.params.param[i];
    const float *values = cn_weights_get(&made, param->name);
    assert_non_null(values);
    assert_memory_equal(values, want.data + param->offset, param->count * sizeof *values);
  }
  assert_true(made.hash == want.hash);
  cn_weights_clear(&made);
  cn_weights_clear(&want);
}

/// Bits of the golden codes by the weights at `output`.
static double bits_of(const Golden *golden, float *logits)
{
  CenoteModel *model;
  CenoteVoice *voice;
  CenoteError err = {""};
  if (cenote_model_load(output, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  const double bits = cenote_voice_listen(voice, golden->codes, (uint32_t)golden->steps, logits);
  cenote_voice_free(voice);
  cenote_model_free(model);
  return bits / (double)golden->steps;
}

static void averaged_and_raw_weights_give_their_golden_answers(void **state)
{
  (void)state;
  for (int raw = 0; raw < 2; ++raw) {
    char path[512];
    CenoteError err = {""};
    FlaxOptions options = golden_options();
    options.raw = raw != 0;
    golden_path("flax_small.msgpack", path);
    assert_int_equal(flax_import(path, output, &options, &err), CENOTE_OK);
    Golden golden = golden_open(raw ? "flax_small.raw" : "flax_small");
    float *logits = malloc(golden.steps * CENOTE_CLASSES * sizeof *logits);
    assert_non_null(logits);
    const double bits = bits_of(&golden, logits);
    // Limits of tests/golden/README.md.
    assert_true(golden_distance(logits, golden.logits, golden.steps * CENOTE_CLASSES) < 1e-3);
    assert_true(fabs(bits - (double)golden.nll_bits) < 1e-5);
    free(logits);
    golden_close(&golden);
  }
}

static void write_sentinel(void)
{
  FILE *file = fopen(output, "wb");
  assert_non_null(file);
  assert_true(fputs("kept", file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static void expect_sentinel(void)
{
  char text[8] = "";
  FILE *file = fopen(output, "rb");
  assert_non_null(file);
  assert_int_equal(fread(text, 1, sizeof text - 1, file), 4);
  fclose(file);
  assert_string_equal(text, "kept");
}

/// The bytes are refused; the line names the file and holds `text`.
static void expect_refused(const unsigned char *bytes, size_t count, const char *text)
{
  CenoteError err = {""};
  const FlaxOptions options = golden_options();
  assert_int_equal(flax_import_bytes("run_7", bytes, count, output, &options, &err),
                   CENOTE_BAD_MODEL);
  if (strncmp(err.text, "run_7: ", 7) != 0 || !strstr(err.text, text) || strchr(err.text, '\n'))
    fail_msg("no '%s' in: %s", text, err.text);
}

static void a_checkpoint_cut_anywhere_is_refused(void **state)
{
  (void)state;
  write_sentinel();
  // Each cut near both ends, where the maps are; a stride of a prime between.
  for (size_t cut = 0; cut < size; cut += cut < 3000 || cut > size - 3000 ? 1 : 41) {
    // A copy of its own, so that a sanitizer sees a byte read too many.
    unsigned char *copy = malloc(cut + (cut == 0));
    assert_non_null(copy);
    memcpy(copy, checkpoint, cut);
    expect_refused(copy, cut, "cut off at byte");
    free(copy);
  }
  expect_refused(checkpoint, 40, "weights/params/cls_head/final/bias: ");
  expect_sentinel();
}

/// The golden checkpoint with a piece of weights_ema replaced by another of the same length.
static unsigned char *patched(const char *from, const char *to, size_t length)
{
  unsigned char *copy = malloc(size);
  assert_non_null(copy);
  memcpy(copy, checkpoint, size);
  bool averaged = false;
  for (size_t i = 0; i + length <= size; ++i) {
    averaged = averaged || memcmp(copy + i, "weights_ema", 11) == 0;
    if (!averaged || memcmp(copy + i, from, length) != 0) continue;
    memcpy(copy + i, to, length);
    return copy;
  }
  fail_msg("no '%s' to replace", from);
  return copy;
}

static void a_foreign_checkpoint_is_refused_by_name(void **state)
{
  (void)state;
  static const struct {
    const char *from;
    const char *to;
    size_t length;
    const char *text;
  } cases[] = {
      {"LayerNorm_0", "LayerNorm_7", 11, "LayerNorm_7/bias: a Poolformer has no such weights"},
      {"RGLRU_0", "RGLRU_1", 7, "RGLRU_1/"},
      {"cls_head", "cls_tail", 8, "weights_ema/params/cls_tail/final/bias: "},
      {"norm\x82", "horn\x82", 5, "no weights_ema/params/norm/scale"},
      {"inner_layer", "inner_lager", 11, "inner_lager"},
      {"\x92\x0c\x18\xa7", "\x92\x18\x0c\xa7", 4, "/kernel: shape (24, 12), want (12, 24)"},
      {"\x92\x0c\x18\xa7", "\x92\x0c\x19\xa7", 4, "values are not as many as its shape says"},
      {"\x91\x0c\xa7"
       "float32",
       "\x91\x0c\xa7"
       "\x66loat99",
       10, "an array of an unknown type"},
      {"\x91\xcd\x01\x00\xa7"
       "float32",
       "\x91\xcd\x01\x00\xa7"
       "uint32\0",
       12, "values are uint32, want float32"},
      {"up_blocks_1", "up_blocks_0", 11, "are one thing"},
      {"up_blocks_1", "up_blocks_9", 11, "nothing in it for levels."},
      {"up_blocks_1", "xp_blocks_1", 11, "xp_blocks_1/"},
  };
  write_sentinel();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    unsigned char *copy = patched(cases[i].from, cases[i].to, cases[i].length);
    expect_refused(copy, size, cases[i].text);
    free(copy);
  }
  expect_sentinel();
}

static void what_is_no_checkpoint_is_refused(void **state)
{
  (void)state;
  static const struct {
    const char *bytes;
    size_t count;
    const char *text;
  } cases[] = {
      {"", 0, "cut off at byte 0"},
      {"\xc1", 1, "not MessagePack"},
      {"\x80", 1, "no weights_ema/params/norm/scale"},
      {"\x81\x01\x02", 3, "a key that is not text"},
      {"\x81\xa1"
       "a\xc0\x00",
       5, "bytes after the end"},
      {"\xdf\xff\xff\xff\xff", 5, "cut off"},
      {"\x81\xa1"
       "a\xdd\xff\xff\xff\xff",
       8, "a: cut off"},
      {"\x81\xa1\x00\x02", 4, "a key with a zero byte"},
      {"\x81\xa1"
       "a\xc7\x00\x01",
       6, "a: cut off"},
      {"\x81\xa1"
       "a\xd6\x01\x93\x99\x01\x02",
       9, "shape is not a list of at most 8"},
      {"\x81\xa1"
       "a\xd6\x01\x93\x91\xff\x02",
       9, "what is not a whole number"},
      {"\x81\xa1"
       "a\xd7\x01\x93\x92\xce\xff\xff\xff\xff\x02",
       13, "larger than the file"},
  };
  write_sentinel();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
    expect_refused((const unsigned char *)cases[i].bytes, cases[i].count, cases[i].text);
  unsigned char deep[600];
  for (size_t i = 0; i + 3 <= sizeof deep; i += 3) memcpy(deep + i, "\x81\xa1x", 3);
  expect_refused(deep, sizeof deep, "too deep");
  memset(deep + 3, 0x91, sizeof deep - 3);
  expect_refused(deep, sizeof deep, "too deep");
  expect_sentinel();
}

static void flipped_bytes_never_harm(void **state)
{
  (void)state;
  const FlaxOptions options = golden_options();
  unsigned char *copy = malloc(size);
  assert_non_null(copy);
  uint32_t random = 1;
  size_t refused = 0;
  enum { TRIES = 1500 };
  for (int i = 0; i < TRIES; ++i) {
    memcpy(copy, checkpoint, size);
    for (int k = 0; k < 3; ++k) {
      random = random * 1664525u + 1013904223u;
      copy[(random >> 4) % (i % 2 ? 2000 : size)] = (unsigned char)(random >> 24);
    }
    CenoteError err = {""};
    const CenoteStatus status = flax_import_bytes("run_7", copy, size, output, &options, &err);
    refused += status != CENOTE_OK;
    if (status != CENOTE_OK && strncmp(err.text, "run_7: ", 7) != 0) fail_msg("%s", err.text);
  }
  assert_in_range(refused, TRIES / 20, TRIES);
  free(copy);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_golden_checkpoint_becomes_the_golden_weights),
      cmocka_unit_test(averaged_and_raw_weights_give_their_golden_answers),
      cmocka_unit_test(a_checkpoint_cut_anywhere_is_refused),
      cmocka_unit_test(a_foreign_checkpoint_is_refused_by_name),
      cmocka_unit_test(what_is_no_checkpoint_is_refused),
      cmocka_unit_test(flipped_bytes_never_harm),
  };
  return cmocka_run_group_tests(tests, read_checkpoint, forget_checkpoint);
}
