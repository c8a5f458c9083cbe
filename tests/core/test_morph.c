// SPDX-License-Identifier: ISC
// States of voices whose levels have controls: saved, mixed, side by side; the meter of surprise.
#include "golden.h"
#include "voices.h"

#include "rt/rt.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 200, VOICES = 5 };

/// A different setting for each number.
static void set(CenoteVoice *voice, uint32_t number)
{
  if (number == 1) cenote_voice_set_level_clock(voice, 1, 2.5f);
  if (number == 2) cenote_voice_set_level_freeze(voice, 2, true);
  if (number == 2) cenote_voice_level_tick(voice, 2);
  if (number == 3) cenote_voice_set_level_noise(voice, 1, 0.3f);
  if (number == 3) cenote_voice_set_level_gain(voice, 2, 0.4f);
  if (number == 4) cenote_voice_set_level_clock(voice, 0, 0.3f);
}

static void voices_of_all_settings_go_together(void **state)
{
  (void)state;
  static const char *const names[] = {"tiny", "mixed", "no_unet", "cnn"};
  static float want[VOICES][STEPS];
  static float got[VOICES][STEPS];
  for (size_t n = 0; n < 4; ++n) {
    CenoteModel *model = voices_model(names[n]);
    CenoteVoice *voice[VOICES];
    float *out[VOICES];
    for (uint32_t v = 0; v < VOICES; ++v) {
      voice[v] = voices_new(model, v);
      set(voice[v], v);
      cenote_voice_render(voice[v], want[v], STEPS);
      cenote_voice_reset(voice[v]);
      cenote_voice_set_seed(voice[v], v);
      set(voice[v], v);
    }
    for (uint32_t at = 0; at < STEPS; at += 40) { // blocks, too, change nothing
      for (uint32_t v = 0; v < VOICES; ++v) out[v] = got[v] + at;
      cenote_voices_render(voice, VOICES, out, 40);
    }
    assert_memory_equal(got, want, sizeof got);
    for (uint32_t v = 0; v < VOICES; ++v) cenote_voice_free(voice[v]);
    cenote_model_free(model);
  }
}

static void a_saved_state_carries_the_controls(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  for (uint32_t v = 0; v < VOICES; ++v) {
    CenoteVoice *voice = voices_new(model, 3);
    CenoteVoice *other = voices_new(model, 4);
    CenoteVoice *copy = voices_new(model, 5);
    float want[STEPS];
    float got[STEPS];
    set(voice, v);
    cenote_voice_render(voice, want, 21);
    cenote_voice_level_tick(voice, 1);
    void *saved = voices_saved(voice);
    assert_int_equal(cenote_voice_copy(copy, voice), CENOTE_OK);
    cenote_voice_render(voice, want, STEPS);
    assert_int_equal(cenote_voice_restore(other, saved, model->info.state_bytes), CENOTE_OK);
    for (uint32_t i = 0; i < model->levels; ++i) {
      assert_true(cenote_voice_level_gain(other, i) == cenote_voice_level_gain(voice, i));
      assert_true(cenote_voice_level_freeze(other, i) == cenote_voice_level_freeze(voice, i));
      assert_true(cenote_voice_level_clock(other, i) == cenote_voice_level_clock(voice, i));
      assert_true(cenote_voice_level_noise(other, i) == cenote_voice_level_noise(voice, i));
    }
    cenote_voice_render(other, got, STEPS);
    assert_memory_equal(got, want, sizeof got);
    cenote_voice_render(copy, got, STEPS);
    assert_memory_equal(got, want, sizeof got);
    free(saved);
    cenote_voice_free(voice);
    cenote_voice_free(other);
    cenote_voice_free(copy);
  }
  cenote_model_free(model);
}

