// SPDX-License-Identifier: ISC
// Lanes: each a ring of frames, a sink, and a thread of its own that empties one into the
// other, so that a slow disk or peer disturbs nobody else. An output lives as long as the daemon,
// and its ring is the recorder's; a take comes and goes, and its ring is the engine's.
#ifndef DAEMON_RECORD_H
#define DAEMON_RECORD_H

#include "rt/ring.h"
#include "sink.h"

enum { RECORDER_OUTPUTS = 8, RECORDER_TAKES = 16 };

typedef struct Recorder Recorder;

/// `fast`: there is no clock, so recorder_room is asked. NULL: no memory.
Recorder *recorder_new(bool fast);

/// Before the render thread starts: an output with room for `frames` frames. The sink is the
/// recorder's from now on, unless false: no memory, no thread, or RECORDER_OUTPUTS there.
bool recorder_output(Recorder *recorder, Sink *sink, size_t frames);

/// For the render thread alone: frames[count][channels] to every output that goes on; one without
/// room misses them all, counted.
void recorder_write(Recorder *recorder, const float *frames, size_t count);
/// For the render thread alone: whether every output that is to miss nothing has room. Files are
/// such, and pipes where there is no file.
bool recorder_room(const Recorder *recorder, size_t count);

/// A take, from `ring` into `sink`, which is the recorder's from now on. Its lane, 0 to
/// RECORDER_TAKES - 1; -1 when none is free, or no thread: then the sink stays the caller's.
int recorder_add(Recorder *recorder, Ring *ring, Sink *sink);
/// End it, after the engine wrote the last frame into its ring: waits until all of it is written;
/// the ring is empty then. path[size] and the frames that it holds. False when it failed, with the
/// reason in path; what was written until then is a whole file.
bool recorder_end(Recorder *recorder, int lane, char *path, size_t size, uint64_t *held);

/// A file of a split that is whole, while the next is written, its frames and its lane (-1: of an
/// output); false when there is none. Of more than 64 that nobody asks for, the oldest are
/// forgotten.
bool recorder_next_file(Recorder *recorder, char *path, size_t size, uint64_t *frames, int *lane);

/// Now and then: tells on standard error which lanes drop frames.
void recorder_tend(Recorder *recorder);
/// Frames that outputs and takes missed, all together.
uint64_t recorder_dropped(const Recorder *recorder);
/// -1 while an output goes on, or there never was one. Else 0, or 1 if one of them failed.
int recorder_over(const Recorder *recorder);

/// After the render thread has ended: write what the rings hold, finish the files, free. A pipe
/// beside files, Icecast, and with `hurry` any pipe has a second for it. NULL is fine. False when
/// a file could not be finished.
bool recorder_stop(Recorder *recorder, bool hurry);

#endif
