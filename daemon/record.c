// SPDX-License-Identifier: ISC
#include "record.h"

#include "lane.h"
#include "now.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILES = 64, PATH_MOST = 1024, PATIENCE_MS = 1000, STUCK_MS = 4000 };

typedef struct Whole {
  char path[PATH_MOST];
  uint64_t frames;
  int lane;
} Whole;

struct Recorder {
  bool fast;
  Lane *output[RECORDER_OUTPUTS];
  int outputs;
  int files;            ///< of the outputs
  pthread_mutex_t lock; ///< of what follows: takes and their ends, and the files that are whole
  Lane *take[RECORDER_TAKES];
  _Atomic uint64_t missed; ///< frames, by takes
  Whole whole[FILES];
  size_t first; ///< of them
  size_t wholes;
};

static void ignore(int number)
{
  (void)number;
}

Recorder *recorder_new(bool fast)
{
  Recorder *recorder = calloc(1, sizeof *recorder);
  if (!recorder) return NULL;
  recorder->fast = fast;
  pthread_mutex_init(&recorder->lock, NULL);
  // Without SA_RESTART, so that lane_give_up's signal ends a write.
  const struct sigaction wake = {.sa_handler = ignore};
  sigaction(SIGURG, &wake, NULL);
  return recorder;
}

static void note_file(void *data, int lane, const char *path, uint64_t frames)
{
  Recorder *recorder = data;
  pthread_mutex_lock(&recorder->lock);
  if (recorder->wholes == FILES) {
    recorder->first = (recorder->first + 1) % FILES;
    --recorder->wholes;
  }
  Whole *whole = &recorder->whole[(recorder->first + recorder->wholes++) % FILES];
  snprintf(whole->path, sizeof whole->path, "%s", path);
  whole->frames = frames;
  whole->lane = lane;
  pthread_mutex_unlock(&recorder->lock);
}

bool recorder_next_file(Recorder *recorder, char *path, size_t size, uint64_t *frames, int *lane)
{
  pthread_mutex_lock(&recorder->lock);
  const bool some = recorder->wholes > 0;
  if (some) {
    const Whole *whole = &recorder->whole[recorder->first];
    snprintf(path, size, "%s", whole->path);
    *frames = whole->frames;
    *lane = whole->lane;
    recorder->first = (recorder->first + 1) % FILES;
    --recorder->wholes;
  }
  pthread_mutex_unlock(&recorder->lock);
  return some;
}

/// Files miss nothing; with no file, pipes neither.
static bool patient(const Recorder *recorder, const Lane *lane)
{
  const SinkKind kind = sink_kind(lane->sink);
  return kind == SINK_FILE || (kind == SINK_PIPE && recorder->files == 0);
}

static bool ended(const Lane *lane)
{
  return atomic_load_explicit(&lane->ended, memory_order_acquire);
}

bool recorder_output(Recorder *recorder, Sink *sink, size_t frames)
{
  if (recorder->outputs == RECORDER_OUTPUTS) return false;
  Ring *ring = ring_new(frames, sink_channels(sink) * sizeof(float));
  if (!ring) return false;
  sink_on_file(sink, note_file, recorder, -1);
  Lane *lane = lane_start(ring, sink, -1, recorder->fast && sink_kind(sink) == SINK_PIPE);
  if (!lane) {
    ring_free(ring);
    return false;
  }
  recorder->output[recorder->outputs++] = lane;
  if (sink_kind(sink) == SINK_FILE) ++recorder->files;
  // Beside a file a pipe is waited for by nobody.
  for (int i = 0; i < recorder->outputs; ++i)
    if (!patient(recorder, recorder->output[i]))
      atomic_store_explicit(&recorder->output[i]->hold, false, memory_order_relaxed);
  return true;
}

void recorder_write(Recorder *recorder, const float *frames, size_t count)
{
  for (int i = 0; i < recorder->outputs; ++i) {
    Lane *lane = recorder->output[i];
    if (!ended(lane) && !ring_write(lane->ring, frames, count))
      atomic_fetch_add_explicit(&lane->dropped, count, memory_order_relaxed);
  }
}

bool recorder_room(const Recorder *recorder, size_t count)
{
  for (int i = 0; i < recorder->outputs; ++i) {
    const Lane *lane = recorder->output[i];
    if (!ended(lane) && patient(recorder, lane) && ring_space(lane->ring) < count) return false;
  }
  return true;
}

int recorder_add(Recorder *recorder, Ring *ring, Sink *sink)
{
  pthread_mutex_lock(&recorder->lock);
  int number = 0;
  while (number < RECORDER_TAKES && recorder->take[number]) ++number;
  if (number < RECORDER_TAKES) {
    sink_on_file(sink, note_file, recorder, number);
    recorder->take[number] = lane_start(ring, sink, number, false);
  }
  if (number == RECORDER_TAKES || !recorder->take[number]) number = -1;
  pthread_mutex_unlock(&recorder->lock);
  return number;
}

