// SPDX-License-Identifier: ISC
// Audio files, found and read as the codes that a model was trained on.
#ifndef CLI_CLIP_H
#define CLI_CLIP_H

#include "clip_list.h"

#include <cenote/cenote.h>

#include <stddef.h>
#include <stdint.h>

/// Codes of a file in any format that libsndfile reads: channels averaged, brought to the model's
/// rate, encoded as the model's metadata says. free() *codes. On failure, or when it holds no
/// samples, err names the file; CENOTE_NOT_FOUND when it is not audio, or none is in it.
CenoteStatus clip_codes(const CenoteModel *model, const char *path, uint8_t **codes, size_t *count,
                        CenoteError *err);

#endif
