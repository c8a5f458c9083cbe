// SPDX-License-Identifier: ISC
// Recordings on their way to the trainer: read, split, counted.
#include "golden.h"

#include "data.h"

#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char skipped[4096]; // lines of the last load

static CnConfig config = {.sample_rate_hz = 16000, .encoding = CENOTE_MULAW, .baseline = 128};

static void note_skip(void *arg, const char *why)
{
  (void)arg;
  const size_t at = strlen(skipped);
  snprintf(skipped + at, sizeof skipped - at, "%s\n", why);
}

static DataOptions options_of(const CnConfig *wanted)
{
  skipped[0] = '\0';
  return (DataOptions){.config = wanted, .skip = note_skip};
}

static int make_folder(void **state)
{
  (void)state;
  strcpy(folder, "test_data.XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void path_in(const char *name, char path[static 128])
{
  snprintf(path, 128, "%s/%s", folder, name);
}

/// A 16-bit file of `count` frames; sample t of channel c is value(t) in the first, 0 in the
/// others.
static void write_file(const char *name, int rate_hz, int channels, size_t count,
                       double (*value)(size_t t))
{
  char path[128];
  path_in(name, path);
  SF_INFO info = {
      .samplerate = rate_hz, .channels = channels, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
  SNDFILE *file = sf_open(path, SFM_WRITE, &info);
  assert_non_null(file);
  for (size_t t = 0; t < count; ++t) {
    short frame[2] = {(short)lrint(32767.0 * value(t)), 0};
    assert_int_equal(sf_writef_short(file, frame, 1), 1);
  }
  assert_int_equal(sf_close(file), 0);
}

static double tone(size_t t)
{
  return 0.5 * sin(0.1 * (double)t);
}

static double silence(size_t t)
{
  (void)t;
  return 0.0;
}

static double late_tone(size_t t)
{
  return t < 8000 || t >= 12000 ? 1e-4 : tone(t);
}

static void load(const DataOptions *options, Data *data)
{
  CenoteError err = {""};
  if (data_load(folder, options, data, &err) != CENOTE_OK) fail_msg("%s", err.text);
}

static void a_folder_is_split_by_name_and_bad_files_are_left_out(void **state)
{
  (void)state;
  for (int i = 0; i < 30; ++i) {
    char name[32];
    snprintf(name, sizeof name, "clip-%02d.wav", i);
    write_file(name, 16000, 1, 1000 + (size_t)i, tone);
  }
  write_file("silent.wav", 16000, 1, 500, silence);
  write_file("one.wav", 16000, 1, 1, tone);
  write_file("none.wav", 16000, 1, 0, tone);
  char path[128];
  path_in("text.wav", path);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs("no sound", file);
  fclose(file);
  Data data;
  DataOptions options = options_of(&config);
  load(&options, &data);
  assert_int_equal(data.split, DATA_NAMES);
  assert_int_equal(data.skipped, 4);
  assert_non_null(strstr(skipped, "silent.wav: silent"));
  assert_non_null(strstr(skipped, "one.wav: a single sample"));
  assert_non_null(strstr(skipped, "none.wav: no samples"));
  assert_non_null(strstr(skipped, "text.wav: cannot read it as audio"));
  assert_int_equal(data.train.clips + data.valid.clips, 30);
  assert_in_range(data.valid.clips, 1, 8);
  assert_int_equal(data.train.count + data.valid.count, 30 * 1000 + 29 * 15);
  // The same again, and by the name alone: a file more leaves the others where they were.
  Data again;
  load(&options, &again);
  assert_true(again.fingerprint == data.fingerprint);
  write_file("clip-99.wav", 16000, 1, 700, tone);
  data_clear(&again);
  load(&options, &again);
  assert_true(again.fingerprint != data.fingerprint);
  for (size_t i = 1; i < data.valid.clips; ++i) {
    bool there = false;
    for (size_t k = 0; k < again.valid.clips; ++k)
      there = there || strcmp(again.valid.clip[k].name, data.valid.clip[i].name) == 0;
    assert_true(there);
  }
  data_clear(&again);
  data_clear(&data);
  CenoteError err = {""};
  options.strict = true;
  assert_int_not_equal(data_load(folder, &options, &data, &err), CENOTE_OK);
  assert_non_null(strstr(err.text, ".wav: "));
}

static void expect_refused(const char *text)
{
  Data data;
  CenoteError err = {""};
  DataOptions options = options_of(&config);
  assert_int_not_equal(data_load(folder, &options, &data, &err), CENOTE_OK);
  if (!strstr(err.text, text) || !strstr(err.text, folder)) fail_msg("%s", err.text);
  assert_int_equal(data.train.clips, 0);
}

static void what_teaches_nothing_is_refused(void **state)
{
  (void)state;
  expect_refused("no audio in this folder");
  write_file("silent.wav", 16000, 1, 500, silence);
  expect_refused("none of its files can be used");
  write_file("one.wav", 16000, 1, 1, tone);
  expect_refused("none of its files can be used");
  char path[128];
  path_in("train", path);
  assert_int_equal(mkdir(path, 0777), 0);
  expect_refused("no audio in this folder");
  write_file("train/a.wav", 16000, 1, 500, tone);
  path_in("valid", path);
  assert_int_equal(mkdir(path, 0777), 0);
  expect_refused("/valid: no audio in this folder");
  write_file("valid/a.wav", 16000, 1, 500, silence);
  expect_refused("/valid: none of its files can be used");
}

static void folders_are_taken_as_they_are(void **state)
{
  (void)state;
  char path[128];
  path_in("train", path);
  mkdir(path, 0777);
  path_in("valid", path);
  mkdir(path, 0777);
  write_file("train/a.wav", 16000, 1, 500, tone);
  write_file("train/b.wav", 32000, 2, 6400, tone);
  write_file("valid/a.wav", 8000, 1, 500, tone);
  write_file("elsewhere.wav", 16000, 1, 500, tone);
  Data data;
  const DataOptions options = options_of(&config);
  load(&options, &data);
  assert_int_equal(data.split, DATA_FOLDERS);
  assert_int_equal(data.train.clips, 2);
  assert_int_equal(data.valid.clips, 1);
  assert_int_equal(data.train.clip[0].count, 500);
  assert_in_range(data.train.clip[1].count, 3198, 3202);
  assert_in_range(data.valid.clip[0].count, 998, 1002);
  data_clear(&data);
}

static void a_single_file_gives_its_last_tenth(void **state)
{
  (void)state;
  write_file("only.wav", 16000, 1, 5005, tone);
  Data data;
  const DataOptions options = options_of(&config);
  load(&options, &data);
  assert_int_equal(data.split, DATA_TENTH);
  assert_int_equal(data.train.count, 4505);
  assert_int_equal(data.valid.count, 500);
  data_clear(&data);
}

static void raw_files_are_read_when_asked_for(void **state)
{
  (void)state;
  char path[128];
  path_in("a.raw", path);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  for (int i = 0; i < 1000; ++i) {
    const int16_t frame[2] = {(int16_t)(20 * i), (int16_t)(-10 * i)};
    assert_int_equal(fwrite(frame, sizeof frame, 1, file), 1);
  }
  fclose(file);
  expect_refused("no audio in this folder");
  Data data;
  DataOptions options = options_of(&config);
  options.raw = (ClipRaw){16000, 2};
  load(&options, &data);
  assert_int_equal(data.train.count + data.valid.count, 1000);
  uint8_t want;
  cn_encode_clip(&config, &(float){5.0f * 800}, 1, &want);
  assert_int_equal(data.train.clip[0].codes[800], want);
  data_clear(&data);
}

static void silence_is_trimmed_on_request(void **state)
{
  (void)state;
  write_file("a.wav", 16000, 1, 20000, late_tone);
  Data data;
  DataOptions options = options_of(&config);
  load(&options, &data);
  assert_int_equal(data.train.count + data.valid.count, 20000);
  data_clear(&data);
  options.trim_db = 40.0;
  load(&options, &data);
  assert_in_range(data.train.count + data.valid.count, 4000, 4000 + 2 * 160); // 10 ms around
  data_clear(&data);
}

static void codes_are_those_of_the_configuration(void **state)
{
  (void)state;
  write_file("a.wav", 16000, 1, 3000, tone);
  for (int i = 0; i < 4; ++i) {
    CnConfig wanted = config;
    wanted.encoding = i & 1 ? CENOTE_LINEAR : CENOTE_MULAW;
    wanted.min_max_scaling = (i & 2) != 0;
    Data data;
    const DataOptions options = options_of(&wanted);
    load(&options, &data);
    uint8_t most = 0;
    for (size_t t = 0; t < data.train.count; ++t)
      if (data.train.clip[0].codes[t] > most) most = data.train.clip[0].codes[t];
    static const uint8_t want[] = {240, 191, 255, 255}; // of 0.5, and of 1
    assert_in_range(most, want[i] - 1, want[i]);
    data_clear(&data);
  }
}

/// Figures of the data's README, which come from another program.
static void baselines_are_those_of_the_data(void **state)
{
  (void)state;
  static const struct {
    const char *set;
    bool scaled;
    double order0;
    double order1;
  } cases[] = {{"drums", false, 7.944, 5.597},
               {"drums", true, 7.732, 4.808},
               {"piano", false, 7.614, 5.294}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    char path[512];
    char set[64];
    struct stat st;
    snprintf(set, sizeof set, "../../../shared/data/%s", cases[i].set);
    golden_path(set, path);
    if (stat(path, &st) != 0) {
      print_message("skipped: no %s\n", path);
      skip();
    }
    CnConfig wanted = config;
    wanted.min_max_scaling = cases[i].scaled;
    Data data;
    CenoteError err = {""};
    const DataOptions options = options_of(&wanted);
    if (data_load(path, &options, &data, &err) != CENOTE_OK) fail_msg("%s", err.text);
    double order0;
    double order1;
    assert_int_equal(data_baselines(&data.train, &data.valid, &order0, &order1), CENOTE_OK);
    print_message("%s%s: %.4f %.4f, %zu skipped\n", cases[i].set, cases[i].scaled ? " scaled" : "",
                  order0, order1, data.skipped);
    assert_true(fabs(order0 - cases[i].order0) < 6e-4); // it is rounded to three places
    assert_true(fabs(order1 - cases[i].order1) < 6e-4);
    data_clear(&data);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
      WITH_FOLDER(a_folder_is_split_by_name_and_bad_files_are_left_out),
      WITH_FOLDER(what_teaches_nothing_is_refused),
      WITH_FOLDER(folders_are_taken_as_they_are),
      WITH_FOLDER(a_single_file_gives_its_last_tenth),
      WITH_FOLDER(raw_files_are_read_when_asked_for),
      WITH_FOLDER(silence_is_trimmed_on_request),
      WITH_FOLDER(codes_are_those_of_the_configuration),
      cmocka_unit_test(baselines_are_those_of_the_data),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
