// SPDX-License-Identifier: ISC
// Values, and keys' slots, that bundles set at a frame to come: clients are told of them then, and
// not before.
#ifndef DAEMON_LATER_H
#define DAEMON_LATER_H

#include "values.h"

typedef enum LaterKind {
  LATER_VALUE,
  LATER_METERS, ///< number: their rate
  LATER_KEY     ///< its slot
} LaterKind;

typedef struct LaterValue {
  uint64_t due;   ///< frame
  uint64_t order; ///< later_add's: LaterValues.order of then
  bool by;        ///< set by a client, `from`
  OscPeer from;
  LaterKind kind;
  Value value;
  uint32_t voice; ///< or key
  uint32_t level; ///< or slot
  Number number;
} LaterValue;

/// In the order of their frames.
typedef struct LaterValues {
  LaterValue item[ENGINE_QUEUE];
  uint32_t count;
  uint64_t order; ///< of what was said, so far: one more for each
} LaterValues;

/// Now: it becomes what is.
void later_take(const LaterValue *item, Values *values, uint32_t *key_slot);
/// False when it is full, which the engine's queue is first.
bool later_add(LaterValues *later, const LaterValue *item);
/// Those up to a frame become what is.
void later_apply(LaterValues *later, Values *values, uint32_t *key_slot, uint64_t frame);
/// Those said after that will not be.
void later_drop(LaterValues *later, uint64_t order);
/// Those after a frame, that were said until then, will not be.
void later_clear(LaterValues *later, uint64_t frame, uint64_t order);

#endif