static void a_copy_of_another_model_is_refused(void **state)
{
  (void)state;
  CenoteModel *model[2] = {voices_model("tiny"), voices_model("bf16")};
  CenoteVoice *voice[2] = {voices_new(model[0], 1), voices_new(model[1], 2)};
  void *before = voices_saved(voice[0]);
  assert_int_equal(cenote_voice_copy(voice[0], voice[1]), CENOTE_BAD_STATE);
  assert_memory_equal(voice[0]->state, before, model[0]->info.state_bytes);
  free(before);
  for (int i = 0; i < 2; ++i) {
    cenote_voice_free(voice[i]);
    cenote_model_free(model[i]);
  }
}

static void controls_out_of_range_are_clamped_or_ignored(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  CenoteVoice *voice = voices_new(model, 1);
  cenote_voice_set_level_gain(voice, 1, 9.0f);
  cenote_voice_set_level_clock(voice, 1, INFINITY);
  cenote_voice_set_level_noise(voice, 1, 1.5f);
  cenote_voice_set_level_gain(voice, 1, NAN);
  cenote_voice_set_level_clock(voice, 1, NAN);
  cenote_voice_set_level_noise(voice, 1, NAN);
  assert_true(cenote_voice_level_gain(voice, 1) == 4.0f);
  assert_true(cenote_voice_level_clock(voice, 1) == 4.0f);
  assert_true(cenote_voice_level_noise(voice, 1) == 1.0f);
  cenote_voice_set_level_gain(voice, 2, -1.0f);
  cenote_voice_set_level_clock(voice, 2, -1.0f);
  cenote_voice_set_level_noise(voice, 2, -1.0f);
  assert_true(cenote_voice_level_gain(voice, 2) == 0.0f);
  assert_true(cenote_voice_level_clock(voice, 2) == 0.0f);
  assert_true(cenote_voice_level_noise(voice, 2) == 0.0f);
  void *before = voices_saved(voice);
  cenote_voice_set_level_gain(voice, 3, 2.0f);
  cenote_voice_set_level_freeze(voice, UINT32_MAX, true);
  cenote_voice_set_level_clock(voice, 3, 2.0f);
  cenote_voice_set_level_noise(voice, 8, 1.0f);
  cenote_voice_level_tick(voice, 3);
  assert_memory_equal(voice->state, before, model->info.state_bytes);
  assert_true(cenote_voice_level_gain(voice, 3) == 1.0f);
  assert_true(cenote_voice_level_clock(voice, 9) == 1.0f);
  assert_true(cenote_voice_level_noise(voice, 9) == 0.0f);
  assert_false(cenote_voice_level_freeze(voice, 9));
  assert_int_equal(cenote_voice_level_runs(voice, 9), 0);
  free(before);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void a_state_with_a_bad_control_is_refused(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  CenoteVoice *voice = voices_new(model, 1);
  const size_t bytes = model->info.state_bytes;
  static const CnControl bad[] = {
      {4.1f, 1, 0, 0, 0, 0}, {-1, 1, 0, 0, 0, 0},  {NAN, 1, 0, 0, 0, 0},  {1, 4.1f, 0, 0, 0, 0},
      {1, -1, 0, 0, 0, 0},   {1, NAN, 0, 0, 0, 0}, {1, 1, 1.1f, 0, 0, 0}, {1, 1, NAN, 0, 0, 0},
      {1, 1, -1, 0, 0, 0},   {1, 1, 0, 2, 0, 0},   {1, 1, 0, 0, 17, 0},   {1, 1, 0, 0, 0, 1},
      {1, 1, 0, 0, 0, -1},   {1, 1, 0, 0, 0, NAN},
  };
  CnState *saved = voices_saved(voice);
  void *good = voices_saved(voice);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
    for (uint32_t level = 0; level < CN_MAX_LEVELS; ++level) {
      saved->control[level] = bad[i];
      assert_int_equal(cenote_voice_restore(voice, saved, bytes), CENOTE_BAD_STATE);
      assert_int_equal(cenote_voice_morph(voice, good, bytes, saved, bytes, 0, -1),
                       CENOTE_BAD_STATE);
      assert_int_equal(cenote_voice_morph(voice, saved, bytes, good, bytes, 0, -1),
                       CENOTE_BAD_STATE);
      saved->control[level] = (CnControl){.gain = 1, .clock = 1};
      assert_memory_equal(voice->state, good, bytes);
      assert_int_equal(cenote_voice_restore(voice, saved, bytes), CENOTE_OK);
    }
  memcpy(saved->magic, "CENOTE1", 8);
  CenoteError err;
  assert_int_equal(cenote_state_check(model, saved, bytes, &err), CENOTE_BAD_STATE);
  assert_non_null(strstr(err.text, "another version"));
  free(saved);
  free(good);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

/// Two states of a model, far apart.
static void two_states(const CenoteModel *model, CnState **a, CnState **b)
{
  float sound[STEPS];
  CenoteVoice *voice = voices_new(model, 1);
  cenote_voice_render(voice, sound, 77);
  *a = voices_saved(voice);
  cenote_voice_set_temperature(voice, 0.5f);
  cenote_voice_set_level_gain(voice, 1, 0.5f);
  cenote_voice_set_level_clock(voice, 1, 0.5f);
  cenote_voice_render(voice, sound, 100);
  *b = voices_saved(voice);
  cenote_voice_free(voice);
}

static void a_morph_goes_from_one_state_to_the_other(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    CenoteModel *model = voices_model(*name);
    const size_t bytes = model->info.state_bytes;
    CnState *a;
    CnState *b;
    two_states(model, &a, &b);
    CenoteVoice *voice = voices_new(model, 9);
    const CnState *now = voice->state;
    assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 0.0f, -1), CENOTE_OK);
    assert_memory_equal(now, a, bytes);
    assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 7.0f, -1), CENOTE_OK);
    assert_memory_equal(now, b, bytes);
    assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 0.25f, -1), CENOTE_OK);
    assert_memory_equal(now, a, offsetof(CnState, number)); // the nearer one's
    for (uint32_t i = 0; i + 1 < model->levels; ++i) {
      const CnPool *pool = &model->level[i].pool;
      assert_memory_equal(now->number + pool->sum_at, a->number + pool->sum_at,
                          pool->wide * sizeof(float));
      for (uint32_t k = 0; k < pool->wide; ++k) {
        const size_t at = pool->deep_at + k;
        assert_true(now->number[at] == 0.75f * a->number[at] + 0.25f * b->number[at]);
      }
    }
    const uint64_t quarter = voices_memory(voice, 0);
    assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 0.5f, -1), CENOTE_OK);
    assert_memory_equal(now, b, offsetof(CnState, number));
    if (model->level[0].downs > 0) assert_true(voices_memory(voice, 0) != quarter);
    float want[STEPS];
    float got[STEPS];
    CenoteVoice *other = voices_new(model, 9);
    assert_int_equal(cenote_voice_restore(other, voice->state, bytes), CENOTE_OK);
    cenote_voice_render(other, want, STEPS);
    cenote_voice_render(voice, got, STEPS);
    assert_memory_equal(got, want, sizeof got);
    assert_true(cenote_voice_finite(voice));
    cenote_voice_free(other);
    free(a);
    free(b);
    cenote_voice_free(voice);
    cenote_model_free(model);
  }
}

