// SPDX-License-Identifier: ISC
#include "voices.h"

#include "golden.h"
#include "hash.h"

#include "rt/rt.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

CenoteModel *voices_model(const char *name)
{
  char file_name[128];
  char path[512];
  CenoteError err = {""};
  CenoteModel *model;
  snprintf(file_name, sizeof file_name, "%s.safetensors", name);
  golden_path(file_name, path);
  if (cenote_model_load(path, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  return model;
}

CenoteVoice *voices_new(const CenoteModel *model, uint64_t seed)
{
  CenoteVoice *voice;
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  cenote_voice_set_seed(voice, seed);
  return voice;
}

void *voices_saved(const CenoteVoice *voice)
{
  void *saved = malloc(cenote_model_info(cenote_voice_model(voice))->state_bytes);
  assert_non_null(saved);
  cenote_voice_save(voice, saved);
  return saved;
}

/// What is found over a level's numbers.
typedef struct Found {
  uint64_t hash;
  float most;
} Found;

static void look(Found *found, const float *number, size_t count)
{
  found->hash = cn_hash(found->hash, number, count * sizeof *number);
  for (size_t i = 0; i < count; ++i)
    if (fabsf(number[i]) > found->most) found->most = fabsf(number[i]);
}

static Found find(const CenoteVoice *voice, uint32_t level)
{
  const CnLevel *at = &voice->model->level[level];
  const float *number = voice->state->number;
  Found found = {1, 0.0f};
  for (uint32_t j = 0; j < at->downs + at->ups; ++j) {
    const CnBlock *block = j < at->downs ? &at->down[j] : &at->up[j - at->downs];
    look(&found, number + block->window_at, (size_t)block->width * block->taps);
    look(&found, number + block->hidden_at, block->hidden);
  }
  if (level > 0) look(&found, number + (at - 1)->pool.deep_at, (at - 1)->pool.wide);
  return found;
}

uint64_t voices_memory(const CenoteVoice *voice, uint32_t level)
{
  return find(voice, level).hash;
}

float voices_most(const CenoteVoice *voice, uint32_t level)
{
  return find(voice, level).most;
}

int voices_load(void **state)
{
  *state = voices_model("tiny");
  return 0;
}

int voices_unload(void **state)
{
  cenote_model_free(*state);
  return 0;
}
