// SPDX-License-Identifier: ISC
// The render thread: runs the engine a block at a time, with workers if there are more threads,
// ahead of the card, by a timer's clock, or as fast as it can, and hands the sound to the card's
// ring and the recorder's.
#ifndef DAEMON_PLAYER_H
#define DAEMON_PLAYER_H

#include "audio.h"
#include "clock.h"
#include "input.h"
#include "record.h"
#include "rt/engine.h"

typedef struct PlayerOptions {
  Engine *engine;
  Audio *audio;       ///< NULL: no card
  Recorder *recorder; ///< of the output files
  Input *input;       ///< waited for where there is no clock; NULL: none
  double rate_hz;
  uint32_t block; ///< frames
  uint32_t channels;
  double ahead_ms;
  uint32_t threads; ///< that render, 1 at least
  uint64_t frames;  ///< to play in all, 0: without end
  bool fast;        ///< no clock
} PlayerOptions;

typedef struct Player Player;

typedef struct PlayerStatus {
  float load_mean; ///< % of a block's time spent on it
  float load_peak; ///< in the last second or two
  uint32_t sounding;
  uint64_t frames;
  double rate_hz; ///< as measured against the system's clock
  uint64_t late;  ///< gaps of the scheduler longer than ahead
} PlayerStatus;

/// NULL when there is no thread.
Player *player_start(const PlayerOptions *options);
/// False once it has played all its frames.
bool player_playing(const Player *player);
void player_status(const Player *player, PlayerStatus *out);
/// Rendered so far. NULL: none.
uint64_t player_frames(const Player *player);
/// Commands with a frame of their own that wait no longer, so far. NULL: none.
uint64_t player_gone(const Player *player);
/// Whether the card is there: without it, go on by the timer's clock.
void player_set_card(Player *player, bool there);
/// Whether it is about to come short for want of computing time, not of the scheduler's favour.
bool player_overloaded(const Player *player);
/// Steps that the first voice's resampler reads ahead.
double player_look(const Player *player);

/// NTP time of what is heard now, on the clock's line: where there is no clock, of what is made
/// now.
uint64_t player_clock_now(const Player *player, const Clock *clock);
/// Begin the line; and, once in a while, put it right.
void player_init_clock(const Player *player, Clock *clock);
void player_correct_clock(Player *player, Clock *clock);
/// NULL is fine.
void player_stop(Player *player);

#endif
