// SPDX-License-Identifier: ISC
// How many bits models need for recordings: what `cenote eval` tells and `cenote quantize` notes.
#ifndef CLI_SCORE_H
#define CLI_SCORE_H

#include "clip.h"
#include "listen.h"

enum { SCORE_MOST = 2 }; ///< listeners

typedef struct Score {
  double bits[SCORE_MOST]; ///< of all samples together, one a listener
  uint64_t samples;
  size_t clips;
} Score;

/// Called after each clip with the bits of each listener; CLI_DONE goes on.
typedef int (*ScoreClip)(void *user, const char *path, const double *bits, size_t count);

/// Each clip through each listener, from the zero state. Their models read clips alike. Files found
/// in a folder that are no audio are left out and said so; anything else that goes wrong is said
/// and ends it: CLI_FAILED, or what `each` (may be NULL) returns. That none was audio is left to
/// the caller. Progress on a terminal.
int score_clips(const char *command, Listener *const *listener, size_t listeners,
                const ClipList *list, ScoreClip each, void *user, Score *out);

#endif
