// SPDX-License-Identifier: ISC
// Audio files, found and read as the codes that a model was trained on.
#ifndef CLI_CLIP_H
#define CLI_CLIP_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Codes of a file in any format that libsndfile reads: channels averaged, brought to the model's
/// rate, encoded as the model's metadata says. free() *codes. On failure, or when it holds no
/// samples, err names the file; CENOTE_NOT_FOUND when it is not audio, or none is in it.
CenoteStatus clip_codes(const CenoteModel *model, const char *path, uint8_t **codes, size_t *count,
                        CenoteError *err);

typedef struct ClipPath {
  char *path;
  bool named; ///< by the user, not found in a folder
} ClipPath;

typedef struct ClipList {
  ClipPath *clip;
  size_t count;
  size_t room;
} ClipList;

/// Append a file as it is, or all files below a folder whose names end like audio, sorted by path.
/// A folder without any is an error. Hidden files and linked folders are passed over.
CenoteStatus clip_list_add(ClipList *list, const char *path, CenoteError *err);

/// A zeroed struct is fine.
void clip_list_clear(ClipList *list);

#endif
