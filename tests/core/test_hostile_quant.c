// SPDX-License-Identifier: ISC
// Weights files with int8 in them that are damaged or made to harm. Each is what `cenote quantize`
// writes with one thing changed.
#include "golden.h"
#include "hostile.h"

#include <cenote/cenote.h>

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static Parts int8_parts(const char *name)
{
  char path[512];
  golden_path(name, path);
  CenoteError err = {""};
  if (cenote_quantize(path, hostile_file, CENOTE_INT8, 1, NULL, 0, &err) != CENOTE_OK)
    fail_msg("%s", err.text);
  return take_apart_file(hostile_file);
}

/// The first byte of a tensor.
static unsigned char *spot(const Parts *parts, const char *name)
{
  const json_t *offsets = json_object_get(entry(parts, name), "data_offsets");
  return parts->data + json_integer_value(json_array_get(offsets, 0));
}

/// Take a tensor out, data and all.
static void cut(Parts *parts, const char *name)
{
  const json_t *offsets = json_object_get(entry(parts, name), "data_offsets");
  const json_int_t begin = json_integer_value(json_array_get(offsets, 0));
  const json_int_t end = json_integer_value(json_array_get(offsets, 1));
  json_object_del(parts->header, name);
  memmove(parts->data + begin, parts->data + end, parts->size - (size_t)end);
  parts->size -= (size_t)(end - begin);
  const char *key;
  json_t *value;
  json_object_foreach(parts->header, key, value)
  {
    json_t *other = json_object_get(value, "data_offsets");
    for (size_t i = 0; i < json_array_size(other); ++i) {
      const json_int_t at = json_integer_value(json_array_get(other, i));
      if (at >= end) json_array_set_new(other, i, json_integer(at - (end - begin)));
    }
  }
}

/// Put one in, of zeros, at the end.
static void add(Parts *parts, const char *name, const char *dtype, const char *shape, size_t size)
{
  char text[256];
  snprintf(text, sizeof text, "{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}", dtype,
           shape, parts->size, parts->size + size);
  set(parts->header, name, text);
  parts->data = realloc(parts->data, parts->size + size + 1);
  assert_non_null(parts->data);
  memset(parts->data + parts->size, 0, size);
  parts->size += size;
}

static void a_file_cut_anywhere_is_refused(void **state)
{
  (void)state;
  Parts parts = int8_parts("tiny.safetensors");
  drop(&parts);
  struct stat st;
  assert_int_equal(stat(hostile_file, &st), 0);
  for (off_t size = st.st_size - 1; size >= 0; size -= size < 40 ? 1 : 173) {
    assert_int_equal(truncate(hostile_file, size), 0);
    bad("", "");
  }
}