static void a_morph_of_one_level_leaves_the_others(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  const size_t bytes = model->info.state_bytes;
  CnState *a;
  CnState *b;
  two_states(model, &a, &b);
  float sound[STEPS];
  for (int level = 0; level < (int)model->levels; ++level) {
    CenoteVoice *voice = voices_new(model, 9);
    cenote_voice_render(voice, sound, 33);
    CnState *before = voices_saved(voice);
    uint64_t memory[CN_MAX_LEVELS];
    for (uint32_t i = 0; i < model->levels; ++i) memory[i] = voices_memory(voice, i);
    assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 0.5f, level), CENOTE_OK);
    assert_memory_equal(voice->state, before, offsetof(CnState, number));
    for (uint32_t i = 0; i < model->levels; ++i)
      assert_true((voices_memory(voice, i) == memory[i]) == ((int)i != level));
    assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 1.0f, level), CENOTE_OK);
    const uint64_t mixed = voices_memory(voice, (uint32_t)level);
    assert_int_equal(cenote_voice_restore(voice, b, bytes), CENOTE_OK);
    assert_true(voices_memory(voice, (uint32_t)level) == mixed);
    free(before);
    cenote_voice_free(voice);
  }
  free(a);
  free(b);
  cenote_model_free(model);
}

