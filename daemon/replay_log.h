// SPDX-License-Identifier: ISC
// A log of all that was done to the engine, and at which frame: from it `cenote replay` makes the
// same samples. Chunks of a kind, a size and bytes, in this machine's order and this build's
// structs, whose sizes the head names.
#ifndef DAEMON_REPLAY_LOG_H
#define DAEMON_REPLAY_LOG_H

#include "rt/command.h"

#include <stdio.h>

#define REPLAY_MAGIC "CENLOG1\n"

typedef enum ReplayKind {
  REPLAY_HEAD = 'H',     ///< ReplayHead
  REPLAY_MODEL = 'L',    ///< ReplayModel
  REPLAY_SNAPSHOT = 'S', ///< see rt/snapshot.h
  REPLAY_COMMAND = 'C',  ///< Logged; its object is a name
  REPLAY_MOMENT = 'M',   ///< ReplayObject and a state
  REPLAY_KIT = 'K',      ///< ReplayObject and the state of its voice
  REPLAY_INPUT = 'I',    ///< mono frames that were listened to
  REPLAY_END = 'E'       ///< uint64_t: the frame after the last
} ReplayKind;

typedef struct ReplayHead {
  uint32_t logged_bytes, snapshot_bytes, voice_bytes; ///< of the structs
  uint32_t voices;
  uint32_t block;
  uint32_t dry;
  uint32_t listens; ///< whether there is an input
  uint32_t precision;
  uint32_t channels;
  uint32_t reserved; ///< 0
  double rate_hz;
  double past_bytes;
} ReplayHead;

typedef struct ReplayModel {
  uint64_t hash;
  char path[1024];
} ReplayModel;

typedef struct ReplayObject {
  uint64_t name; ///< as commands have it from here on
  uint64_t hash; ///< of its model
} ReplayObject;

typedef struct ReplayLog ReplayLog;

/// A new file; an existing one is refused.
CenoteStatus replay_log_open(const char *path, ReplayLog **out, CenoteError *err);
/// A chunk; an error is kept for replay_log_close.
void replay_log_add(ReplayLog *log, ReplayKind kind, const void *bytes, size_t size);
/// A chunk of two pieces.
void replay_log_add_two(ReplayLog *log, ReplayKind kind, const void *head, size_t head_size,
                        const void *bytes, size_t size);
/// Bring it to the kernel.
void replay_log_flush(ReplayLog *log);
/// So many commands never came to it: it will not replay.
void replay_log_lost(ReplayLog *log, uint64_t count);
/// False when it is not whole: err names the file.
bool replay_log_close(ReplayLog *log, uint64_t end_frame, CenoteError *err);

#endif
