// SPDX-License-Identifier: ISC
#include "record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 2048, POLL_NS = 4000000 };

struct Recorder {
  pthread_t thread;
  atomic_bool stop;
  Ring *output_ring;
  Ring *take_ring;
  pthread_mutex_t lock; ///< of what follows: the job thread and the OSC thread meet it here
  Sink *output;
  Sink *take;
  bool failed;
  char error[512];
  float buffer[2 * MOST];
};

/// True when there was something. There is no ring of the output when there is no output.
static bool move(Recorder *recorder, Ring *ring, Sink *sink)
{
  if (!ring) return false;
  const size_t count = ring_read(ring, recorder->buffer, MOST);
  if (count > 0 && sink) sink_write(sink, recorder->buffer, count);
  return count > 0;
}

static bool work(Recorder *recorder, bool flush)
{
  pthread_mutex_lock(&recorder->lock);
  bool more = move(recorder, recorder->output_ring, recorder->output);
  more = move(recorder, recorder->take_ring, recorder->take) || more;
  if (flush && recorder->output) sink_flush(recorder->output);
  if (flush && recorder->take) sink_flush(recorder->take);
  if (recorder->output && !recorder->failed && sink_error(recorder->output)[0] != '\0') {
    recorder->failed = true;
    if (!sink_reader_gone(recorder->output))
      snprintf(recorder->error, sizeof recorder->error, "%s", sink_error(recorder->output));
  }
  pthread_mutex_unlock(&recorder->lock);
  return more;
}

static void *run(void *data)
{
  Recorder *recorder = data;
  struct timespec last;
  clock_gettime(CLOCK_MONOTONIC, &last);
  for (;;) {
    const bool stop = atomic_load_explicit(&recorder->stop, memory_order_acquire);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    // Half a second: a kill loses less than one, the file system's part included.
    const bool flush =
        (now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000 > 500;
    if (flush) last = now;
    if (work(recorder, flush)) continue;
    if (stop) return NULL;
    nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
  }
}

Recorder *recorder_start(Ring *output_ring, Sink *output, Ring *take_ring)
{
  Recorder *recorder = calloc(1, sizeof *recorder);
  if (!recorder) return NULL;
  recorder->output_ring = output_ring;
  recorder->output = output;
  recorder->take_ring = take_ring;
  atomic_init(&recorder->stop, false);
  pthread_mutex_init(&recorder->lock, NULL);
  if (pthread_create(&recorder->thread, NULL, run, recorder) != 0) {
    pthread_mutex_destroy(&recorder->lock);
    free(recorder);
    return NULL;
  }
  return recorder;
}

bool recorder_stop(Recorder *recorder)
{
  if (!recorder) return true;
  atomic_store_explicit(&recorder->stop, true, memory_order_release);
  pthread_join(recorder->thread, NULL);
  const bool gone = recorder->output && sink_reader_gone(recorder->output);
  bool good = sink_close(recorder->take);
  good = (sink_close(recorder->output) || gone) && good;
  pthread_mutex_destroy(&recorder->lock);
  free(recorder);
  return good;
}

bool recorder_take(Recorder *recorder, Sink *sink)
{
  pthread_mutex_lock(&recorder->lock);
  const bool idle = !recorder->take;
  if (idle) recorder->take = sink;
  pthread_mutex_unlock(&recorder->lock);
  return idle;
}

bool recorder_end_take(Recorder *recorder, uint64_t frames, char *path, size_t size, uint64_t *held)
{
  Sink *take = NULL;
  // The frames are in the ring or past it; the thread needs no more than a few polls.
  for (int turn = 0; turn < 500 && !take; ++turn) {
    pthread_mutex_lock(&recorder->lock);
    const bool done = !recorder->take || sink_frames(recorder->take) >= frames ||
                      sink_error(recorder->take)[0] != '\0' || turn == 499;
    if (done) {
      take = recorder->take;
      recorder->take = NULL;
    }
    pthread_mutex_unlock(&recorder->lock);
    if (done) break;
    nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
  }
  if (!take) {
    snprintf(path, size, "no recording is running");
    return false;
  }
  *held = sink_frames(take);
  const bool failed = sink_error(take)[0] != '\0';
  snprintf(path, size, "%s", failed ? sink_error(take) : sink_path(take));
  return sink_close(take) && !failed;
}

bool recorder_failed(Recorder *recorder, char text[static 512])
{
  pthread_mutex_lock(&recorder->lock);
  const bool failed = recorder->failed;
  snprintf(text, 512, "%s", recorder->error);
  pthread_mutex_unlock(&recorder->lock);
  return failed;
}