static void a_bad_scale_or_matrix_is_named(void **state)
{
  (void)state;
  static const struct {
    const char *tensor;
    const char *dtype;
    const char *shape;
    size_t size;
    const char *what;
  } table[] = {
      {"head.weight.scale", "F32", "[256]", 1024, "shape [256], want [256, groups]"},
      {"head.weight.scale", "F32", "[1, 256]", 1024, "shape [1, 256], want [256, groups]"},
      {"head.weight.scale", "F32", "[255, 1]", 1020, "shape [255, 1], want [256, groups]"},
      {"head.weight.scale", "F32", "[256, 1, 1]", 1024, "shape [256, 1, 1], want [256, groups]"},
      {"head.weight.scale", "F32", "[256, 0]", 0, "shape [256, 0], want [256, groups]"},
      {"head.weight.scale", "F32", "[256, 2]", 2048, "parts of the 32 columns"}, // of 16
      {"head.weight.scale", "F32", "[256, 3]", 3072, "parts of the 32 columns"},
      {"head.weight.scale", "F32", "[256, 8]", 8192, "parts of the 32 columns"},
      {"head.weight.scale", "F32", "[256, 33]", 33792, "parts of the 32 columns"},
      {"head.weight.scale", "F16", "[256, 1]", 512, "dtype F16, want F32"},
      {"head.weight.scale", "I8", "[256, 1]", 256, "dtype I8, want F32"},
      {"head.weight", "I8", "[32, 256]", 8192, "shape [32, 256], want [256, 32]"},
      {"head.weight", "U8", "[256, 32]", 8192, "dtype U8, want F32, F16 or BF16"},
      {"head.bias", "I8", "[256]", 256, "dtype I8, want F32, F16 or BF16"},
      {"levels.0.downpool.weight", "I8", "[32, 4]", 128, "dtype I8, want F32, F16 or BF16"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    Parts parts = int8_parts("longer.safetensors");
    if (strcmp(table[i].dtype, "U8") == 0) cut(&parts, "head.weight.scale");
    cut(&parts, table[i].tensor);
    add(&parts, table[i].tensor, table[i].dtype, table[i].shape, table[i].size);
    put_parts(&parts);
    bad(table[i].tensor, table[i].what);
    drop(&parts);
  }
}

static void missing_and_extra_scales_are_refused(void **state)
{
  (void)state;
  char text[128];
  Parts whole = int8_parts("tiny.safetensors");
  const char *key;
  json_t *value;
  size_t scales = 0;
  json_object_foreach(whole.header, key, value)
  {
    const char *end = strstr(key, ".scale");
    if (!end) continue;
    Parts parts = int8_parts("tiny.safetensors");
    cut(&parts, key);
    put_parts(&parts);
    snprintf(text, sizeof text, "no tensor %s, want F32 [%d, groups]", key,
             (int)json_integer_value(json_array_get(json_object_get(value, "shape"), 0)));
    bad(text, "");
    drop(&parts);
    ++scales;
  }
  assert_true(scales > 30);
  drop(&whole);
  Parts parts = int8_parts("tiny.safetensors");
  add(&parts, "head.bias.scale", "F32", "[256, 1]", 1024);
  put_parts(&parts);
  bad("tensor head.bias.scale is not in the configuration", "");
  drop(&parts);
  // Scales beside a matrix of floats scale nothing.
  parts = take_apart("tiny.safetensors");
  set(entry(&parts, "__metadata__"), "format_version", "\"2\"");
  put_parts(&parts);
  CenoteModel *model;
  CenoteError err = {""};
  if (cenote_model_load(hostile_file, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  cenote_model_free(model);
  add(&parts, "head.weight.scale", "F32", "[256, 1]", 1024);
  put_parts(&parts);
  bad("tensor head.weight.scale is not in the configuration", "");
  drop(&parts);
}

static void version_1_holds_no_int8(void **state)
{
  (void)state;
  Parts parts = int8_parts("tiny.safetensors");
  set(entry(&parts, "__metadata__"), "format_version", "\"1\"");
  put_parts(&parts);
  bad(".scale is not in the configuration", "");
  drop(&parts);
  parts = take_apart("tiny.safetensors");
  cut(&parts, "head.weight");
  add(&parts, "head.weight", "I8", "[256, 16]", 4096);
  put_parts(&parts);
  bad("head.weight", "dtype I8, want F32, F16 or BF16");
  drop(&parts);
}

static void scales_that_are_none_are_refused(void **state)
{
  (void)state;
  static const struct {
    uint32_t bits;
    const char *what;
  } table[] = {
      {0x7fc00000, "nan, want a scale"},     {0xffc00000, "nan, want a scale"},
      {0x7f800000, "value number 7 is inf"}, {0xff800000, "value number 7 is -inf"},
      {0xbf800000, "value number 7 is -1"},  {0x80000001, "value number 7 is -1.4013e-45"},
      {0x7f7fffff, "is not finite"}, // its products
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    Parts parts = int8_parts("tiny.safetensors");
    memcpy(spot(&parts, "head.weight.scale") + 28, &table[i].bits, 4);
    put_parts(&parts);
    bad("head.weight", table[i].what);
    drop(&parts);
  }
  const uint32_t good[] = {0, 1, 0x80000000}; // zeros and a subnormal number
  for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
    Parts parts = int8_parts("tiny.safetensors");
    memcpy(spot(&parts, "head.weight.scale") + 28, &good[i], 4);
    put_parts(&parts);
    drop(&parts);
    CenoteModel *model;
    CenoteError err = {""};
    if (cenote_model_load(hostile_file, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
    cenote_model_free(model);
  }
}

static void minus_128_is_refused(void **state)
{
  (void)state;
  Parts parts = int8_parts("tiny.safetensors");
  spot(&parts, "levels.0.down.0.out.weight")[5] = 0x80;
  put_parts(&parts);
  bad("levels.0.down.0.out.weight", "value number 5 is -128, want -127 to 127");
  drop(&parts);
}

static uint64_t hash_of(const Parts *parts)
{
  CenoteModel *model;
  CenoteError err = {""};
  put_parts(parts);
  if (cenote_model_load(hostile_file, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  const uint64_t hash = cenote_model_info(model)->hash;
  cenote_model_free(model);
  return hash;
}

static void another_number_or_scale_is_another_model(void **state)
{
  (void)state;
  Parts parts = int8_parts("tiny.safetensors");
  const uint64_t hash = hash_of(&parts);
  spot(&parts, "levels.0.up.1.mlp.weight")[9] ^= 2; // 1 would make -127 -128
  assert_true(hash_of(&parts) != hash);
  spot(&parts, "levels.0.up.1.mlp.weight")[9] ^= 2;
  spot(&parts, "levels.0.up.1.mlp.weight.scale")[12] ^= 1;
  assert_true(hash_of(&parts) != hash);
  spot(&parts, "levels.0.up.1.mlp.weight.scale")[12] ^= 1;
  assert_true(hash_of(&parts) == hash);
  drop(&parts);
}

static void any_other_bytes_play(void **state)
{
  (void)state;
  enum { FRAMES = 500 };
  static float sound[FRAMES];
  Parts parts = int8_parts("tiny.safetensors");
  const char *key;
  json_t *value;
  uint32_t seed = 1;
  json_object_foreach(parts.header, key, value)
  {
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    if (!dtype || strcmp(dtype, "I8") != 0) continue;
    const json_t *offsets = json_object_get(value, "data_offsets");
    const json_int_t end = json_integer_value(json_array_get(offsets, 1));
    for (unsigned char *at = spot(&parts, key); at < parts.data + end; ++at) {
      seed = seed * 1664525 + 1013904223;
      *at = (unsigned char)(seed >> 24) == 0x80 ? 0x7f : (unsigned char)(seed >> 24);
    }
  }
  put_parts(&parts);
  drop(&parts);
  for (CenotePrecision p = CENOTE_F32; p <= CENOTE_INT4; ++p) {
    CenoteModel *model;
    CenoteVoice *voice;
    CenoteError err = {""};
    if (cenote_model_load_as(hostile_file, p, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
    assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
    cenote_voice_render(voice, sound, FRAMES);
    for (int i = 0; i < FRAMES; ++i) assert_true(fabsf(sound[i]) <= 1.0f);
    cenote_voice_free(voice);
    cenote_model_free(model);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_cut_anywhere_is_refused),
      cmocka_unit_test(a_bad_scale_or_matrix_is_named),
      cmocka_unit_test(missing_and_extra_scales_are_refused),
      cmocka_unit_test(version_1_holds_no_int8),
      cmocka_unit_test(scales_that_are_none_are_refused),
      cmocka_unit_test(minus_128_is_refused),
      cmocka_unit_test(another_number_or_scale_is_another_model),
      cmocka_unit_test(any_other_bytes_play),
  };
  return cmocka_run_group_tests(tests, hostile_begin, hostile_end);
}
