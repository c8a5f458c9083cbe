// SPDX-License-Identifier: ISC
// Audio time of the daemon: takes commands, each at its frame, renders every voice at the output
// rate, mixes them. It never waits, frees or allocates: what it has done with goes back by the
// event ring. A block is made of segments, cut where a command is due; a segment is begun, run in
// shares that threads may take side by side, and ended.
#ifndef DAEMON_ENGINE_H
#define DAEMON_ENGINE_H

#include "rt/command.h"
#include "rt/part.h"
#include "rt/ring.h"

typedef struct Engine Engine;

typedef struct EngineOptions {
  double rate_hz;
  uint32_t voices;
  uint32_t channels; ///< of the output, 1 to ENGINE_CHANNELS; 0: stereo
  bool dry;          ///< without limiter and DC blocker
  Ring *commands;    ///< Command, in
  Ring *events;      ///< Event, out
  Ring *input;       ///< mono frames to listen to; NULL: silence
  Ring *log;         ///< Logged, out; NULL: no log
  Ring *heard;       ///< mono frames out, that were listened to while there is a log; NULL
} EngineOptions;

/// kit[voices] sound from the first frame on, with no attack. NULL: no memory.
Engine *engine_new(const EngineOptions *options, Kit *const *kit);
/// NULL is fine. What it still holds is the caller's: engine_take.
void engine_free(Engine *engine);

/// After the last segment: a kit, a moment still held; NULL when there is none left.
Kit *engine_take_kit(Engine *engine);
Moment *engine_take_moment(Engine *engine);
/// Before the first segment.
Part *engine_part(Engine *engine, uint32_t voice);
void engine_dress(Engine *engine, uint32_t voice, const PartSet *set);
/// The same for the master's gain, linear.
void engine_set_master(Engine *engine, float gain, bool muted);

/// Begin a segment of at most 1 <= frames <= ENGINE_BLOCK; its length.
CENOTE_RT uint32_t engine_begin(Engine *engine, uint32_t frames);
/// Streams that the segment has to run, to be shared out; 0 too.
CENOTE_RT uint32_t engine_streams(const Engine *engine);
/// Render share number `share` of `shares` equal ones; each once, from whatever thread, all after
/// engine_begin and before engine_end. The sound does not depend on how many there are.
CENOTE_RT void engine_run(Engine *engine, uint32_t share, uint32_t shares);
/// Mix and end the segment: out[frames][channels].
CENOTE_RT void engine_end(Engine *engine, float *out);

/// For the render thread alone: voices running, frames rendered, commands that were late, and those
/// that wait for their frame.
CENOTE_RT uint32_t engine_sounding(const Engine *engine);
CENOTE_RT uint64_t engine_frames(const Engine *engine);
CENOTE_RT uint64_t engine_late(const Engine *engine);
/// Commands and pieces of input that did not get into the log.
CENOTE_RT uint64_t engine_unlogged(const Engine *engine);
CENOTE_RT uint32_t engine_waiting(const Engine *engine);
/// Commands with a frame of their own that have been taken and wait no longer.
CENOTE_RT uint64_t engine_gone(const Engine *engine);

/// 5 ms, the length of every ramp but the end's 20 ms.
#define ENGINE_RAMP_S 0.005
#define ENGINE_FADE_S 0.020

#endif
