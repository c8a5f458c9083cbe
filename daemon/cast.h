// SPDX-License-Identifier: ISC
// An Icecast stream: Ogg Vorbis by libsndfile, sent by libshout, which connects again by itself.
// Used by one thread; only cast_give_up is for any.
#ifndef DAEMON_CAST_H
#define DAEMON_CAST_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Cast Cast;

/// url: icecast://[USER:][PASSWORD@]HOST[:PORT]/MOUNT; without PASSWORD that of the environment's
/// ICECAST_PASSWORD. Connects to nothing yet.
CenoteStatus cast_open(const char *url, uint32_t rate_hz, Cast **out, CenoteError *err);
/// The URL without user and password.
const char *cast_name(const Cast *cast);
/// Whether it is connected; when it is not, tries again once that is due, and tells.
bool cast_ready(Cast *cast);
/// numbers[count][2]. What the server no longer takes is lost.
void cast_write(Cast *cast, const int16_t *numbers, size_t count);
/// From any thread: what is not sent yet is not to be waited for.
void cast_give_up(Cast *cast);
/// End the stream, with what the server still takes within a second.
void cast_end(Cast *cast);
/// End and free. NULL is fine.
void cast_close(Cast *cast);

#endif
