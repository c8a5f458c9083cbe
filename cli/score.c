// SPDX-License-Identifier: ISC
#include "score.h"

#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/// "clip 3 of 28: 45 %" on standard error, if that is a terminal; clip 0 wipes it.
static void show_progress(size_t clip, size_t clips, size_t at, size_t count)
{
  if (!isatty(STDERR_FILENO)) return;
  fprintf(stderr, "\r\033[K");
  if (clip > 0) fprintf(stderr, "clip %zu of %zu: %3zu %%", clip, clips, 100 * at / count);
  fflush(stderr);
}

/// Bits of a whole clip; NaN when an answer is not finite.
static double hear(Listener *listener, const uint8_t *codes, size_t count, float *logits,
                   size_t clip, size_t clips)
{
  double bits = 0.0;
  listener_reset(listener);
  for (size_t at = 0; at < count && !isnan(bits); at += LISTEN_MOST) {
    const size_t n = count - at < LISTEN_MOST ? count - at : LISTEN_MOST;
    show_progress(clip, clips, at, count);
    bits += listener_hear(listener, codes + at, n, logits);
  }
  show_progress(0, clips, 0, count);
  return bits;
}

/// What the clips share.
typedef struct Scorer {
  const char *command;
  Listener *const *listener;
  size_t listeners;
  float *logits; ///< [LISTEN_MOST][256]
  ScoreClip each;
  void *user;
} Scorer;

static int score_clip(const Scorer *scorer, const ClipList *list, size_t clip, Score *out)
{
  const ClipPath *path = &list->clip[clip];
  CenoteError err;
  uint8_t *codes;
  size_t count;
  const CenoteModel *model = listener_model(scorer->listener[0]);
  const CenoteStatus status = clip_codes(model, path->path, &codes, &count, &err);
  if (status == CENOTE_NOT_FOUND && !path->named) {
    cli_fail(scorer->command, "left out: %s", err.text); // said, but no failure
    return CLI_DONE;
  }
  if (status != CENOTE_OK) return cli_fail(scorer->command, "%s", err.text);
  double bits[SCORE_MOST] = {0.0};
  bool finite = true;
  for (size_t i = 0; i < scorer->listeners && finite; ++i) {
    bits[i] = hear(scorer->listener[i], codes, count, scorer->logits, clip + 1, list->count);
    finite = !isnan(bits[i]);
    out->bits[i] += bits[i];
  }
  free(codes);
  if (!finite)
    return cli_fail(scorer->command, "%s: the model's answers stop being finite", path->path);
  out->samples += count;
  ++out->clips;
  return scorer->each ? scorer->each(scorer->user, path->path, bits, count) : CLI_DONE;
}

int score_clips(const char *command, Listener *const *listener, size_t listeners,
                const ClipList *list, ScoreClip each, void *user, Score *out)
{
  *out = (Score){.clips = 0};
  Scorer scorer = {command, listener, listeners, NULL, each, user};
  scorer.logits = malloc(sizeof(float) * LISTEN_MOST * CENOTE_CLASSES);
  int result = scorer.logits ? CLI_DONE : cli_fail(command, "out of memory");
  for (size_t i = 0; result == CLI_DONE && i < list->count; ++i)
    result = score_clip(&scorer, list, i, out);
  free(scorer.logits);
  return result;
}
