// SPDX-License-Identifier: ISC
// Kits and moments: made and freed away from audio time.
#ifndef DAEMON_KIT_H
#define DAEMON_KIT_H

#include "rt/stream.h"

/// Streams of the model at rate_hz, and room for a past of past_bytes with a state each 1/4 s.
/// NULL: no memory.
Kit *kit_new(const CenoteModel *model, double rate_hz, size_t past_bytes);
/// NULL is fine.
void kit_free(Kit *kit);

/// Room for a state of so many bytes; NULL: no memory. free() it.
Moment *moment_new(size_t room);

#endif
