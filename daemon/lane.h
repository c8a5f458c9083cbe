// SPDX-License-Identifier: ISC
// One ring, one sink, one thread between them.
#ifndef DAEMON_LANE_H
#define DAEMON_LANE_H

#include "rt/ring.h"
#include "sink.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct Lane {
  Ring *ring;
  Sink *sink;
  int number;  ///< of a take; -1: an output
  size_t most; ///< frames that `buffer` holds
  pthread_t thread;
  atomic_bool stop;         ///< write what the ring holds, and end
  atomic_bool hold;         ///< until its reader comes, the ring keeps the frames
  atomic_bool given_up;     ///< leave what is in the ring
  atomic_bool ended;        ///< the sink is finished: look at `good`
  bool good;                ///< it is whole, or its reader has gone
  _Atomic uint64_t dropped; ///< frames that the ring or the peer missed
  uint64_t told;            ///< lane_tell's: of `dropped`
  int64_t told_ms;          ///< when it last grew, 0: never
  bool telling;             ///< an episode has begun
  float buffer[4096];
} Lane;

/// NULL: no memory or no thread; ring and sink stay the caller's then.
Lane *lane_start(Ring *ring, Sink *sink, int number, bool hold);
/// That a peer is waited for no longer.
void lane_give_up(Lane *lane);
/// One line when frames begin to be dropped, after a second without at the earliest.
void lane_tell(Lane *lane, int64_t now_ms);
/// Wait for its end, and empty the ring.
void lane_join(Lane *lane);
/// After that: close the sink, free it; the ring is the caller's.
void lane_free(Lane *lane);

#endif
