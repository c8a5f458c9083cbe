// SPDX-License-Identifier: ISC
// The rig's recordings and what it listens to.
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEARD = 4096, FILES = 8 };

struct Recorder {
  Ring *ring[RECORDER_TAKES];
  Sink *sink[RECORDER_TAKES];
  char file[FILES][1024]; ///< of a split, whole
  uint64_t frames[FILES];
  int files;
};

struct Input {
  Ring *ring;
  uint32_t noise;
};

Recorder *recorder_new(bool fast)
{
  (void)fast;
  return calloc(1, sizeof(Recorder));
}

bool recorder_output(Recorder *recorder, Sink *sink, size_t frames)
{
  (void)recorder, (void)sink, (void)frames;
  return false;
}

static void note_file(void *data, int lane, const char *path, uint64_t frames)
{
  Recorder *recorder = data;
  (void)lane;
  if (recorder->files == FILES) return;
  recorder->frames[recorder->files] = frames;
  snprintf(recorder->file[recorder->files++], sizeof recorder->file[0], "%s", path);
}

bool recorder_next_file(Recorder *recorder, char *path, size_t size, uint64_t *frames, int *lane)
{
  if (recorder->files == 0) return false;
  snprintf(path, size, "%s", recorder->file[--recorder->files]);
  *frames = recorder->frames[recorder->files];
  *lane = 0;
  return true;
}

int recorder_add(Recorder *recorder, Ring *ring, Sink *sink)
{
  int lane = 0;
  while (lane < RECORDER_TAKES && recorder->sink[lane]) ++lane;
  if (lane == RECORDER_TAKES) return -1;
  sink_on_file(sink, note_file, recorder, lane);
  recorder->sink[lane] = sink;
  recorder->ring[lane] = ring;
  return lane;
}

static void drain(Recorder *recorder, int lane)
{
  float frames[3 * 512]; // of as many channels as the target asks for
  size_t got;
  while (recorder->sink[lane] && (got = ring_read(recorder->ring[lane], frames, 512)) > 0)
    sink_write(recorder->sink[lane], frames, got);
}

bool recorder_end(Recorder *recorder, int lane, char *path, size_t size, uint64_t *held)
{
  Sink *sink = lane >= 0 && lane < RECORDER_TAKES ? recorder->sink[lane] : NULL;
  if (!sink) rig_broken("who ends a recording has one");
  drain(recorder, lane);
  recorder->sink[lane] = NULL;
  const bool good = sink_finish(sink);
  *held = sink_frames(sink);
  snprintf(path, size, "%s", good ? sink_path(sink) : sink_error(sink));
  sink_close(sink);
  return good;
}

uint64_t recorder_dropped(const Recorder *recorder)
{
  (void)recorder;
  return 0;
}

bool recorder_stop(Recorder *recorder, bool hurry)
{
  (void)hurry;
  for (int i = 0; recorder && i < RECORDER_TAKES; ++i) {
    char path[1024];
    uint64_t frames;
    if (recorder->sink[i]) recorder_end(recorder, i, path, sizeof path, &frames);
  }
  free(recorder);
  return true;
}

// What is listened to: noise.

Input *input_open(const char *path, double rate_hz, CenoteError *err)
{
  (void)path, (void)rate_hz, (void)err;
  Input *input = calloc(1, sizeof *input);
  if (input) input->ring = ring_new(HEARD, sizeof(float));
  return input;
}

Ring *input_ring(Input *input)
{
  return input->ring;
}

void input_close(Input *input)
{
  if (input) ring_free(input->ring);
  free(input);
}

void rig_hear(Input *input, uint32_t frames)
{
  for (uint32_t i = 0; input && i < frames; ++i) {
    input->noise = input->noise * 1664525u + 1013904223u;
    const float x = (float)(int32_t)input->noise / 2147483648.0f;
    ring_write(input->ring, &x, 1);
  }
}

void rig_record(Recorder *recorder)
{
  for (int i = 0; i < RECORDER_TAKES; ++i) drain(recorder, i);
}