static void a_morph_refused_changes_nothing(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  const size_t bytes = model->info.state_bytes;
  CnState *a;
  CnState *b;
  two_states(model, &a, &b);
  CenoteVoice *voice = voices_new(model, 9);
  void *before = voices_saved(voice);
  assert_int_equal(cenote_voice_morph(voice, a, bytes - 1, b, bytes, 0, -1), CENOTE_BAD_STATE);
  assert_int_equal(cenote_voice_morph(voice, a, bytes, b, 0, 0, -1), CENOTE_BAD_STATE);
  assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, NAN, -1), CENOTE_BAD_ARGUMENT);
  assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 0, 3), CENOTE_BAD_ARGUMENT);
  assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 0, -2), CENOTE_BAD_ARGUMENT);
  ++b->model_hash;
  assert_int_equal(cenote_voice_morph(voice, a, bytes, b, bytes, 0, -1), CENOTE_BAD_STATE);
  assert_memory_equal(voice->state, before, bytes);
  free(a);
  free(b);
  free(before);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void the_meter_measures_and_changes_no_sample(void **state)
{
  (void)state;
  CenoteModel *model = voices_model("tiny");
  CenoteVoice *plain = voices_new(model, 3);
  CenoteVoice *voice = voices_new(model, 3);
  CenoteVoice *listener = voices_new(model, 0);
  float want[STEPS];
  float got[STEPS];
  uint8_t codes[STEPS];
  uint32_t count;
  static float logits[STEPS][CENOTE_CLASSES];
  cenote_voice_set_meter(voice, true);
  cenote_voice_render(plain, want, STEPS);
  cenote_voice_render(voice, got, STEPS);
  assert_memory_equal(got, want, sizeof got);
  assert_memory_equal(voice->state, plain->state, model->info.state_bytes);
  assert_true(cenote_voice_bits(plain, &count) == 0.0 && count == 0);
  for (int i = 0; i < STEPS; ++i)
    for (int code = 0; code < CENOTE_CLASSES; ++code)
      if (model->sample[code] == want[i]) codes[i] = (uint8_t)code;
  const double heard = cenote_voice_listen(listener, codes, STEPS, logits[0]);
  double sum = 0.0;
  for (int i = 0; i < STEPS; i += 16) sum += cenote_bits(logits[i], codes[i]);
  assert_true(cenote_voice_bits(voice, &count) == sum && count == (STEPS + 15) / 16);
  assert_true(cenote_voice_bits(voice, NULL) == 0.0);
  cenote_voice_reset(voice);
  assert_true(cenote_voice_listen(voice, codes, STEPS, NULL) == heard);
  assert_true(cenote_voice_bits(voice, &count) == heard && count == STEPS);
  cenote_voice_set_meter(voice, false);
  cenote_voice_render(voice, got, STEPS);
  assert_true(cenote_voice_bits(voice, &count) == 0.0 && count == 0);
  cenote_voice_free(plain);
  cenote_voice_free(voice);
  cenote_voice_free(listener);
  cenote_model_free(model);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(voices_of_all_settings_go_together),
      cmocka_unit_test(a_saved_state_carries_the_controls),
      cmocka_unit_test(a_copy_of_another_model_is_refused),
      cmocka_unit_test(controls_out_of_range_are_clamped_or_ignored),
      cmocka_unit_test(a_state_with_a_bad_control_is_refused),
      cmocka_unit_test(a_morph_goes_from_one_state_to_the_other),
      cmocka_unit_test(a_morph_of_one_level_leaves_the_others),
      cmocka_unit_test(a_morph_refused_changes_nothing),
      cmocka_unit_test(the_meter_measures_and_changes_no_sample),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
