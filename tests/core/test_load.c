// SPDX-License-Identifier: ISC
// Loading when memory runs out, writing and reading a file back, finding presets.
#include "fail_alloc.h"
#include "golden.h"

#include "rt/resample.h"
#include "safetensors.h"
#include "weights.h"

#include <cenote/cenote.h>

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

static void each_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
  (void)state;
  char path[512];
  golden_path("mixed.safetensors", path);
  CenoteModel *model;
  fail_alloc_at(SIZE_MAX);
  assert_int_equal(cenote_model_load(path, &model, NULL), CENOTE_OK);
  const size_t count = fail_alloc_count();
  cenote_model_free(model);
  assert_true(count > 10);
  for (size_t i = 0; i < count; ++i) {
    CenoteError err = {""};
    fail_alloc_at(i);
    const CenoteStatus status = cenote_model_load(path, &model, &err);
    fail_alloc_at(SIZE_MAX);
    assert_int_equal(status, CENOTE_NO_MEMORY);
    assert_null(model);
    assert_non_null(strstr(err.text, path));
  }
}

static void a_voice_or_resampler_without_memory_is_an_error(void **state)
{
  (void)state;
  char path[512];
  golden_path("tiny.safetensors", path);
  CenoteModel *model;
  CenoteVoice *voice;
  CenoteResampler *resampler;
  assert_int_equal(cenote_model_load(path, &model, NULL), CENOTE_OK);
  fail_alloc_at(0);
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_NO_MEMORY);
  assert_null(voice);
  fail_alloc_at(0);
  assert_int_equal(cenote_resampler_new(16000, 48000, CENOTE_LIVE, &resampler), CENOTE_NO_MEMORY);
  assert_null(resampler);
  fail_alloc_at(SIZE_MAX);
  assert_int_equal(cenote_resampler_new(0, 48000, CENOTE_LIVE, &resampler), CENOTE_BAD_ARGUMENT);
  assert_int_equal(cenote_resampler_new(1, 48000, CENOTE_LIVE, &resampler), CENOTE_BAD_ARGUMENT);
  assert_int_equal(cenote_resampler_new((double)NAN, 48000, CENOTE_LIVE, &resampler),
                   CENOTE_BAD_ARGUMENT);
  cenote_resampler_free(NULL);
  cenote_model_free(model);
}

/// Every block and every multiply-add is in one row, and no row is twice there.
static void check_profile(const CenoteModel *model, const CenoteLayerTime *row, size_t count)
{
  const CenoteModelInfo *info = cenote_model_info(model);
  uint32_t blocks[16] = {0};
  double macs = 0.0;
  double bytes = 0.0;
  double us = 0.0;
  for (size_t i = 0; i < count; ++i) {
    assert_true(row[i].level < info->levels && row[i].blocks > 0 && row[i].us >= 0.0);
    assert_true(i == 0 || row[i].level > row[i - 1].level || row[i].layer > row[i - 1].layer);
    assert_true(strlen(cenote_layer_name(row[i].layer)) >= 3);
    if (row[i].layer <= CENOTE_LAYER_MLP) blocks[row[i].level] += row[i].blocks;
    macs += row[i].macs;
    bytes += row[i].bytes;
    us += row[i].us;
  }
  CenoteLevelInfo level;
  for (uint32_t i = 0; cenote_model_level(model, i, &level); ++i)
    assert_int_equal(blocks[i], level.blocks);
  assert_true(fabs(macs - info->macs_mean) < 1e-9 * macs); // sums in another order
  assert_true(us > 0.0 && bytes > 0.0 && bytes < (double)info->bytes);
}

