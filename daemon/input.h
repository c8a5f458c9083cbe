// SPDX-License-Identifier: ISC
// What is listened to, from a file or a pipe: a thread reads it, brings it to the output's rate,
// and fills a ring of mono frames. A sound card's input has a ring of its own (audio_input).
#ifndef DAEMON_INPUT_H
#define DAEMON_INPUT_H

#include "rt/ring.h"

#include <cenote/cenote.h>

typedef struct Input Input;

/// A file that libsndfile reads, or "-", or another pipe: WAV or AU, or else raw mono 16-bit
/// samples of this machine's byte order at rate_hz. Channels are averaged. A file that cannot be
/// read is refused here; of a pipe, which may be silent for long, it is said on standard error, and
/// it ends. `path` is kept.
Input *input_open(const char *path, double rate_hz, CenoteError *err);

/// Mono frames at rate_hz, at most half a second of them. While it is full the thread waits, so
/// nothing of a file is lost. Where it is empty there is silence.
Ring *input_ring(Input *input);
/// For the ring's reader where there is no clock, before a block: wait until `frames` are there.
/// False: there are fewer, and no more will come.
bool input_wait(Input *input, size_t frames);
/// Whether all of it is in the ring, or was.
bool input_ended(const Input *input);
/// Frames put into the ring.
uint64_t input_frames(const Input *input);

/// From any thread: no more comes, and input_wait ends. NULL is fine.
void input_stop(Input *input);
/// NULL is fine.
void input_close(Input *input);

#endif
