// SPDX-License-Identifier: ISC
// The daemon's engine on a stage: commands go in, sound and events come out, and every kit and
// moment that goes in is looked for at the end.
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include "rt/engine.h"

enum { STAGE_OBJECTS = 8192 };

typedef struct StageOptions {
  const CenoteModel *model;
  double rate_hz;
  uint32_t voices;
  uint32_t channels; ///< 0: 2
  uint64_t seed;     ///< of the first, and one more for each
  size_t past_bytes; ///< of each voice
  bool wet;          ///< with limiter and DC blocker
  bool input;
  bool log;
  uint32_t events; ///< that fit into their ring, 0: 4096
} StageOptions;

typedef struct Stage {
  StageOptions options;
  Engine *engine;
  Ring *commands;
  Ring *events;
  Ring *input;
  Ring *log;
  uint32_t segments;              ///< so far
  uint32_t seen[EVENT_FADED + 1]; ///< events of each kind
  Event last[EVENT_FADED + 1];
  uint64_t at[EVENT_FADED + 1]; ///< frame of the block after which the last came
  uint32_t kits, moments;       ///< that the engine was given
  void *kit[STAGE_OBJECTS];     ///< that came back
  void *moment[STAGE_OBJECTS];
  uint32_t kits_back, moments_back;
} Stage;

/// All these fail the running test when they can't.
Stage *stage_new(const StageOptions *options);
/// Also fails when a kit or a moment was lost, or came back twice.
void stage_free(Stage *stage);

/// A kit whose voices have this seed.
Kit *stage_kit(const Stage *stage, const CenoteModel *model, uint64_t seed);
/// Room for a state of the stage's model, with nothing in it.
Moment *stage_room(const Stage *stage);
/// The state of a fresh voice of this seed after so many steps.
Moment *stage_moment(const CenoteModel *model, uint64_t seed, uint32_t steps);

/// What follows allocates nothing.
void stage_send(Stage *stage, Command command);
/// The next frames, out[frames][channels], with events read after each block.
void stage_play(Stage *stage, float *out, uint32_t frames, uint32_t block, uint32_t shares);
void stage_read_events(Stage *stage);

#endif
