// SPDX-License-Identifier: ISC
// Slot files: the bytes of cenote_voice_save, no more.
#ifndef CLI_SLOT_H
#define CLI_SLOT_H

#include "aside.h"

/// Go on from the state in a file. On failure the voice is as it was.
CenoteStatus slot_load(const char *path, CenoteVoice *voice, CenoteError *err);
/// Write the voice's state.
CenoteStatus slot_write(const Aside *file, const CenoteVoice *voice, CenoteError *err);

#endif
