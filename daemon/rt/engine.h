// SPDX-License-Identifier: ISC
// Audio time of the daemon: takes commands, renders every voice at the output rate, mixes to
// stereo. It never waits, frees or allocates: what it has done with goes back by the event ring.
// A block is begun, run in shares that threads may take side by side, and ended.
#ifndef DAEMON_ENGINE_H
#define DAEMON_ENGINE_H

#include "rt/ring.h"

#include <cenote/cenote.h>

enum {
  ENGINE_VOICES = 64,  ///< at most
  ENGINE_CHUNK = 32,   ///< model steps made at a time for the resampler
  ENGINE_BLOCK = 8192, ///< frames of one block at most
  ENGINE_CHANNELS = 2
};

/// A number that moves in a straight line to its target, so that nothing clicks.
typedef struct Ramp {
  float now;
  float target;
  float step;
  uint32_t left; ///< frames to go
} Ramp;

typedef struct Part {
  CenoteVoice *voice;
  CenoteResampler *resampler; ///< NULL: the model runs at the output rate
  float chunk[ENGINE_CHUNK];  ///< model samples not yet resampled
  uint32_t chunk_at;
  uint32_t chunk_held;
  uint32_t made; ///< frames of this block that are in `sound`
  double lag;    ///< steps, below a chunk: how late it is against the parts that never stood still
  Ramp gain;     ///< gain, and 0 while muted
  Ramp run;      ///< 1, or 0 while it stands still
  float level;   ///< linear gain as set
  bool muted;
  bool told;      ///< that it stopped being finite
  float last;     ///< last value before gain: what a reset glides away from
  float residue;  ///< of that glide
  uint32_t glide; ///< frames to go
  float sound[ENGINE_BLOCK];
} Part;

/// The voices that sound together, of one model. Made and freed by the job thread.
typedef struct Ensemble {
  void *model; ///< the job thread's
  double pace; ///< model steps in an output frame
  uint32_t parts;
  Part part[];
} Ensemble;

typedef enum CommandKind {
  COMMAND_ENSEMBLE, ///< object: crossfade to it
  COMMAND_RUN,
  COMMAND_RESET,
  COMMAND_SEED, ///< whole
  COMMAND_TEMPERATURE,
  COMMAND_TOP_K,
  COMMAND_TOP_P,
  COMMAND_GAIN, ///< number: linear
  COMMAND_MUTE,
  COMMAND_MASTER_GAIN,
  COMMAND_MASTER_MUTE,
  COMMAND_TAP, ///< whole: 1 on, 0 off; voice: 0 the mix
  COMMAND_FADE ///< to silence, for the end
} CommandKind;

typedef struct Command {
  CommandKind kind;
  uint32_t voice; ///< from 0; for COMMAND_TAP from 1
  double number;
  uint64_t whole;
  Ensemble *ensemble;
} Command;

typedef enum EventKind {
  EVENT_RETIRED,    ///< ensemble: no longer used
  EVENT_NOT_FINITE, ///< voice
  EVENT_TAP_OFF,    ///< whole: frames tapped
  EVENT_FADED
} EventKind;

typedef struct Event {
  EventKind kind;
  uint32_t voice;
  uint64_t whole;
  Ensemble *ensemble;
} Event;

typedef struct Engine Engine;

/// Rings: Commands in, Events out, and stereo frames out to the recorder. The ensemble (may not be
/// NULL) sounds from the first frame on, with no attack.
Engine *engine_new(double rate_hz, bool dry, Ensemble *first, Ring *commands, Ring *events,
                   Ring *tap);
/// NULL is fine. The ensembles that it still holds are the caller's: engine_take.
void engine_free(Engine *engine);

/// After the last render: an ensemble still held, NULL when there is none left.
Ensemble *engine_take(Engine *engine);

/// Begin a block of 1 <= frames <= ENGINE_BLOCK. How many voices there are to share out, 0 too.
CENOTE_RT uint32_t engine_begin(Engine *engine, uint32_t frames);
/// Render share number `share` of `shares` equal ones; each once, from whatever thread, all after
/// engine_begin and before engine_end. The sound does not depend on how many there are.
CENOTE_RT void engine_run(Engine *engine, uint32_t share, uint32_t shares);
/// Mix and end the block: out[frames][2].
CENOTE_RT void engine_end(Engine *engine, float *out);

/// For the render thread alone: voices running, frames rendered, frames that the tap had no room
/// for.
CENOTE_RT uint32_t engine_sounding(const Engine *engine);
CENOTE_RT uint64_t engine_frames(const Engine *engine);

/// 5 ms, the length of every ramp but the crossfade's and the end's 20 ms.
#define ENGINE_RAMP_S 0.005
#define ENGINE_FADE_S 0.020

#endif
