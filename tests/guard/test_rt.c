// SPDX-License-Identifier: ISC
// Audio time of core allocates nothing, locks nothing and calls no system: every kind of block,
// every setter, save and restore, the end of a state that overflows, both kernel tables,
// resampling.
#include "golden.h"
#include "planted.h"
#include "rtfence.h"

#include "rt/rt.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <cmocka.h>

enum { FRAMES = 256 };

/// One voice and all that it needs in audio time.
typedef struct Stage {
  CenoteModel *model;
  CenoteVoice *voice;
  CenoteResampler *resampler;
  void *saved;
  CnState *broken; ///< a state that overflows at its next step
  float *logits;   ///< [FRAMES][256]
  float sound[FRAMES];
  float resampled[4 * FRAMES];
} Stage;

static Stage *stage_new(const char *name, CenoteQuality quality)
{
  char file_name[128];
  char path[512];
  CenoteError err = {""};
  Stage *stage = calloc(1, sizeof *stage);
  assert_non_null(stage);
  snprintf(file_name, sizeof file_name, "%s.safetensors", name);
  golden_path(file_name, path);
  if (cenote_model_load(path, &stage->model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  assert_int_equal(cenote_voice_new(stage->model, &stage->voice), CENOTE_OK);
  assert_int_equal(cenote_resampler_new(16000, 44100, quality, &stage->resampler), CENOTE_OK);
  const size_t bytes = cenote_model_info(stage->model)->state_bytes;
  stage->saved = malloc(bytes);
  stage->broken = malloc(bytes);
  stage->logits = malloc((size_t)FRAMES * CENOTE_CLASSES * sizeof *stage->logits);
  assert_true(stage->saved && stage->broken && stage->logits);
  cenote_voice_save(stage->voice, stage->broken);
  for (size_t i = 0; i < stage->model->state_floats; ++i) stage->broken->number[i] = INFINITY;
  return stage;
}

static void stage_free(Stage *stage)
{
  cenote_resampler_free(stage->resampler);
  cenote_voice_free(stage->voice);
  cenote_model_free(stage->model);
  free(stage->saved);
  free(stage->broken);
  free(stage->logits);
  free(stage);
}

static void resample(Stage *stage, bool last)
{
  uint32_t used;
  uint32_t made;
  cenote_resampler_process(stage->resampler, stage->sound, FRAMES, &used, stage->resampled,
                           4 * FRAMES, &made, last);
}

/// Every control of levels, at one value of it or another.
static void play_levels(CenoteVoice *voice, uint32_t k)
{
  for (uint32_t level = 0; level < 4; ++level) {
    cenote_voice_set_level_gain(voice, level, (float)(k + level) * 0.3f);
    cenote_voice_set_level_freeze(voice, level, (k + level) % 4 == 3);
    cenote_voice_set_level_clock(voice, level, (float)((k + level) % 4) * 0.7f);
    cenote_voice_set_level_noise(voice, level, (float)(k % 3) * 0.1f);
    cenote_voice_level_tick(voice, level);
    if (k == 5) cenote_voice_level_reset(voice, level);
  }
  cenote_voice_bits(voice, &k);
  cenote_voice_copy(voice, voice);
}

/// Everything that cenote.h marks CENOTE_RT.
static void play(void *data)
{
  Stage *stage = data;
  CenoteVoice *voice = stage->voice;
  const size_t bytes = cenote_model_info(stage->model)->state_bytes;
  static const uint8_t codes[FRAMES] = {1, 255, 0, 128};
  for (uint32_t k = 0; k < 8; ++k) {
    cenote_voice_set_seed(voice, k);
    cenote_voice_set_temperature(voice, (float)k * 0.3f);
    cenote_voice_set_top_k(voice, 256 >> k);
    cenote_voice_set_top_p(voice, 1.0f - (float)k * 0.14f);
    cenote_voice_set_meter(voice, k % 2 == 0);
    cenote_voice_render(voice, stage->sound, FRAMES >> k);
    play_levels(voice, k);
    cenote_voice_render(voice, stage->sound, FRAMES >> k);
    cenote_voice_save(voice, stage->saved);
    cenote_voice_morph(voice, stage->saved, bytes, stage->saved, bytes, 0.3f, (int)k % 3 - 1);
    resample(stage, false);
  }
  for (uint32_t level = 0; level < 4; ++level) cenote_voice_set_level_gain(voice, level, 1.0f);
  cenote_voice_reset(voice);
  cenote_voice_listen(voice, codes, FRAMES, stage->logits);
  cenote_voice_restore(voice, stage->saved, bytes);
  cenote_voice_restore(voice, stage->saved, bytes - 1);
  cenote_voice_render(voice, stage->sound, FRAMES);
  cenote_voice_restore(voice, stage->broken, bytes);
  cenote_voice_render(voice, stage->sound, FRAMES);
  resample(stage, true);
  cenote_resampler_reset(stage->resampler);
  if (!cenote_voice_finite(voice) && cenote_voice_steps(voice) > 0 && cenote_voice_seed(voice) > 0)
    cenote_voice_reset(voice);
}

static void the_guard_catches_what_is_planted(void **state)
{
  (void)state;
  size_t size = 8;
  assert_int_equal(fence_calls(planted_allocation, &size), 2);
  assert_int_equal(fence_calls(planted_lock, NULL), 1);
}

static void the_filter_catches_what_is_planted(void **state)
{
  (void)state;
  pid_t pid = 0;
  size_t size = (size_t)64 << 20; // more than the heap has at hand
  const int call = fence_system_call(planted_call, &pid);
  if (call == FENCE_UNUSABLE) skip();
  assert_int_equal(call, SYS_getppid);
  assert_int_equal(fence_system_call(planted_allocation, &size), SYS_mmap);
}

static void audio_time_allocates_nothing_and_locks_nothing(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    Stage *stage = stage_new(*name, CENOTE_LIVE);
    assert_int_equal(fence_calls(play, stage), 0);
    stage_free(stage);
  }
}

static void audio_time_calls_no_system(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    Stage *stage = stage_new(*name, CENOTE_BEST);
    const int call = fence_system_call(play, stage);
    stage_free(stage);
    if (call == FENCE_UNUSABLE) skip();
    assert_int_equal(call, FENCE_NONE);
  }
}

static void nor_does_the_scalar_table(void **state)
{
  setenv("CENOTE_ISA", "scalar", 1);
  audio_time_allocates_nothing_and_locks_nothing(state);
  audio_time_calls_no_system(state);
  unsetenv("CENOTE_ISA");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_guard_catches_what_is_planted),
      cmocka_unit_test(the_filter_catches_what_is_planted),
      cmocka_unit_test(audio_time_allocates_nothing_and_locks_nothing),
      cmocka_unit_test(audio_time_calls_no_system),
      cmocka_unit_test(nor_does_the_scalar_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
