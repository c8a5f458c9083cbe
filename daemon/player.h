// SPDX-License-Identifier: ISC
// The render thread: runs the engine a block at a time, with workers if there are more threads,
// ahead of the card, by a timer's clock, or as fast as it can, and hands the sound to the card's
// ring and the recorder's.
#ifndef DAEMON_PLAYER_H
#define DAEMON_PLAYER_H

#include "audio.h"
#include "rt/engine.h"

typedef struct PlayerOptions {
  Engine *engine;
  Audio *audio; ///< NULL: no card
  Ring *output; ///< NULL: no output file
  double rate_hz;
  uint32_t block; ///< frames
  double ahead_ms;
  uint32_t threads; ///< that render, 1 at least
  uint64_t frames;  ///< to play in all, 0: without end
  bool fast;        ///< no clock
} PlayerOptions;

typedef struct Player Player;

typedef struct PlayerStatus {
  float load_mean; ///< % of a block's time spent on it
  float load_peak; ///< since the last call
  uint32_t sounding;
  uint64_t frames;
  double rate_hz;   ///< as measured against the system's clock
  uint64_t late;    ///< gaps of the scheduler longer than ahead
  uint64_t dropped; ///< frames that the recorder had no room for
} PlayerStatus;

/// NULL when there is no thread.
Player *player_start(const PlayerOptions *options);
/// False once it has played all its frames.
bool player_playing(const Player *player);
void player_status(Player *player, PlayerStatus *out);
/// The card is dead: go on by the timer's clock.
void player_lose_card(Player *player);
/// NULL is fine.
void player_stop(Player *player);

#endif
