// SPDX-License-Identifier: ISC
#include "lane.h"

#include "now.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { POLL_NS = 4000000, FLUSH_MS = 500 };

/// A peer that is not there: live sound is not kept for it. Missed is what comes after a beginning.
static void discard(Lane *lane)
{
  size_t count = 0;
  if (atomic_load_explicit(&lane->hold, memory_order_relaxed)) return;
  while ((count = ring_read(lane->ring, lane->buffer, lane->most)) > 0)
    if (sink_frames(lane->sink) > 0)
      atomic_fetch_add_explicit(&lane->dropped, count, memory_order_relaxed);
}

/// True when there was something.
static bool move(Lane *lane)
{
  const size_t count = ring_read(lane->ring, lane->buffer, lane->most);
  if (count > 0) sink_write(lane->sink, lane->buffer, count);
  return count > 0;
}

static void finish(Lane *lane)
{
  if (atomic_load_explicit(&lane->given_up, memory_order_acquire))
    atomic_fetch_add_explicit(&lane->dropped, ring_filled(lane->ring), memory_order_relaxed);
  const bool whole = sink_finish(lane->sink);
  lane->good = whole || sink_reader_gone(lane->sink);
  if (!lane->good)
    fprintf(stderr, "cenoted: %s; it ends there, with %" PRIu64 " frames\n", sink_error(lane->sink),
            sink_frames(lane->sink));
  atomic_store_explicit(&lane->ended, true, memory_order_release);
}

static void *run(void *data)
{
  Lane *lane = data;
  int64_t flushed_ms = now_ms();
  for (;;) {
    // Before the ring is looked at: what was written before the stop is moved.
    const bool stop = atomic_load_explicit(&lane->stop, memory_order_acquire);
    if (atomic_load_explicit(&lane->given_up, memory_order_acquire)) break;
    const bool ready = sink_ready(lane->sink);
    const bool more = ready && move(lane);
    if (!ready) discard(lane);
    // A kill loses less than a second, the file system's part included.
    const int64_t now = now_ms();
    if (now - flushed_ms > FLUSH_MS) {
      sink_flush(lane->sink);
      flushed_ms = now;
    }
    if (sink_error(lane->sink)[0] != '\0') break;
    if (more) continue;
    if (stop && (ready || ring_filled(lane->ring) == 0)) break;
    nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
  }
  finish(lane);
  return NULL;
}

Lane *lane_start(Ring *ring, Sink *sink, int number, bool hold)
{
  Lane *lane = calloc(1, sizeof *lane);
  if (!lane) return NULL;
  lane->ring = ring;
  lane->sink = sink;
  lane->number = number;
  lane->most = sizeof lane->buffer / (sink_channels(sink) * sizeof(float));
  atomic_init(&lane->stop, false);
  atomic_init(&lane->hold, hold);
  atomic_init(&lane->given_up, false);
  atomic_init(&lane->ended, false);
  atomic_init(&lane->dropped, 0);
  if (pthread_create(&lane->thread, NULL, run, lane) == 0) return lane;
  free(lane);
  return NULL;
}

void lane_give_up(Lane *lane)
{
  atomic_store_explicit(&lane->given_up, true, memory_order_release);
  sink_give_up(lane->sink);
  pthread_kill(lane->thread, SIGURG); // out of a write that sleeps
}

void lane_tell(Lane *lane, int64_t now_ms)
{
  const uint64_t dropped = atomic_load_explicit(&lane->dropped, memory_order_relaxed);
  if (dropped == lane->told) {
    if (now_ms - lane->told_ms > 1000) lane->telling = false;
    return;
  }
  lane->told = dropped;
  lane->told_ms = now_ms;
  if (!lane->telling)
    fprintf(stderr, "cenoted: %s does not keep up: frames are dropped\n", sink_name(lane->sink));
  lane->telling = true;
}

void lane_join(Lane *lane)
{
  pthread_join(lane->thread, NULL);
  while (ring_read(lane->ring, lane->buffer, lane->most) > 0) continue;
}

void lane_free(Lane *lane)
{
  sink_close(lane->sink);
  free(lane);
}
