// SPDX-License-Identifier: ISC
// A log's file as a row of chunks.
#ifndef DAEMON_REPLAY_FILE_H
#define DAEMON_REPLAY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ReplayFile {
  unsigned char *bytes;
  size_t size;
} ReplayFile;

typedef struct ReplayChunk {
  uint64_t kind, size;
  const unsigned char *bytes;
} ReplayChunk;

/// All of it; NULL, or why not.
const char *replay_file_read(const char *path, ReplayFile *file);
void replay_file_free(ReplayFile *file);

/// The chunk at *at (the first: 8), which moves on; false at the end, or where the rest is cut off.
bool replay_file_next(const ReplayFile *file, size_t *at, ReplayChunk *out);

#endif
