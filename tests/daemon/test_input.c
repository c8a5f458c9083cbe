// SPDX-License-Identifier: ISC
// What is listened to: files and pipes, at the output's rate, whole, and given up at any time.
#include "input.h"

#include <fcntl.h>
#include <math.h>
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

enum { RATE = 16000, FRAMES = 40000 }; // more than the ring holds

static char folder[] = "/tmp/cenote-input-XXXXXX";

static const char *path_of(const char *name)
{
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static double tone(size_t i)
{
  return 0.5 * sin(0.05 * (double)i);
}

static void assert_near(float got, double want, double tolerance)
{
  if (!(fabs((double)got - want) <= tolerance)) fail_msg("%g, want %g", (double)got, want);
}

/// A stereo file: the tone on the left, its third on the right.
static void write_file(const char *name, int format, int rate)
{
  SF_INFO info = {.samplerate = rate, .channels = 2, .format = format};
  SNDFILE *file = sf_open(path_of(name), SFM_WRITE, &info);
  assert_non_null(file);
  for (size_t i = 0; i < FRAMES; ++i) {
    const float frame[2] = {(float)tone(i), (float)(tone(i) / 3.0)};
    assert_int_equal(sf_writef_float(file, frame, 1), 1);
  }
  sf_close(file);
}

static void sleep_ms(long ms)
{
  nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/// All frames of an input, `block` at a time.
static size_t read_all(Input *input, size_t block, float *out, size_t room)
{
  size_t total = 0;
  for (bool more = true; more;) {
    more = input_wait(input, block);
    assert_true(total + block <= room);
    const size_t got = ring_read(input_ring(input), out + total, block);
    if (more) assert_int_equal(got, block);
    total += got;
  }
  assert_true(input_ended(input));
  assert_int_equal(input_frames(input), total);
  assert_false(input_wait(input, 1));
  return total;
}

static size_t read_file(const char *name, double rate_hz, size_t block, float *out, size_t room)
{
  CenoteError err = {""};
  Input *input = input_open(path_of(name), rate_hz, &err);
  if (!input) fail_msg("%s", err.text);
  const size_t total = read_all(input, block, out, room);
  input_close(input);
  return total;
}

static void a_file_comes_whole_whatever_the_block(void **state)
{
  (void)state;
  static float got[FRAMES + 8192], again[FRAMES + 8192];
  write_file("a.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, RATE);
  assert_int_equal(read_file("a.wav", RATE, 1000, got, FRAMES + 8192), FRAMES);
  for (size_t i = 0; i < FRAMES; ++i) assert_near(got[i], tone(i) * 2.0 / 3.0, 1e-6);
  static const size_t blocks[] = {1, 17, 128, 4096};
  for (size_t k = 0; k < sizeof blocks / sizeof *blocks; ++k) {
    assert_int_equal(read_file("a.wav", RATE, blocks[k], again, FRAMES + 8192), FRAMES);
    assert_memory_equal(got, again, FRAMES * sizeof *got);
  }
}

static void another_rate_is_resampled(void **state)
{
  (void)state;
  static float got[3 * FRAMES + 8192], again[3 * FRAMES + 8192];
  const size_t room = 3 * FRAMES + 8192;
  write_file("b.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, RATE);
  const size_t count = read_file("b.flac", 3.0 * RATE, 512, got, room);
  assert_in_range(count, 3 * FRAMES - 3, 3 * FRAMES + 3);
  double worst = 0.0; // beyond the filter's start and end
  for (size_t i = 3000; i < count - 3000; ++i)
    worst = fmax(worst, fabs((double)got[i] - 0.5 * 2.0 / 3.0 * sin(0.05 * (double)i / 3.0)));
  assert_true(worst < 1e-4);
  assert_int_equal(read_file("b.flac", 3.0 * RATE, 100, again, room), count);
  assert_memory_equal(got, again, count * sizeof *got);
}

/// Write a file's bytes, or samples with no header, to a pipe and close it, from another process.
static pid_t feed(const char *pipe_name, const char *file_name, size_t skip)
{
  char to[256];
  snprintf(to, sizeof to, "%s", path_of(pipe_name));
  const pid_t child = fork();
  if (child != 0) return child;
  FILE *in = fopen(path_of(file_name), "rb");
  const int out = open(to, O_WRONLY);
  char bytes[777]; // no whole number of frames
  size_t got;
  if (!in || out < 0 || fseek(in, (long)skip, SEEK_SET) != 0) _exit(1);
  while ((got = fread(bytes, 1, sizeof bytes, in)) > 0)
    if (write(out, bytes, got) != (ssize_t)got) _exit(1);
  _exit(0);
}

static void a_pipe_is_read_with_a_header_or_without(void **state)
{
  (void)state;
  static float got[FRAMES + 8192], raw[2 * FRAMES + 8192];
  CenoteError err = {""};
  write_file("c.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, RATE);
  assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
  feed("pipe", "c.wav", 0);
  Input *input = input_open(path_of("pipe"), RATE, &err);
  assert_non_null(input);
  assert_int_equal(read_all(input, 128, got, FRAMES + 8192), FRAMES);
  input_close(input);
  for (size_t i = 0; i < FRAMES; ++i) assert_near(got[i], tone(i) * 2.0 / 3.0, 1e-4);
  feed("pipe", "c.wav", 44); // the frames alone are twice as many mono samples
  input = input_open(path_of("pipe"), RATE, &err);
  assert_non_null(input);
  assert_int_equal(read_all(input, 128, raw, 2 * FRAMES + 8192), 2 * FRAMES);
  input_close(input);
  for (size_t i = 0; i < FRAMES; ++i) assert_near(raw[2 * i], tone(i), 1e-4);
}

static void what_stops_or_hangs_can_be_closed(void **state)
{
  (void)state;
  CenoteError err = {""};
  float frame;
  write_file("long.raw", SF_FORMAT_RAW | SF_FORMAT_DOUBLE, RATE);
  // Nobody writes; somebody opened it and says nothing, or less than a header.
  Input *input = input_open(path_of("pipe"), RATE, &err);
  assert_non_null(input);
  assert_false(input_ended(input));
  input_close(input);
  input = input_open(path_of("pipe"), RATE, &err);
  assert_non_null(input);
  int writer = open(path_of("pipe"), O_WRONLY);
  assert_true(writer >= 0);
  assert_int_equal(write(writer, "RI", 2), 2);
  input_close(input);
  close(writer);
  // A header that is none: said, and at its end.
  input = input_open(path_of("pipe"), RATE, &err);
  assert_non_null(input);
  writer = open(path_of("pipe"), O_WRONLY);
  assert_int_equal(write(writer, "RIFFxxxxxxxxxxxxxxxxxxxx", 24), 24);
  close(writer);
  assert_false(input_wait(input, 1));
  assert_true(input_ended(input));
  input_close(input);
  // A file whose ring is full.
  input = input_open(path_of("a.wav"), RATE, &err);
  assert_non_null(input);
  assert_true(input_wait(input, 4000));
  assert_int_equal(ring_read(input_ring(input), &frame, 1), 1);
  assert_false(input_ended(input));
  input_close(input);
  // A pipe that brings more than there is room for.
  const pid_t child = feed("pipe", "long.raw", 0);
  input = input_open(path_of("pipe"), RATE, &err);
  assert_non_null(input);
  assert_true(input_wait(input, 4000));
  sleep_ms(100);
  assert_false(input_ended(input));
  input_close(input);
  kill(child, SIGKILL);
  input_close(NULL);
}

static void what_cannot_be_read_is_refused(void **state)
{
  (void)state;
  CenoteError err = {""};
  FILE *file = fopen(path_of("text"), "w");
  assert_non_null(file);
  fputs("not sound at all", file);
  fclose(file);
  assert_null(input_open(path_of("text"), RATE, &err));
  assert_non_null(strstr(err.text, "text: "));
  assert_null(input_open(path_of("nothing"), RATE, &err));
  assert_non_null(strstr(err.text, "No such file"));
  assert_null(input_open(folder, RATE, &err));
}

static int make_folder(void **state)
{
  (void)state;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN);
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
  (void)state;
  static const char *const names[] = {"a.wav", "b.flac", "c.wav", "long.raw", "pipe", "text"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) unlink(path_of(names[i]));
  return rmdir(folder);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_comes_whole_whatever_the_block),
      cmocka_unit_test(another_rate_is_resampled),
      cmocka_unit_test(a_pipe_is_read_with_a_header_or_without),
      cmocka_unit_test(what_stops_or_hangs_can_be_closed),
      cmocka_unit_test(what_cannot_be_read_is_refused),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
