// SPDX-License-Identifier: ISC
// A model that listens to codes, in either of two ways that agree: step by step, as the instrument
// runs, or whole sequences at a time.
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ListenMode { LISTEN_STEP, LISTEN_SEQUENCE } ListenMode;

enum { LISTEN_MOST = 4096 }; ///< codes a call

typedef struct Listener Listener;

/// The mode that `text` names; false when there is no such mode.
bool listen_mode(const char *text, ListenMode *mode);

/// Load the MODEL that `argument` names, and make ready. On failure says why and returns NULL.
Listener *listener_open(const char *command, const char *argument, ListenMode mode);
/// NULL is fine.
void listener_close(Listener *listener);

const CenoteModel *listener_model(const Listener *listener);

/// Back to the zero state.
void listener_reset(Listener *listener);

/// The next `count` (<= LISTEN_MOST) codes: logits[count][256] are the answers before each is seen.
/// Returns the sum of -log2 p(code), NaN once an answer is not finite.
double listener_hear(Listener *listener, const uint8_t *codes, size_t count, float *logits);

#endif
