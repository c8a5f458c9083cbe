// SPDX-License-Identifier: ISC
// What a sound card's callback does, whichever library calls it: it copies, and counts.
#ifndef DAEMON_CARD_H
#define DAEMON_CARD_H

#include "rt/command.h"
#include "rt/ring.h"

#include <stdatomic.h>

/// Between a card's callback and everybody else. The counters only grow; the rings outlive the
/// device, which may be opened again.
typedef struct Card {
  Ring *out;       ///< frames to play; NULL: none
  Ring *in;        ///< mono frames heard; NULL: none
  size_t channels; ///< of `out`
  bool started;    ///< the callback's: whether sound has ever come
  _Atomic uint64_t callbacks;
  _Atomic uint64_t xruns;      ///< callbacks that found `out` short
  _Atomic uint64_t underflows; ///< the device's own
  _Atomic uint64_t overruns;   ///< frames heard that `in` had no room for
  _Atomic uint32_t period;     ///< frames that it takes at a time, 0: not known
  _Atomic uint32_t latency_us; ///< from callback to loudspeaker, 0: not known
  atomic_bool dead;            ///< the device has said that it is gone
} Card;

/// The next `frames` frames, to[channel][i * stride]; silence where the ring is short.
CENOTE_RT void card_play(Card *card, float *const *to, size_t stride, size_t frames);
/// Take in[frames][channels], the mean of its channels.
CENOTE_RT void card_hear(Card *card, const float *in, size_t channels, size_t frames);
/// The end of a callback.
CENOTE_RT void card_turn(Card *card, bool underflow);

#endif
