// SPDX-License-Identifier: ISC
// Weights written narrower and read back: the same products, bit for bit, as of the original loaded
// in that precision.
#include "fail_alloc.h"
#include "golden.h"
#include "hostile.h"

#include "round.h"
#include "safetensors.h"
#include "weights.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { STEPS = 60 };

/// hostile_file becomes the golden case in another precision, which it notes.
static void narrow(const char *from, CenotePrecision precision, uint32_t groups)
{
  const CenoteNote note = {"precision", cenote_precision_name(precision)};
  CenoteError err = {""};
  if (cenote_quantize(from, hostile_file, precision, groups, &note, 1, &err) != CENOTE_OK)
    fail_msg("%s", err.text);
}

/// logits[STEPS][256] of a golden case's codes; returns the bits a code of all of them.
static double answer(const char *path, CenotePrecision precision, const Golden *golden,
                     float *logits, uint64_t *hash)
{
  CenoteModel *model;
  CenoteVoice *voice;
  CenoteError err = {""};
  if (cenote_model_load_as(path, precision, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  assert_true(golden->steps > STEPS);
  *hash = cenote_model_info(model)->hash;
  double bits = cenote_voice_listen(voice, golden->codes, STEPS, logits);
  bits += cenote_voice_listen(voice, golden->codes + STEPS, (uint32_t)golden->steps - STEPS, NULL);
  cenote_voice_free(voice);
  cenote_model_free(model);
  return bits / (double)golden->steps;
}

static void a_narrower_file_computes_what_its_precision_does(void **state)
{
  (void)state;
  static float want[STEPS * CENOTE_CLASSES];
  static float got[STEPS * CENOTE_CLASSES];
  for (const char *const *name = golden_names; *name; ++name) {
    Golden golden = golden_open(*name);
    for (CenotePrecision p = CENOTE_BF16; p <= CENOTE_INT8; ++p) {
      uint64_t original;
      uint64_t narrower;
      uint64_t again;
      narrow(golden.model, p, 1);
      answer(golden.model, p, &golden, want, &original);
      const double bits = answer(hostile_file, CENOTE_AUTO, &golden, got, &narrower);
      if (memcmp(want, got, sizeof want) != 0)
        fail_msg("%s in %s: off by %g", *name, cenote_precision_name(p),
                 golden_distance(want, got, STEPS * CENOTE_CLASSES));
      // The bounds that products in these precisions keep to on the small cases.
      if (!(fabs(bits - (double)golden.nll_bits) < (p == CENOTE_BF16 ? 0.02 : 0.05)))
        fail_msg("%s in %s: %f bits, want %f", *name, cenote_precision_name(p), bits,
                 (double)golden.nll_bits);
      if (p == CENOTE_INT8) assert_true(original != narrower); // bf16 may be what it was
      answer(hostile_file, CENOTE_F32, &golden, got, &again);
      assert_true(narrower == again);
    }
    golden_close(&golden);
  }
}

static void finer_scales_bring_the_weights_nearer(void **state)
{
  (void)state;
  char path[512];
  golden_path("longer.safetensors", path); // rows of 64 columns among those of 32 and 48
  CnWeights original;
  double error[3] = {0.0, 0.0, 0.0};
  assert_int_equal(cn_weights_load(path, &original, NULL), CENOTE_OK);
  for (uint32_t groups = 1; groups <= 2; ++groups) {
    CnWeights weights;
    CenoteError err = {""};
    narrow(path, CENOTE_INT8, groups);
    if (cn_weights_load(hostile_file, &weights, &err) != CENOTE_OK) fail_msg("%s", err.text);
    assert_string_equal(weights.stored, "int8");
    for (size_t i = 0; i < weights.params.size; ++i) {
      const CnParam *param = &weights.params.param[i];
      const float *was = original.data + param->offset;
      const float *is = weights.data + param->offset;
      assert_true(!param->quant == !param->matrix);
      if (!param->quant) {
        assert_memory_equal(was, is, param->count * sizeof *was);
        continue;
      }
      const uint32_t cols = param->dim[1];
      assert_int_equal(param->groups, cols == 64 ? groups : 1);
      for (uint64_t k = 0; k < param->count; ++k) {
        const float scale = param->scale[k / (cols / param->groups)];
        assert_true(is[k] == (float)param->quant[k] * scale);
        assert_true(fabsf(is[k] - was[k]) <= 0.51f * scale);
        error[groups] += (double)((is[k] - was[k]) * (is[k] - was[k]));
      }
    }
    cn_weights_clear(&weights);
  }
  assert_true(error[2] < error[1]);
  cn_weights_clear(&original);
  CenoteModel *model; // each kernel's own way through the groups is test_kernels.c's
  assert_int_equal(cenote_model_load(hostile_file, &model, NULL), CENOTE_OK);
  assert_string_equal(cenote_model_info(model)->precision, "int8");
  assert_string_equal(cenote_model_info(model)->stored, "int8");
  cenote_model_free(model);
}

static void what_cannot_be_narrowed_is_refused(void **state)
{
  (void)state;
  static const struct {
    CenotePrecision precision;
    uint32_t groups;
    const char *what;
  } table[] = {{CENOTE_F32, 1, "bf16 or int8, not in f32"},
               {CENOTE_INT4, 1, "not in int4"},
               {CENOTE_AUTO, 1, "not in auto"},
               {CENOTE_INT8, 0, "0 groups"},
               {CENOTE_INT8, 3, "no row of it divides into"},
               {CENOTE_BF16, 2, "2 groups for bf16"},
               {CENOTE_INT8, 1, "int8 already"}};
  char path[512];
  golden_path("longer.safetensors", path);
  narrow(path, CENOTE_INT8, 1);
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    const char *from = i + 1 == sizeof table / sizeof *table ? hostile_file : path;
    CenoteError err = {""};
    assert_int_equal(cenote_quantize(from, "/nowhere/at/all", table[i].precision, table[i].groups,
                                     NULL, 0, &err),
                     CENOTE_BAD_ARGUMENT);
    if (!strstr(err.text, table[i].what) || !strstr(err.text, from)) fail_msg("%s", err.text);
  }
  CenoteError err = {""};
  assert_int_equal(cenote_quantize(path, "/nowhere/at/all", CENOTE_INT8, 1, NULL, 0, &err),
                   CENOTE_FILE_ERROR);
  assert_non_null(strstr(err.text, "/nowhere/at/all"));
  assert_int_equal(cenote_quantize("/nowhere", hostile_file, CENOTE_INT8, 1, NULL, 0, &err),
                   CENOTE_FILE_ERROR);
}

static void notes_are_kept_replaced_and_left_out(void **state)
{
  (void)state;
  char path[512];
  golden_path("tiny.safetensors", path);
  CnWeights was;
  CnWeights is;
  const CenoteNote note[] = {{"author", "someone \"else\""}, {"seed", NULL}, {"new", "note"}};
  assert_int_equal(cn_weights_load(path, &was, NULL), CENOTE_OK);
  assert_int_equal(cenote_quantize(path, hostile_file, CENOTE_BF16, 1, note, 3, NULL), CENOTE_OK);
  assert_int_equal(cn_weights_load(hostile_file, &is, NULL), CENOTE_OK);
  assert_string_equal(is.stored, "bf16");
  assert_string_equal(is.config_json, was.config_json);
  assert_int_equal(is.notes, was.notes); // one gone, one come
  size_t kept = 0;
  for (size_t i = 0; i < is.notes; ++i) {
    const CnNote *n = &is.note[i];
    if (strcmp(n->key, "author") == 0) assert_string_equal(n->value, note[0].value);
    if (strcmp(n->key, "new") == 0) assert_string_equal(n->value, "note");
    assert_string_not_equal(n->key, "seed");
    for (size_t k = 0; k < was.notes; ++k)
      kept += strcmp(was.note[k].key, n->key) == 0 && strcmp(was.note[k].value, n->value) == 0;
  }
  assert_int_equal(kept, was.notes - 2);
  cn_weights_clear(&was);
  cn_weights_clear(&is);
}

/// hostile_file: the float weights of `path`, matrices whose names hold `what` as int8.
static void save_mixed(const char *path, const char *what)
{
  enum { MOST = 256, NUMBERS = 65536 };
  static CnSave save[2 * MOST];
  static char name[MOST][80];
  static int8_t number[NUMBERS];
  static float scale[NUMBERS / 8];
  CnWeights weights;
  assert_int_equal(cn_weights_load(path, &weights, NULL), CENOTE_OK);
  assert_true(weights.params.size <= MOST);
  size_t saves = 0;
  size_t numbers = 0;
  size_t scales = 0;
  for (size_t i = 0; i < weights.params.size; ++i) {
    const CnParam *param = &weights.params.param[i];
    const float *data = weights.data + param->offset;
    CnSave *to = &save[saves++];
    *to = (CnSave){.name = param->name, .dtype = CN_F32, .rank = param->rank, .data = data};
    for (uint32_t k = 0; k < param->rank; ++k) to->dim[k] = param->dim[k];
    if (!param->matrix || !strstr(param->name, what)) continue;
    to->dtype = CN_I8;
    to->data = number + numbers;
    snprintf(name[i], sizeof name[i], "%s.scale", param->name);
    save[saves++] = (CnSave){name[i], CN_F32, 2, {param->dim[0], 1}, scale + scales};
    assert_true(numbers + param->count <= NUMBERS && scales + param->dim[0] <= NUMBERS / 8);
    for (uint32_t row = 0; row < param->dim[0]; ++row) {
      cn_round_row(data + (size_t)row * param->dim[1], param->dim[1], 1, 127, number + numbers,
                   scale + scales++);
      numbers += param->dim[1];
    }
  }
  assert_true(numbers > 0);
  const char *const key[] = {"format", "format_version", "config"};
  const char *const value[] = {"poolformer", "2", weights.config_json};
  assert_int_equal(cn_file_save(hostile_file, save, saves, key, value, 3, NULL), CENOTE_OK);
  cn_weights_clear(&weights);
}

static void a_file_may_hold_some_matrices_as_int8(void **state)
{
  (void)state;
  static const char *const what[] = {"gate", "rnn.in", "rnn.out", "mlp", "head"};
  static float want[STEPS * CENOTE_CLASSES];
  static float got[STEPS * CENOTE_CLASSES];
  Golden golden = golden_open("tiny");
  uint64_t hash[2];
  answer(golden.model, CENOTE_INT8, &golden, want, &hash[0]);
  for (size_t i = 0; i < sizeof what / sizeof *what; ++i) {
    save_mixed(golden.model, what[i]);
    const double bits = answer(hostile_file, CENOTE_INT8, &golden, got, &hash[1]);
    assert_memory_equal(want, got, sizeof want);
    assert_true(hash[0] != hash[1]);
    assert_true(fabs(bits - (double)golden.nll_bits) < 0.05);
    CnWeights weights;
    assert_int_equal(cn_weights_load(hostile_file, &weights, NULL), CENOTE_OK);
    assert_string_equal(weights.stored, "mixed");
    cn_weights_clear(&weights);
  }
  golden_close(&golden);
}

static void each_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
  (void)state;
  char path[512];
  golden_path("tiny.safetensors", path);
  CenoteModel *model;
  CenoteError err = {""};
  for (size_t i = 0, done = 0; !done; ++i) {
    unlink(hostile_file);
    fail_alloc_at(i);
    const CenoteStatus status = cenote_quantize(path, hostile_file, CENOTE_INT8, 1, NULL, 0, &err);
    done = fail_alloc_count() <= i;
    fail_alloc_at(SIZE_MAX);
    assert_int_equal(status, done ? CENOTE_OK : CENOTE_NO_MEMORY);
    assert_int_equal(access(hostile_file, F_OK), done ? 0 : -1);
  }
  for (size_t i = 0, done = 0; !done; ++i) {
    fail_alloc_at(i);
    const CenoteStatus status = cenote_model_load(hostile_file, &model, &err);
    done = fail_alloc_count() <= i;
    fail_alloc_at(SIZE_MAX);
    assert_int_equal(status, done ? CENOTE_OK : CENOTE_NO_MEMORY);
    cenote_model_free(model);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_narrower_file_computes_what_its_precision_does),
      cmocka_unit_test(finer_scales_bring_the_weights_nearer),
      cmocka_unit_test(what_cannot_be_narrowed_is_refused),
      cmocka_unit_test(notes_are_kept_replaced_and_left_out),
      cmocka_unit_test(a_file_may_hold_some_matrices_as_int8),
      cmocka_unit_test(each_failing_allocation_is_an_error_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, hostile_begin, hostile_end);
}
