// SPDX-License-Identifier: ISC
// The record thread: empties two rings of stereo frames into two sinks, the daemon's own output
// and what /rec/start asked for.
#ifndef DAEMON_RECORD_H
#define DAEMON_RECORD_H

#include "rt/ring.h"
#include "sink.h"

typedef struct Recorder Recorder;

/// `output` (may be NULL) is its own from now on; `rings` stay the caller's. NULL: no memory or no
/// thread.
Recorder *recorder_start(Ring *output_ring, Sink *output, Ring *take_ring);
/// Write what the rings still hold, finish the files, end the thread. NULL is fine. False when a
/// file could not be finished.
bool recorder_stop(Recorder *recorder);

/// Begin a take; false while there is one.
bool recorder_take(Recorder *recorder, Sink *sink);
/// End it once `frames` frames of it are written: path[size] and the frames that it holds. False
/// when there is none, or it failed, with the reason in path.
bool recorder_end_take(Recorder *recorder, uint64_t frames, char *path, size_t size,
                       uint64_t *held);

/// True once the output could not be written; text[512] says why (empty: its reader has gone).
bool recorder_failed(Recorder *recorder, char text[static 512]);

#endif
