// SPDX-License-Identifier: ISC
// Weights files that are damaged or made to harm: each is refused with one line that names the file
// and what in it is wrong. Each case is a good golden file with one thing changed.
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
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/// Load it if it can be, and then it must play.
static void load_and_play(void)
{
  CenoteModel *model;
  CenoteVoice *voice;
  float sound[64];
  CenoteError err = {""};
  if (cenote_model_load(hostile_file, &model, &err) != CENOTE_OK) {
    assert_non_null(strstr(err.text, hostile_file));
    return;
  }
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  cenote_voice_render(voice, sound, 64);
  for (int i = 0; i < 64; ++i) assert_true(fabsf(sound[i]) <= 1.0f);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
  (void)state;
  Parts parts = take_apart("tiny.safetensors");
  put_parts(&parts);
  drop(&parts);
  struct stat st;
  assert_int_equal(stat(hostile_file, &st), 0);
  for (off_t size = st.st_size - 1; size >= 0; size -= size < 40 ? 1 : 173) {
    assert_int_equal(truncate(hostile_file, size), 0);
    bad("", "");
  }
}

static void a_header_length_that_lies_is_refused(void **state)
{
  (void)state;
  Parts parts = take_apart("tiny.safetensors");
  char *text = json_dumps(parts.header, JSON_COMPACT);
  assert_non_null(text);
  const size_t size = strlen(text);
  const uint64_t lengths[] = {UINT64_MAX,           UINT64_MAX - 7,    UINT64_C(1) << 63,
                              UINT64_C(1) << 62,    UINT64_C(1) << 32, (16 << 20) + 1,
                              size + parts.size + 1};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; ++i) {
    put(lengths[i], text, size, parts.data, parts.size);
    bad("header length", "want at most");
  }
  const uint64_t near[] = {0, 1, size - 1, size + 1, size + parts.size};
  for (size_t i = 0; i < sizeof near / sizeof *near; ++i) {
    put(near[i], text, size, parts.data, parts.size);
    bad("header", "");
  }
  free(text);
  drop(&parts);
}

static void a_header_that_is_no_list_of_tensors_is_refused(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *what;
  } table[] = {
      {"", "too short"},
      {"hello", "header"},
      {"[]", "not a JSON object"},
      {"7", "header"},
      {"{}", "belong to no tensor"},
      {"{\"a\":", "header"},
      {"{\"a\\u0000b\":1}", "header"},
      {"{\"a\xff\":1}", "header"},
      {"{\"a\":7}", "a: no dtype"},
      {"{\"a\\nb\":7}", "a?b: no dtype"},
      {"{\"__metadata__\":[]}", "__metadata__ is not an object"},
      {"{\"__metadata__\":{\"a\":7}}", "__metadata__: a is not a string"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    put(strlen(table[i].text), table[i].text, strlen(table[i].text), "data", i > 0 ? 4 : 0);
    if (i == 0) assert_int_equal(truncate(hostile_file, 7), 0);
    bad(table[i].what, "");
  }
  // Deep, and long.
  enum { MANY = 1 << 20 };
  char *text = malloc(MANY + 64);
  assert_non_null(text);
  memset(text, '[', MANY);
  put(MANY, text, MANY, "", 0);
  bad("header", "");
  memset(text, 'x', MANY);
  memcpy(text, "{\"", 2);
  memcpy(text + MANY, "\":7}", 5);
  put(MANY + 4, text, MANY + 4, "", 0);
  bad("xxxx", "");
  free(text);
}

