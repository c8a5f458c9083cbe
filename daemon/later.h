// SPDX-License-Identifier: ISC
// Values that bundles set at a frame to come: clients are told of them then, and not before.
#ifndef DAEMON_LATER_H
#define DAEMON_LATER_H

#include "values.h"

typedef struct LaterValue {
  uint64_t due; ///< frame
  bool by;      ///< set by a client, `from`
  OscPeer from;
  Value value; ///< VALUE_NONE: the rate of the meters
  uint32_t voice;
  uint32_t level;
  Number number;
} LaterValue;

/// In the order of their frames.
typedef struct LaterValues {
  LaterValue item[ENGINE_QUEUE];
  uint32_t count;
} LaterValues;

/// Now: it becomes what is.
void later_take(const LaterValue *item, Values *values);
/// False when it is full, which the engine's queue is first.
bool later_add(LaterValues *later, const LaterValue *item);
/// Those up to a frame become what is.
void later_apply(LaterValues *later, Values *values, uint64_t frame);
/// Those after a frame will not be.
void later_clear(LaterValues *later, uint64_t frame);

#endif