static void a_profile_has_every_part_of_a_step(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    char file[128];
    char path[512];
    CenoteModel *model;
    CenoteLayerTime *row;
    size_t rows;
    snprintf(file, sizeof file, "%s.safetensors", *name);
    golden_path(file, path);
    assert_int_equal(cenote_model_load(path, &model, NULL), CENOTE_OK);
    for (uint32_t voices = 1; voices <= 16; voices += 15) {
      assert_int_equal(cenote_model_profile(model, voices, 50, &row, &rows), CENOTE_OK);
      check_profile(model, row, rows);
      free(row);
    }
    assert_int_equal(cenote_model_profile(model, 0, 1, &row, &rows), CENOTE_BAD_ARGUMENT);
    assert_int_equal(cenote_model_profile(model, 17, 1, &row, &rows), CENOTE_BAD_ARGUMENT);
    assert_int_equal(cenote_model_profile(model, 1, 0, &row, &rows), CENOTE_BAD_ARGUMENT);
    for (size_t i = 0; i < 4; ++i) { // the least times, two voices, the answer
      fail_alloc_at(i);
      const CenoteStatus status = cenote_model_profile(model, 2, 1, &row, &rows);
      fail_alloc_at(SIZE_MAX);
      assert_int_equal(status, CENOTE_NO_MEMORY);
      assert_null(row);
    }
    cenote_model_free(model);
  }
}

static void a_resampled_sine_keeps_its_pitch_and_length(void **state)
{
  (void)state;
  enum { IN = 16000, OUT = 48000 };
  float *in = malloc(IN * sizeof *in);
  float *out = malloc((OUT + 100) * sizeof *out);
  CenoteResampler *resampler;
  assert_true(in && out);
  for (int i = 0; i < IN; ++i) in[i] = 0.5f * (float)sin(i * 2.0 * 3.14159265358979 * 440.0 / IN);
  assert_int_equal(cenote_resampler_new(IN, OUT, CENOTE_LIVE, &resampler), CENOTE_OK);
  uint32_t read = 0;
  uint32_t written = 0;
  for (int turn = 0; turn < 100000 && written < OUT; ++turn) {
    uint32_t used;
    uint32_t made;
    const uint32_t give = IN - read < 17 ? IN - read : 17;
    const uint32_t room = OUT + 100 - written < 64 ? OUT + 100 - written : 64;
    cenote_resampler_process(resampler, in + read, give, &used, out + written, room, &made,
                             read + give == IN);
    read += used;
    written += made;
    if (read == IN && made == 0) break;
  }
  assert_int_equal(read, IN);
  assert_true(abs((int)written - OUT) <= 1);
  for (uint32_t i = 1000; i < OUT - 1000; ++i) // the filter's pass-band ripple, far from the ends
    assert_true(fabs((double)out[i] - 0.5 * sin(i * 2.0 * 3.14159265358979 * 440.0 / OUT)) < 1e-4);
  cenote_resampler_free(resampler);
  free(in);
  free(out);
}

