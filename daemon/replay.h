// SPDX-License-Identifier: ISC
// A log played again: the same engine, the same commands at the same frames, hence the same
// samples.
#ifndef DAEMON_REPLAY_H
#define DAEMON_REPLAY_H

#include <cenote/cenote.h>

typedef struct Replay Replay;

/// Read a log, and the weights that it names. On failure err names the file and what is wrong.
CenoteStatus replay_open(const char *path, Replay **out, CenoteError *err);
/// NULL is fine.
void replay_close(Replay *replay);

double replay_rate(const Replay *replay);
uint32_t replay_channels(const Replay *replay);
/// Frames in all.
uint64_t replay_frames(const Replay *replay);
/// The next frames, out[..][channels]; how many, at most 8192, 0 at the end. UINT32_MAX: the log is
/// damaged, and err says where.
uint32_t replay_render(Replay *replay, float *out, CenoteError *err);

#endif