static void a_bad_tensor_entry_is_named(void **state)
{
  (void)state;
  static const struct {
    const char *tensor;
    const char *key;
    const char *json;
    const char *what;
  } table[] = {
      {"head.bias", "dtype", "\"F64\"", "dtype F64, want F32, F16 or BF16"},
      {"head.bias", "dtype", "\"I32\"", "dtype I32, want F32, F16 or BF16"},
      {"head.bias", "dtype", "\"F16\"", "1024 bytes of data, want 512"},
      {"head.bias", "dtype", "\"a dtype with a long name\"", "want F32, F16 or BF16"},
      {"head.bias", "dtype", "7", "no dtype"},
      {"head.bias", "shape", "[16, 16]", "shape [16, 16], want [256]"},
      {"head.weight", "shape", "[16, 256]", "shape [16, 256], want [256, 16]"},
      {"head.weight", "shape", "[1, 256, 16]", "shape [1, 256, 16], want [256, 16]"},
      {"head.bias", "shape", "[1152921504606846976]", "dimension 0 is 1152921504606846976"},
      {"head.bias", "shape", "[4294967296, 4294967296]", "dimension 0 is 4294967296"},
      {"head.bias", "shape", "[65536, 65536, 65536, 65536]", "dimension 1 is 65536"},
      {"head.bias", "shape", "[0, 1152921504606846976]", "1024 bytes of data, want 0"},
      {"head.bias", "shape", "[]", "1024 bytes of data, want 4"},
      {"head.bias", "shape", "[-256]", "not a whole number"},
      {"head.bias", "shape", "[256.0]", "not a whole number"},
      {"head.bias", "shape", "\"256\"", "not a list"},
      {"head.bias", "shape", "[1, 1, 1, 1, 1, 1, 1, 1, 256]", "at most 8"},
      {"head.bias", "data_offsets", "[0, 1028]", "1028 bytes of data, want 1024"},
      {"head.bias", "data_offsets", "[1024, 0]", "data_offsets [1024, 0] leave"},
      {"head.bias", "data_offsets", "[0, 1152921504606846976]", "leave"},
      {"head.bias", "data_offsets", "[9223372036854775807, 9223372036854775807]", "leave"},
      {"head.bias", "data_offsets", "[-4, 1020]", "not two whole numbers"},
      {"head.bias", "data_offsets", "[0]", "not two whole numbers"},
      {"head.bias", "data_offsets", "[0, 1024, 2048]", "not two whole numbers"},
      {"head.bias", "data_offsets", "{\"a\": 0, \"b\": 1024}", "not two whole numbers"},
      {"head.weight", "data_offsets", "[512, 16896]", "its data overlaps that of head.bias"},
      {"head.weight", "data_offsets", "[1020, 17404]", "its data overlaps that of head.bias"},
      {"head.weight", "data_offsets", "[1032, 17416]", "8 bytes of data before head.weight"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    Parts parts = take_apart("tiny.safetensors");
    set(entry(&parts, table[i].tensor), table[i].key, table[i].json);
    put_parts(&parts);
    bad(table[i].tensor, table[i].what);
    json_object_del(entry(&parts, table[i].tensor), table[i].key);
    put_parts(&parts);
    bad(table[i].tensor, table[i].key);
    drop(&parts);
  }
}

static void bytes_of_no_tensor_are_refused(void **state)
{
  (void)state;
  Parts parts = take_apart("tiny.safetensors");
  parts.data = realloc(parts.data, parts.size + 4);
  assert_non_null(parts.data);
  memset(parts.data + parts.size, 0, 4);
  parts.size += 4;
  put_parts(&parts);
  bad("4 bytes at the end belong to no tensor", "");
  drop(&parts);
}

static void missing_extra_and_double_tensors_are_refused(void **state)
{
  (void)state;
  char name[128];
  Parts parts = take_apart("mixed.safetensors");
  json_t *names = json_array();
  const char *key;
  json_t *value;
  json_object_foreach(parts.header, key, value) json_array_append_new(names, json_string(key));
  // Each tensor under another name is one that is missing and one too many.
  for (size_t i = 0; i < json_array_size(names); ++i) {
    key = json_string_value(json_array_get(names, i));
    if (strcmp(key, "__metadata__") == 0) continue;
    value = json_incref(entry(&parts, key));
    snprintf(name, sizeof name, "%s.", key);
    json_object_del(parts.header, key);
    json_object_set(parts.header, name, value);
    put_parts(&parts);
    bad("no tensor", key);
    json_object_del(parts.header, name);
    json_object_set_new(parts.header, key, value);
  }
  json_decref(names);
  set(parts.header, "more", "{\"dtype\": \"F32\", \"shape\": [0], \"data_offsets\": [0, 0]}");
  put_parts(&parts);
  bad("tensor more is not in the configuration", "");
  json_object_del(parts.header, "more");
  char *text = json_dumps(parts.header, JSON_COMPACT);
  char *twice = malloc(strlen(text) + 256);
  assert_true(text && twice);
  sprintf(twice, "{\"head.bias\":{\"dtype\":\"F32\",\"shape\":[256],\"data_offsets\":[0,1024]},%s",
          text + 1);
  put_text(twice, &parts);
  bad("duplicate", "head.bias");
  free(text);
  free(twice);
  drop(&parts);
}

static void numbers_that_are_not_finite_are_refused(void **state)
{
  (void)state;
  static const struct {
    const char *file;
    uint32_t bits;
    size_t size;
  } table[] = {
      {"tiny.safetensors", 0x7fc00000, 4}, {"tiny.safetensors", 0x7f800000, 4},
      {"tiny.safetensors", 0xff800000, 4}, {"tiny.safetensors", 0x7f800001, 4},
      {"f16.safetensors", 0x7c00, 2},      {"f16.safetensors", 0xfe00, 2},
      {"bf16.safetensors", 0x7f80, 2},     {"bf16.safetensors", 0xffc0, 2},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    Parts parts = take_apart(table[i].file);
    for (size_t k = 0; k < table[i].size; ++k)
      parts.data[7 * table[i].size + k] = (unsigned char)(table[i].bits >> (8 * k));
    put_parts(&parts);
    bad("head.bias", "value number 7 is not finite");
    drop(&parts);
  }
}

static void weights_that_overflow_play_silence(void **state)
{
  (void)state;
  enum { FRAMES = 2000 };
  Parts parts = take_apart("tiny.safetensors");
  const float huge = 3e38f;
  for (size_t i = 0; i < parts.size; i += 4) memcpy(parts.data + i, &huge, 4);
  put_parts(&parts);
  drop(&parts);
  CenoteModel *model;
  CenoteVoice *voice;
  CenoteError err = {""};
  static float sound[FRAMES];
  if (cenote_model_load(hostile_file, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  cenote_voice_render(voice, sound, FRAMES);
  assert_false(cenote_voice_finite(voice));
  for (int i = 0; i < FRAMES; ++i) assert_true(fabsf(sound[i]) <= 1.0f);
  assert_true(sound[FRAMES - 1] == 0.0f);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void any_byte_of_the_header_turned_is_refused_or_plays(void **state)
{
  (void)state;
  Parts parts = take_apart("f16.safetensors");
  char *text = json_dumps(parts.header, JSON_COMPACT);
  assert_non_null(text);
  const size_t size = strlen(text);
  for (size_t i = 0; i < size; i += 7) {
    const char was = text[i];
    text[i] = (char)(was ^ (i % 2 == 0 ? 1 : 0x12));
    put(size, text, size, parts.data, parts.size);
    text[i] = was;
    load_and_play();
  }
  free(text);
  drop(&parts);
}

static void what_is_no_file_is_refused_at_once(void **state)
{
  (void)state;
  refused("/nowhere/weights.safetensors", CENOTE_FILE_ERROR, "cannot open", "");
  refused(hostile_folder, CENOTE_FILE_ERROR, "not a regular file", "");
  refused("/dev/zero", CENOTE_FILE_ERROR, "not a regular file", "");
  refused("", CENOTE_FILE_ERROR, "cannot open", "");
  char fifo[80];
  snprintf(fifo, sizeof fifo, "%s/fifo", hostile_folder);
  assert_int_equal(mkfifo(fifo, 0600), 0);
  alarm(20); // a load that waits for a writer ends the test
  refused(fifo, CENOTE_FILE_ERROR, "not a regular file", "");
  alarm(0);
  unlink(fifo);
}

static void an_unreadable_file_is_refused(void **state)
{
  (void)state;
  put(0, "", 0, "", 0);
  assert_int_equal(chmod(hostile_file, 0), 0);
  // Root may read anything, so files are opened as nobody. One call on this thread alone: set*id
  // of a forked child waits for ever under some emulators.
  const int was = setfsuid(65534);
  refused(hostile_file, CENOTE_FILE_ERROR, "cannot open: Permission", "");
  setfsuid((uid_t)was);
  unlink(hostile_file);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_cut_anywhere_is_refused),
      cmocka_unit_test(a_header_length_that_lies_is_refused),
      cmocka_unit_test(a_header_that_is_no_list_of_tensors_is_refused),
      cmocka_unit_test(a_bad_tensor_entry_is_named),
      cmocka_unit_test(bytes_of_no_tensor_are_refused),
      cmocka_unit_test(missing_extra_and_double_tensors_are_refused),
      cmocka_unit_test(numbers_that_are_not_finite_are_refused),
      cmocka_unit_test(weights_that_overflow_play_silence),
      cmocka_unit_test(any_byte_of_the_header_turned_is_refused_or_plays),
      cmocka_unit_test(what_is_no_file_is_refused_at_once),
      cmocka_unit_test(an_unreadable_file_is_refused),
  };
  return cmocka_run_group_tests(tests, hostile_begin, hostile_end);
}
