// SPDX-License-Identifier: ISC
#ifndef DAEMON_ENGINE_STRUCT_H
#define DAEMON_ENGINE_STRUCT_H

#include "rt/engine.h"
#include "rt/schedule.h"

enum { ENGINE_BACK = 256, ENGINE_EAR = 1024 };

typedef struct Tap {
  Ring *ring;    ///< NULL: off
  int32_t voice; ///< -1: the mix
  uint64_t frames;
  bool ending; ///< its event waits for room
  Ring *ended;
} Tap;

struct Engine {
  EngineOptions options;
  PartTimes times;
  uint64_t frames;
  uint64_t names; ///< of streams, given so far
  uint64_t late;
  uint64_t timed;   ///< commands with a frame of their own, taken so far
  uint32_t segment; ///< frames of this one
  uint32_t meter_every;
  uint64_t meter_last;
  uint32_t trigger; ///< the last one's slot_b,
  int32_t taken;    ///< and the voice that it took; -1: it was refused
  bool logging;
  uint64_t unlogged; ///< commands and pieces of input that the log's rings had no room for
  Part part[ENGINE_VOICES];
  Moment *slot[ENGINE_SLOTS];
  uint16_t key_slot[ENGINE_KEYS];
  Tap tap[ENGINE_TAPS];
  Event back[ENGINE_BACK]; ///< events that the ring had no room for
  uint32_t backs;
  Stream *running[2 * ENGINE_VOICES];
  uint32_t runnings;
  Ramp master; ///< gain, and 0 while muted
  Ramp end;    ///< 1, or 0 when all is over
  float master_level;
  bool master_muted;
  bool ending;
  bool ended;
  double pole; ///< of the DC blocker
  double dc_in[ENGINE_CHANNELS];
  double dc_out[ENGINE_CHANNELS];
  Schedule schedule;
  float input[ENGINE_BLOCK];
  float ear[ENGINE_EAR];
  float mix[ENGINE_CHANNELS * ENGINE_BLOCK];
  float alone[ENGINE_TAPS][ENGINE_CHANNELS * ENGINE_BLOCK];
};

/// Say something to the OSC thread; kept while its ring is full.
CENOTE_RT void engine_tell(Engine *engine, Event event);
/// Answers to whoever asked, if anybody did.
CENOTE_RT void engine_refuse(Engine *engine, const Command *command, Refusal why);
CENOTE_RT void engine_answer(Engine *engine, const Command *command, int32_t voice, double number);
/// It will not be done: what it carries goes back, who asked is told. False for one that must be.
CENOTE_RT bool engine_drop(Engine *engine, const Command *command, Refusal why);
/// A command as it was taken, for the log.
CENOTE_RT void engine_log(Engine *engine, const Command *command);
/// A moment that is done with; NULL is fine.
CENOTE_RT void engine_give_back(Engine *engine, void *moment);
/// part_turn; what the old stream had of the schedule is the new one's to do.
CENOTE_RT void engine_turn(Engine *engine, Part *part, uint32_t frames, bool whole);
/// Do a command of the second kind, or one of the first on what plays now.
CENOTE_RT void engine_do(Engine *engine, const Command *command);
/// The mix to the output: gain, DC blocker, limiter.
CENOTE_RT void engine_master(Engine *engine, float *out);
/// Listening parts hear this segment's input.
CENOTE_RT void engine_hear(Engine *engine);
/// Keep a voice's past.
CENOTE_RT void engine_remember(Engine *engine, Part *part);

#endif
