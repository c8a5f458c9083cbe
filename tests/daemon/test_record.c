// SPDX-License-Identifier: ISC
// Takes side by side, each whole and its own; rows of files; the end of a pipe's reader.
#include "record.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE = 8000, BLOCK = 100, BLOCKS = 70, FRAMES = BLOCK * BLOCKS };

static char folder[64];

static void name(char path[static 128], const char *what, int number)
{
  snprintf(path, 128, "%s/%s%d.wav", folder, what, number);
}

/// Frame i of take t is i + 100 t of 32767: no two alike.
static void fill(float *block, int take, int first)
{
  for (int i = 0; i < BLOCK; ++i)
    block[2 * i] = block[2 * i + 1] = (float)(first + i + 100 * take) / 32767.0f;
}

static Sink *open_sink(const char *path, uint64_t split)
{
  Sink *sink;
  CenoteError err = {""};
  if (sink_open(path, NULL, RATE, 2, true, split, &sink, &err) != CENOTE_OK)
    fail_msg("%s", err.text);
  return sink;
}

static int expect_file(const char *path, int take, int first, int frames)
{
  static short got[2 * FRAMES + 2];
  SF_INFO info = {0};
  SNDFILE *file = sf_open(path, SFM_READ, &info);
  assert_non_null(file);
  assert_int_equal(info.frames, frames);
  assert_int_equal(sf_readf_short(file, got, FRAMES + 1), frames);
  sf_close(file);
  for (int i = 0; i < frames; ++i) assert_int_equal(got[2 * i + 1], first + i + 100 * take);
  return frames;
}

static void what_a_take_misses_is_counted(void **state)
{
  (void)state;
  char path[128];
  char told[512];
  static float blocks[2 * FRAMES];
  uint64_t held;
  Recorder *recorder = recorder_new(false);
  Ring *ring = ring_new(BLOCK, 2 * sizeof(float));
  const size_t room = ring_room(ring);
  assert_true(ring_write(ring, blocks, room)); // before anybody empties it
  assert_false(ring_write(ring, blocks, 7));
  name(path, "missed", 0);
  assert_int_equal(recorder_add(recorder, ring, open_sink(path, 0)), 0);
  recorder_tend(recorder);
  assert_int_equal(recorder_dropped(recorder), 7);
  assert_false(ring_write(ring, blocks, room + 1));
  assert_true(recorder_end(recorder, 0, told, sizeof told, &held));
  assert_int_equal(held, room);
  assert_int_equal(recorder_dropped(recorder), 7 + room + 1);
  assert_true(recorder_stop(recorder, false));
  ring_free(ring);
}

static void sixteen_takes_side_by_side_are_whole(void **state)
{
  (void)state;
  char path[128];
  char told[512];
  float block[2 * BLOCK];
  uint64_t held;
  Ring *ring[RECORDER_TAKES + 1];
  int lane[RECORDER_TAKES];
  Recorder *recorder = recorder_new(false);
  for (int t = 0; t <= RECORDER_TAKES; ++t) ring[t] = ring_new(FRAMES, 2 * sizeof(float));
  for (int t = 0; t < RECORDER_TAKES; ++t) {
    name(path, "take", t);
    lane[t] = recorder_add(recorder, ring[t], open_sink(path, 0));
    assert_int_equal(lane[t], t);
  }
  name(path, "take", RECORDER_TAKES);
  Sink *more = open_sink(path, 0);
  assert_int_equal(recorder_add(recorder, ring[RECORDER_TAKES], more), -1);
  for (int b = 0; b < BLOCKS; ++b)
    for (int t = 0; t < RECORDER_TAKES; ++t) {
      fill(block, t, b * BLOCK);
      assert_true(ring_write(ring[t], block, BLOCK));
    }
  for (int t = RECORDER_TAKES - 1; t >= 2; --t) {
    name(path, "take", t);
    assert_true(recorder_end(recorder, lane[t], told, sizeof told, &held));
    assert_string_equal(told, path);
    assert_int_equal(held, FRAMES);
    assert_int_equal(ring_space(ring[t]), ring_room(ring[t]));
    expect_file(path, t, 0, FRAMES);
  }
  // A place that is free again; one that is not there; two that the end finishes.
  assert_false(recorder_end(recorder, lane[5], told, sizeof told, &held));
  assert_false(recorder_end(recorder, -1, told, sizeof told, &held));
  assert_int_equal(recorder_add(recorder, ring[RECORDER_TAKES], more), 2);
  assert_true(recorder_stop(recorder, false));
  for (int t = 0; t < 2; ++t) {
    name(path, "take", t);
    expect_file(path, t, 0, FRAMES);
  }
  for (int t = 0; t <= RECORDER_TAKES; ++t) ring_free(ring[t]);
}

