// SPDX-License-Identifier: ISC
// Audio files, found and read.
#ifndef TRAINER_CLIP_LIST_H
#define TRAINER_CLIP_LIST_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ClipPath {
  char *path;
  bool named; ///< by the user, not found in a folder
} ClipPath;

typedef struct ClipList {
  ClipPath *clip;
  size_t count;
  size_t room;
  bool raw;        ///< files named .raw are audio too
  const char *own; ///< FOLDER/NAME: NAME.N.wav in this folder is passed over; NULL: nothing is
} ClipList;

/// Append a file as it is, or all files below a folder whose names end like audio, sorted by path.
/// A folder without any is an error. Hidden files and linked folders are passed over.
CenoteStatus clip_list_add(ClipList *list, const char *path, CenoteError *err);

/// A zeroed struct is fine.
void clip_list_clear(ClipList *list);

/// What a file without a header holds: 16-bit little-endian PCM.
typedef struct ClipRaw {
  uint32_t rate_hz;
  uint32_t channels;
} ClipRaw;

/// Is it named .raw?
bool clip_is_raw(const char *name);

/// A file in any format that libsndfile reads: channels averaged, brought to rate_hz, in int16
/// units. `raw` (NULL: none) tells of files named .raw. free() *samples. On failure, or when it
/// holds no samples, err names the file; CENOTE_NOT_FOUND when it is not audio, or none is in it.
CenoteStatus clip_samples(const char *path, uint32_t rate_hz, const ClipRaw *raw, float **samples,
                          size_t *count, CenoteError *err);

#endif