static void a_written_file_is_read_back(void **state)
{
  (void)state;
  char path[] = "/tmp/cenote-test-XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  const float a[6] = {1.0f, -2.0f, 3.5f, 0.0f, 1e-30f, -1e30f};
  const int32_t b[2] = {7, -7};
  const CnSave tensor[2] = {{"a", CN_F32, 2, {2, 3}, a}, {"b", CN_I32, 1, {2}, b}};
  const char *const key[1] = {"name"};
  const char *const value[1] = {"a \"quoted\" name"};
  CenoteError err = {""};
  assert_int_equal(cn_file_save(path, tensor, 2, key, value, 1, &err), CENOTE_OK);
  CnFile file;
  assert_int_equal(cn_file_open(path, &file, &err), CENOTE_OK);
  float got[6];
  int32_t number[2];
  const CnTensor *t = cn_file_find(&file, "a");
  assert_non_null(t);
  assert_int_equal(cn_file_read_f32(&file, t, got, &err), CENOTE_OK);
  assert_memory_equal(got, a, sizeof a);
  assert_int_equal(cn_file_read(&file, cn_file_find(&file, "b"), number, &err), CENOTE_OK);
  assert_memory_equal(number, b, sizeof b);
  assert_string_equal(cn_file_note(&file, "name"), value[0]);
  // Cut behind the reader's back: an error, not a signal.
  assert_int_equal(truncate(path, 100), 0);
  assert_int_equal(cn_file_read_f32(&file, t, got, &err), CENOTE_BAD_MODEL);
  assert_non_null(strstr(err.text, "ends at byte"));
  cn_file_close(&file);
  unlink(path);
  assert_int_equal(cn_file_save("/nowhere/at/all", tensor, 2, NULL, NULL, 0, &err),
                   CENOTE_FILE_ERROR);
  assert_int_equal(cn_file_save("/dev/null", tensor, 2, NULL, NULL, 0, &err), CENOTE_OK);
  struct stat st;
  assert_true(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
}

static void a_preset_is_found_by_name_and_a_file_by_its_path(void **state)
{
  (void)state;
  char folder[] = "/tmp/cenote-test-XXXXXX";
  char path[512];
  char text[1024];
  char name[64];
  CenoteError err = {""};
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/zz-mine", folder);
  assert_int_equal(mkdir(path, 0777), 0);
  snprintf(path, sizeof path, "%s/zz-mine/weights.safetensors", folder);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
  snprintf(text, sizeof text, "/nowhere::%s", folder);
  setenv("CENOTE_PRESET_PATH", text, 1);
  assert_int_equal(cenote_find_model("zz-mine", text, sizeof text, &err), CENOTE_OK);
  assert_string_equal(text, path);
  assert_true(cenote_list_presets(0, name, sizeof name, text, sizeof text));
  assert_string_equal(name, "zz-mine");
  assert_int_equal(cenote_find_model("zz-other", text, sizeof text, &err), CENOTE_NOT_FOUND);
  assert_non_null(strstr(err.text, "zz-mine"));
  assert_int_equal(cenote_find_model("..", text, sizeof text, &err), CENOTE_NOT_FOUND);
  assert_int_equal(cenote_find_model("", text, sizeof text, &err), CENOTE_NOT_FOUND);
  assert_int_equal(cenote_find_model("./x", text, sizeof text, &err), CENOTE_OK);
  assert_string_equal(text, "./x");
  assert_int_equal(cenote_find_model("x.safetensors", text, 5, &err), CENOTE_BAD_ARGUMENT);
  unsetenv("CENOTE_PRESET_PATH");
  unlink(path);
  snprintf(path, sizeof path, "%s/zz-mine", folder);
  rmdir(path);
  rmdir(folder);
}

static void a_model_tells_what_it_is(void **state)
{
  (void)state;
  char path[512];
  golden_path("widening.safetensors", path);
  CenoteModel *model;
  CenoteLevelInfo level;
  assert_int_equal(cenote_model_load(path, &model, NULL), CENOTE_OK);
  const CenoteModelInfo *info = cenote_model_info(model);
  assert_string_equal(info->name, "widening");
  assert_int_equal(info->levels, 3);
  assert_int_equal(info->period, 6);
  assert_true(cenote_model_level(model, 2, &level));
  assert_int_equal(level.width, 48);
  assert_int_equal(level.hidden, 96);
  assert_int_equal(level.every, 6);
  assert_false(cenote_model_level(model, 3, &level));
  const char *key;
  const char *value;
  assert_true(cenote_model_note(model, 0, &key, &value));
  assert_string_equal(key, "name");
  assert_false(cenote_model_note(model, 100, &key, &value));
  cenote_model_free(model);
}

static void every_status_has_its_sentence(void **state)
{
  (void)state;
  for (int i = CENOTE_OK; i <= CENOTE_NOT_FOUND; ++i) {
    assert_string_not_equal(cenote_strerror((CenoteStatus)i), "unknown status");
    for (int j = 0; j < i; ++j)
      assert_string_not_equal(cenote_strerror((CenoteStatus)i), cenote_strerror((CenoteStatus)j));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_failing_allocation_is_an_error_and_leaks_nothing),
      cmocka_unit_test(a_voice_or_resampler_without_memory_is_an_error),
      cmocka_unit_test(a_profile_has_every_part_of_a_step),
      cmocka_unit_test(a_resampled_sine_keeps_its_pitch_and_length),
      cmocka_unit_test(a_written_file_is_read_back),
      cmocka_unit_test(a_preset_is_found_by_name_and_a_file_by_its_path),
      cmocka_unit_test(a_model_tells_what_it_is),
      cmocka_unit_test(every_status_has_its_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