static void a_row_of_files_loses_no_frame(void **state)
{
  (void)state;
  char path[128];
  char told[512];
  float block[2 * BLOCK];
  uint64_t frames;
  int lane;
  Ring *ring = ring_new(FRAMES, 2 * sizeof(float));
  Recorder *recorder = recorder_new(false);
  name(path, "row", 0);
  assert_int_equal(recorder_add(recorder, ring, open_sink(path, 3001)), 0);
  for (int b = 0; b < BLOCKS; ++b) {
    fill(block, 0, b * BLOCK);
    assert_true(ring_write(ring, block, BLOCK));
  }
  uint64_t held;
  assert_true(recorder_end(recorder, 0, told, sizeof told, &held));
  assert_int_equal(held, FRAMES);
  int first = 0;
  for (int part = 1; part <= 3; ++part) {
    snprintf(path, sizeof path, "%s/row0-%04d.wav", folder, part);
    first += expect_file(path, 0, first, part < 3 ? 3001 : FRAMES - 2 * 3001);
    if (part == 3) break;
    assert_true(recorder_next_file(recorder, told, sizeof told, &frames, &lane));
    assert_string_equal(told, path);
    assert_int_equal(frames, 3001);
    assert_int_equal(lane, 0);
  }
  assert_false(recorder_next_file(recorder, told, sizeof told, &frames, &lane));
  assert_true(recorder_stop(recorder, false));
  ring_free(ring);
}

static void outputs_end_apart(void **state)
{
  (void)state;
  char path[128];
  float block[2 * BLOCK];
  CenoteError err;
  Sink *sink;
  Recorder *recorder = recorder_new(false);
  assert_int_equal(recorder_over(recorder), -1);
  name(path, "fifo", 0);
  assert_int_equal(mkfifo(path, 0600), 0);
  const int reader = open(path, O_RDONLY | O_NONBLOCK);
  assert_int_equal(sink_open(path, "raw", RATE, 2, false, 0, &sink, &err), CENOTE_OK);
  assert_int_equal(sink_kind(sink), SINK_PIPE);
  assert_true(recorder_output(recorder, sink, FRAMES));
  name(path, "out", 0);
  assert_int_equal(sink_open(path, NULL, RATE, 2, false, 0, &sink, &err), CENOTE_OK);
  assert_true(recorder_output(recorder, sink, FRAMES));
  close(reader);
  for (int b = 0; b < BLOCKS; ++b) {
    fill(block, 0, b * BLOCK);
    assert_true(recorder_room(recorder, BLOCK));
    recorder_write(recorder, block, BLOCK);
  }
  assert_int_equal(recorder_over(recorder), -1);
  recorder_tend(recorder);
  assert_int_equal(recorder_dropped(recorder), 0);
  assert_true(recorder_stop(recorder, false));
  expect_file(path, 0, 0, FRAMES);
}

static void full_rings_are_counted_per_frame(void **state)
{
  (void)state;
  char path[128];
  CenoteError err;
  Sink *sink;
  static float block[2 * 8192];
  Recorder *recorder = recorder_new(true);
  name(path, "never", 0);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(sink_open(path, "raw", RATE, 2, false, 0, &sink, &err), CENOTE_OK);
  assert_true(recorder_output(recorder, sink, 8192)); // without a reader it holds what it has
  recorder_write(recorder, block, 8192);
  assert_false(recorder_room(recorder, 1));
  recorder_write(recorder, block, 300);
  assert_int_equal(recorder_dropped(recorder), 300);
  assert_true(recorder_stop(recorder, true));
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  snprintf(folder, sizeof folder, "/tmp/cenote-record-XXXXXX");
  if (!mkdtemp(folder)) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_take_misses_is_counted),
      cmocka_unit_test(sixteen_takes_side_by_side_are_whole),
      cmocka_unit_test(a_row_of_files_loses_no_frame),
      cmocka_unit_test(outputs_end_apart),
      cmocka_unit_test(full_rings_are_counted_per_frame),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  char command[96];
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command) == 0 ? failed : 1;
}
