// SPDX-License-Identifier: ISC
// A voice as its users see it: determinism, save and restore, the end of a state that overflows.
#include "golden.h"

#include "rt/rt.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static CenoteModel *load_as(const char *name, CenotePrecision precision)
{
  char file_name[128];
  char path[512];
  CenoteError err = {""};
  CenoteModel *model;
  snprintf(file_name, sizeof file_name, "%s.safetensors", name);
  golden_path(file_name, path);
  if (cenote_model_load_as(path, precision, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  return model;
}

static CenoteModel *load(const char *name)
{
  return load_as(name, CENOTE_AUTO);
}

static CenoteVoice *voice_of(const CenoteModel *model, uint64_t seed)
{
  CenoteVoice *voice;
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  cenote_voice_set_seed(voice, seed);
  return voice;
}

static void a_stream_cut_at_any_step_goes_on_bit_for_bit(void **state)
{
  (void)state;
  enum { STEPS = 100 };
  for (const char *const *name = golden_names; *name; ++name) {
    CenoteModel *model = load(*name);
    CenoteVoice *whole = voice_of(model, 5);
    CenoteVoice *part = voice_of(model, 5);
    CenoteVoice *rest = voice_of(model, 99);
    const size_t bytes = cenote_model_info(model)->state_bytes;
    void *saved = malloc(bytes);
    float want[STEPS];
    float got[STEPS];
    assert_non_null(saved);
    cenote_voice_render(whole, want, STEPS);
    for (uint32_t cut = 0; cut < STEPS; ++cut) {
      cenote_voice_save(part, saved);
      assert_int_equal(cenote_voice_restore(rest, saved, bytes), CENOTE_OK);
      cenote_voice_render(rest, got + cut, STEPS - cut);
      assert_memory_equal(got + cut, want + cut, (STEPS - cut) * sizeof *got);
      cenote_voice_render(part, got, 1);
    }
    free(saved);
    cenote_voice_free(whole);
    cenote_voice_free(part);
    cenote_voice_free(rest);
    cenote_model_free(model);
  }
}

static void the_sound_does_not_depend_on_the_block_size(void **state)
{
  (void)state;
  enum { STEPS = 1000 };
  CenoteModel *model = load("mixed");
  float want[STEPS];
  float got[STEPS];
  CenoteVoice *voice = voice_of(model, 3);
  cenote_voice_render(voice, want, STEPS);
  for (uint32_t block = 1; block < 200; block = block * 3 + 1) {
    cenote_voice_reset(voice);
    for (uint32_t at = 0; at < STEPS; at += block)
      cenote_voice_render(voice, got + at, STEPS - at < block ? STEPS - at : block);
    assert_memory_equal(got, want, sizeof got);
  }
  cenote_voice_free(voice);
  cenote_model_free(model);
}

/// Voices that begin at steps of their own, so in all phases, and leave at others: each makes what
/// it makes alone.
static void company_changes_nothing(const char *name, CenotePrecision precision)
{
  enum { MOST = 19, STEPS = 150, ROUNDS = 12 };
  static float want[MOST][STEPS];
  static float got[MOST][STEPS];
  CenoteModel *model = load_as(name, precision);
  CenoteVoice *voice[MOST];
  uint32_t made[MOST] = {0};
  for (uint32_t v = 0; v < MOST; ++v) {
    voice[v] = voice_of(model, v);
    if (v % 3 == 0) cenote_voice_set_temperature(voice[v], 0.5f);
    cenote_voice_render(voice[v], want[v], STEPS);
    cenote_voice_reset(voice[v]);
    cenote_voice_set_seed(voice[v], v);
  }
  uint32_t seed = 1;
  for (int round = 0; round < ROUNDS; ++round) {
    CenoteVoice *together[MOST];
    float *out[MOST];
    uint32_t who[MOST];
    uint32_t count = 0;
    const uint32_t frames = 1 + (seed = seed * 1664525u + 1013904223u) / 0x10000000u;
    for (uint32_t v = 0; v < MOST; ++v) {
      seed = seed * 1664525u + 1013904223u;
      if (seed >> 30 == 0 || made[v] + frames > STEPS) continue;
      together[count] = voice[v];
      out[count] = got[v] + made[v];
      who[count++] = v;
    }
    cenote_voices_render(together, count, out, frames);
    for (uint32_t i = 0; i < count; ++i) made[who[i]] += frames;
  }
  for (uint32_t v = 0; v < MOST; ++v) {
    assert_true(made[v] > 10);
    if (memcmp(got[v], want[v], made[v] * sizeof(float)) != 0)
      fail_msg("%s, %s: voice %u", name, cenote_precision_name(precision), v);
    cenote_voice_free(voice[v]);
  }
  cenote_model_free(model);
}

static void a_voice_does_not_depend_on_its_company(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name)
    for (CenotePrecision p = CENOTE_F32; p <= CENOTE_INT4; ++p) company_changes_nothing(*name, p);
}

static void voices_of_two_models_and_a_broken_one_go_together(void **state)
{
  (void)state;
  enum { STEPS = 300 };
  CenoteModel *model[2] = {load("tiny"), load_as("mixed", CENOTE_INT8)};
  CenoteVoice *voice[5];
  static float want[5][STEPS];
  static float got[5][STEPS];
  float *out[5];
  for (uint32_t v = 0; v < 5; ++v) {
    voice[v] = voice_of(model[v % 2], v);
    if (v == 2) voice[v]->state->number[0] = NAN;
    cenote_voice_render(voice[v], want[v], STEPS);
    cenote_voice_reset(voice[v]);
    cenote_voice_set_seed(voice[v], v);
    if (v == 2) voice[v]->state->number[0] = NAN;
    out[v] = got[v];
  }
  cenote_voices_render(voice, 5, out, STEPS);
  assert_memory_equal(got, want, sizeof got);
  assert_false(cenote_voice_finite(voice[2]));
  for (uint32_t v = 0; v < 5; ++v) cenote_voice_free(voice[v]);
  cenote_model_free(model[0]);
  cenote_model_free(model[1]);
}

static void a_listened_stream_is_gone_on_with(void **state)
{
  (void)state;
  enum { STEPS = 60 };
  CenoteModel *model = load("tiny");
  CenoteVoice *a = voice_of(model, 3);
  CenoteVoice *b = voice_of(model, 3);
  float want[2 * STEPS];
  float got[STEPS];
  uint8_t codes[STEPS];
  cenote_voice_render(a, want, 2 * STEPS);
  const float *samples = cenote_model_samples(model);
  for (int i = 0; i < STEPS; ++i)
    for (int code = 0; code < 256; ++code)
      if (samples[code] == want[i]) codes[i] = (uint8_t)code;
  // Drawing spends random numbers and listening does not: let b draw as many first.
  cenote_voice_render(b, got, STEPS);
  void *saved = malloc(cenote_model_info(model)->state_bytes);
  assert_non_null(saved);
  cenote_voice_save(b, saved);
  CnState *head = saved;
  const uint64_t draws = head->draws;
  cenote_voice_reset(b);
  const double bits = cenote_voice_listen(b, codes, STEPS, NULL);
  assert_true(bits > 0.0 && isfinite(bits));
  cenote_voice_save(b, saved);
  head->draws = draws;
  assert_int_equal(cenote_voice_restore(b, saved, head->bytes), CENOTE_OK);
  cenote_voice_render(b, got, STEPS);
  assert_memory_equal(got, want + STEPS, sizeof got);
  free(saved);
  cenote_voice_free(a);
  cenote_voice_free(b);
  cenote_model_free(model);
}

static void temperature_zero_takes_the_likeliest_code(void **state)
{
  (void)state;
  enum { STEPS = 80 };
  CenoteModel *model = load("cnn");
  CenoteVoice *a = voice_of(model, 1);
  CenoteVoice *b = voice_of(model, 2);
  cenote_voice_set_temperature(a, 0.0f);
  const float *samples = cenote_model_samples(model);
  float sound[STEPS];
  float logits[CENOTE_CLASSES];
  cenote_voice_render(a, sound, STEPS);
  for (int i = 0; i < STEPS; ++i) {
    uint8_t code = 0;
    while (samples[code] != sound[i]) ++code;
    cenote_voice_listen(b, &code, 1, logits);
    for (int k = 0; k < CENOTE_CLASSES; ++k) assert_true(logits[k] <= logits[code]);
  }
  cenote_voice_free(a);
  cenote_voice_free(b);
  cenote_model_free(model);
}

static void a_foreign_or_damaged_state_is_refused_and_nothing_changes(void **state)
{
  (void)state;
  CenoteModel *model = load("tiny");
  CenoteModel *other = load("bf16");
  CenoteVoice *voice = voice_of(model, 1);
  CenoteVoice *foreign = voice_of(other, 1);
  const size_t bytes = cenote_model_info(model)->state_bytes;
  assert_int_equal(cenote_model_info(other)->state_bytes, bytes);
  float sound[10];
  cenote_voice_render(voice, sound, 10);
  unsigned char *before = malloc(bytes);
  unsigned char *saved = malloc(bytes);
  unsigned char *after = malloc(bytes);
  assert_true(before && saved && after);
  cenote_voice_save(voice, before);
  CenoteError err;
  cenote_voice_save(foreign, saved);
  assert_int_equal(cenote_voice_restore(voice, saved, bytes), CENOTE_BAD_STATE);
  assert_int_equal(cenote_state_check(model, saved, bytes, &err), CENOTE_BAD_STATE);
  assert_non_null(strstr(err.text, "bf16"));
  assert_non_null(strstr(err.text, "tiny"));
  assert_int_equal(cenote_state_check(model, before, bytes - 1, &err), CENOTE_BAD_STATE);
  assert_int_equal(cenote_state_check(model, before, 3, &err), CENOTE_BAD_STATE);
  assert_int_equal(cenote_state_check(model, before, bytes, &err), CENOTE_OK);
  // Sealed: any byte turned over is seen, and the seal stays behind when a voice goes on from it.
  memcpy(saved, before, bytes);
  cenote_state_seal(saved, bytes);
  for (size_t i = 0; i < bytes; ++i) {
    saved[i] ^= 1;
    assert_int_equal(cenote_state_check(model, saved, bytes, &err), CENOTE_BAD_STATE);
    if (i >= sizeof(CnState)) assert_int_equal(cenote_state_hash(saved, bytes), 0);
    saved[i] ^= 1;
  }
  assert_int_equal(cenote_state_check(model, saved, bytes, &err), CENOTE_OK);
  assert_int_equal(cenote_voice_restore(voice, saved, bytes), CENOTE_OK);
  cenote_voice_save(voice, after);
  assert_memory_equal(after, before, bytes);
  assert_int_equal(cenote_voice_morph(voice, saved, bytes, saved, bytes, 0.25f, -1), CENOTE_OK);
  cenote_voice_save(voice, after);
  assert_memory_equal(after, before, bytes);
  // Any byte of the header turned over: either refused, or a value in its range.
  for (size_t i = 0; i < sizeof(CnState); ++i) {
    memcpy(saved, before, bytes);
    saved[i] ^= 0xff;
    CenoteVoice *victim = voice_of(model, 1);
    if (cenote_voice_restore(victim, saved, bytes) == CENOTE_OK)
      cenote_voice_render(victim, sound, 10);
    cenote_voice_free(victim);
  }
  cenote_voice_save(voice, after);
  assert_memory_equal(before, after, bytes);
  free(before);
  free(saved);
  free(after);
  cenote_voice_free(voice);
  cenote_voice_free(foreign);
  cenote_model_free(model);
  cenote_model_free(other);
}

static void a_state_that_overflows_fades_to_silence_until_reset(void **state)
{
  (void)state;
  CenoteModel *model = load("tiny");
  CenoteVoice *voice = voice_of(model, 1);
  float sound[300];
  float first[300];
  cenote_voice_render(voice, first, 300);
  cenote_voice_reset(voice);
  cenote_voice_render(voice, sound, 50);
  const size_t bytes = cenote_model_info(model)->state_bytes;
  CnState *saved = malloc(bytes);
  assert_non_null(saved);
  cenote_voice_save(voice, saved);
  for (size_t i = 0; i < model->state_floats; ++i) saved->number[i] = INFINITY;
  assert_int_equal(cenote_voice_restore(voice, saved, bytes), CENOTE_OK);
  assert_true(cenote_voice_finite(voice));
  cenote_voice_render(voice, sound, 300);
  assert_false(cenote_voice_finite(voice));
  for (int i = 0; i < 300; ++i) {
    assert_true(isfinite(sound[i]));
    if (i > 0) assert_true(fabsf(sound[i]) <= fabsf(sound[i - 1]));
    if (i >= CN_FADE) assert_true(sound[i] == 0.0f);
  }
  assert_true(isnan(cenote_voice_listen(voice, (const uint8_t[]){1}, 1, NULL)));
  cenote_voice_reset(voice);
  assert_true(cenote_voice_finite(voice));
  cenote_voice_render(voice, sound, 300);
  assert_memory_equal(sound, first, sizeof sound);
  free(saved);
  cenote_voice_free(voice);
  cenote_model_free(model);
}

static void controls_are_clamped(void **state)
{
  (void)state;
  CenoteModel *model = load("tiny");
  CenoteVoice *voice = voice_of(model, UINT64_MAX);
  cenote_voice_set_temperature(voice, 9.0f);
  cenote_voice_set_top_p(voice, -1.0f);
  cenote_voice_set_top_k(voice, 0);
  assert_true(cenote_voice_temperature(voice) == 4.0f);
  assert_true(cenote_voice_top_p(voice) == 0.0f);
  assert_int_equal(cenote_voice_top_k(voice), 1);
  cenote_voice_set_temperature(voice, NAN);
  cenote_voice_set_top_p(voice, NAN);
  cenote_voice_set_top_k(voice, 1000);
  assert_true(cenote_voice_temperature(voice) == 4.0f);
  assert_true(cenote_voice_top_p(voice) == 0.0f);
  assert_int_equal(cenote_voice_top_k(voice), 256);
  assert_true(cenote_voice_seed(voice) == UINT64_MAX);
  cenote_voice_free(voice);
  cenote_model_free(model);
  cenote_voice_free(NULL);
  cenote_model_free(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_stream_cut_at_any_step_goes_on_bit_for_bit),
      cmocka_unit_test(the_sound_does_not_depend_on_the_block_size),
      cmocka_unit_test(a_voice_does_not_depend_on_its_company),
      cmocka_unit_test(voices_of_two_models_and_a_broken_one_go_together),
      cmocka_unit_test(a_listened_stream_is_gone_on_with),
      cmocka_unit_test(temperature_zero_takes_the_likeliest_code),
      cmocka_unit_test(a_foreign_or_damaged_state_is_refused_and_nothing_changes),
      cmocka_unit_test(a_state_that_overflows_fades_to_silence_until_reset),
      cmocka_unit_test(controls_are_clamped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