static Lane *take_at(Recorder *recorder, int lane)
{
  return lane >= 0 && lane < RECORDER_TAKES ? recorder->take[lane] : NULL;
}

/// What the engine found no room for in the take's ring.
static void count_missed(Recorder *recorder, Lane *take)
{
  const uint64_t lost = ring_lost(take->ring);
  const uint64_t before = atomic_exchange_explicit(&take->dropped, lost, memory_order_relaxed);
  atomic_fetch_add_explicit(&recorder->missed, lost - before, memory_order_relaxed);
}

static void tell_total(const Lane *lane)
{
  const uint64_t dropped = atomic_load_explicit(&lane->dropped, memory_order_relaxed);
  if (dropped > 0)
    fprintf(stderr, "cenoted: %s: %" PRIu64 " frames dropped in all\n", sink_name(lane->sink),
            dropped);
}

/// Out of the table before it is waited for: its place is free, and nobody tends it meanwhile.
bool recorder_end(Recorder *recorder, int lane, char *path, size_t size, uint64_t *held)
{
  pthread_mutex_lock(&recorder->lock);
  Lane *take = take_at(recorder, lane);
  if (take) recorder->take[lane] = NULL;
  pthread_mutex_unlock(&recorder->lock);
  if (!take) {
    snprintf(path, size, "no recording is running");
    return false;
  }
  atomic_store_explicit(&take->stop, true, memory_order_release);
  lane_join(take);
  count_missed(recorder, take);
  tell_total(take);
  *held = sink_frames(take->sink);
  const bool good = take->good;
  snprintf(path, size, "%s", good ? sink_path(take->sink) : sink_error(take->sink));
  lane_free(take);
  return good;
}

void recorder_tend(Recorder *recorder)
{
  const int64_t now = now_ms();
  for (int i = 0; i < recorder->outputs; ++i) lane_tell(recorder->output[i], now);
  pthread_mutex_lock(&recorder->lock);
  for (int i = 0; i < RECORDER_TAKES; ++i) {
    if (!recorder->take[i]) continue;
    count_missed(recorder, recorder->take[i]);
    lane_tell(recorder->take[i], now);
  }
  pthread_mutex_unlock(&recorder->lock);
}

uint64_t recorder_dropped(const Recorder *recorder)
{
  uint64_t dropped = recorder ? atomic_load_explicit(&recorder->missed, memory_order_relaxed) : 0;
  for (int i = 0; recorder && i < recorder->outputs; ++i)
    dropped += atomic_load_explicit(&recorder->output[i]->dropped, memory_order_relaxed);
  return dropped;
}

int recorder_over(const Recorder *recorder)
{
  int status = recorder->outputs > 0 ? 0 : -1;
  for (int i = 0; i < recorder->outputs; ++i) {
    if (!ended(recorder->output[i])) return -1;
    if (!recorder->output[i]->good) status = 1;
  }
  return status;
}

/// True once all have ended. A peer gets its second, a file whatever it takes.
static bool await_outputs(Recorder *recorder, bool hurry)
{
  const int64_t began = now_ms();
  for (;;) {
    const int64_t spent = now_ms() - began;
    bool waits = false;
    bool stuck = false;
    for (int i = 0; i < recorder->outputs; ++i) {
      Lane *lane = recorder->output[i];
      if (ended(lane)) continue;
      const bool file = sink_kind(lane->sink) == SINK_FILE;
      const bool give_up = !file && (hurry || !patient(recorder, lane)) && spent > PATIENCE_MS;
      if (give_up) lane_give_up(lane);
      if (give_up && spent > STUCK_MS) stuck = true; // looks up a name, say
      else waits = true;
    }
    if (!waits) return !stuck;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
}

bool recorder_stop(Recorder *recorder, bool hurry)
{
  if (!recorder) return true;
  bool whole = true;
  char path[PATH_MOST];
  uint64_t held;
  for (int i = 0; i < RECORDER_TAKES; ++i)
    if (recorder->take[i]) whole = recorder_end(recorder, i, path, sizeof path, &held) && whole;
  bool before[RECORDER_OUTPUTS]; // told and judged already
  for (int i = 0; i < recorder->outputs; ++i) {
    before[i] = ended(recorder->output[i]);
    atomic_store_explicit(&recorder->output[i]->stop, true, memory_order_release);
  }
  const bool all = await_outputs(recorder, hurry);
  for (int i = 0; i < recorder->outputs; ++i) {
    Lane *lane = recorder->output[i];
    tell_total(lane);
    if (!ended(lane)) continue;
    whole = (before[i] || lane->good) && whole;
    if (!all) continue;
    Ring *ring = lane->ring;
    lane_join(lane);
    lane_free(lane);
    ring_free(ring);
  }
  if (!all) return whole; // a thread that is still out there looks at it: the process ends anyway
  pthread_mutex_destroy(&recorder->lock);
  free(recorder);
  return whole;
}
