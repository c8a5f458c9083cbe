// SPDX-License-Identifier: ISC
// A model that listens to codes, in either of three ways that agree: step by step, as the
// instrument runs, by one voice or several, or whole sequences at a time.
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ListenMode {
  uint32_t voices; ///< that step side by side, hear the same and must agree; 0: whole sequences
  bool open;       ///< not asked for: a model of another precision than f32 is stepped
} ListenMode;

enum { LISTEN_MOST = 4096, LISTEN_VOICES = 64 }; ///< codes a call; voices

typedef struct Listener Listener;

/// The mode that `text` names; false when there is no such mode.
bool listen_mode(const char *text, ListenMode *mode);

/// Whether a mode has a precision; says so as cli_usage does when it has not.
bool listen_precision(const char *command, ListenMode mode, CenotePrecision precision);

/// Load the MODEL that `argument` names, and make ready. On failure says why and returns NULL.
Listener *listener_open(const char *command, const char *argument, ListenMode mode,
                        CenotePrecision precision);
/// NULL is fine.
void listener_close(Listener *listener);

const CenoteModel *listener_model(const Listener *listener);

/// Back to the zero state.
void listener_reset(Listener *listener);

/// The next `count` (<= LISTEN_MOST) codes: logits[count][256] are the answers before each is seen.
/// Returns the sum of -log2 p(code), NaN once an answer is not finite or the voices do not agree.
double listener_hear(Listener *listener, const uint8_t *codes, size_t count, float *logits);

#endif
