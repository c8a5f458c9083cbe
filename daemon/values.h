// SPDX-License-Identifier: ISC
// Controls that have a value: what they are called, their range, what they are set to, and what
// clients are owed of it.
#ifndef DAEMON_VALUES_H
#define DAEMON_VALUES_H

#include "osc.h"
#include "rt/command.h"

/// The master's first, then each voice's, then each level's.
typedef enum Value {
  VALUE_MASTER_GAIN,
  VALUE_MASTER_MUTE,
  VALUE_RUN,
  VALUE_SEED,
  VALUE_TEMPERATURE,
  VALUE_TOP_K,
  VALUE_TOP_P,
  VALUE_GAIN,
  VALUE_MUTE,
  VALUE_PAN,
  VALUE_ATTACK,
  VALUE_RELEASE,
  VALUE_FADE,
  VALUE_SPEED,
  VALUE_LISTEN,
  VALUE_LEVEL_GAIN,
  VALUE_LEVEL_FREEZE,
  VALUE_LEVEL_CLOCK,
  VALUE_LEVEL_NOISE,
  VALUES,
  VALUE_NONE = VALUES,
  VALUE_VOICE = VALUE_RUN,       ///< first of a voice
  VALUE_LEVEL = VALUE_LEVEL_GAIN ///< first of a level
} Value;

typedef struct Number {
  double real;
  int64_t whole; ///< the same, rounded, or exactly as it came
} Number;

/// Feedback owed to the clients.
typedef struct Owed {
  bool owed;
  int64_t sent_ns;
  OscPeer setter;
} Owed;

typedef struct Values {
  Number value[VALUES][ENGINE_VOICES][ENGINE_LEVELS];
  Owed owed[VALUES][ENGINE_VOICES][ENGINE_LEVELS];
  uint32_t owing; ///< how many are owed
  float meter_hz; ///< 0: off; told to nobody
} Values;

/// All at their defaults, seeds first, first + 1, ...
void values_init(Values *values, uint64_t seed);
/// Note a new value, set by `from` (NULL: by nobody).
void values_set(Values *values, const OscPeer *from, Value value, uint32_t voice, uint32_t level,
                Number number);
Number values_get(const Values *values, Value value, uint32_t voice, uint32_t level);
double values_default(Value value);
/// Whether it is on or off.
bool values_toggle(Value value);
/// dB to a linear gain; -90 is silence.
double values_linear(double db);
/// The command that sets it.
Command values_command(Value value, uint32_t voice, uint32_t level, Number number);
/// The value as a message's argument, and the address that it has.
void values_add(const Values *values, Value value, uint32_t voice, uint32_t level,
                lo_message message);
void values_address(Value value, uint32_t voice, uint32_t level, char address[static 64]);

#endif
