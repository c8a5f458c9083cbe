// SPDX-License-Identifier: ISC
// Voices of golden models, and what they remember level by level.
#ifndef TESTS_VOICES_H
#define TESTS_VOICES_H

#include <cenote/cenote.h>

#include <stdint.h>

/// These fail the running test when there is no such thing.
CenoteModel *voices_model(const char *name);
CenoteVoice *voices_new(const CenoteModel *model, uint64_t seed);

/// What a voice saves; free() it.
void *voices_saved(const CenoteVoice *voice);

/// Hash of the recurrent states and conv windows of one level, and of its held output.
uint64_t voices_memory(const CenoteVoice *voice, uint32_t level);
/// Largest size of a number among them.
float voices_most(const CenoteVoice *voice, uint32_t level);

/// A group's setup and teardown: its tests' state is the model `tiny`.
int voices_load(void **state);
int voices_unload(void **state);

#endif
