// SPDX-License-Identifier: ISC
// The step engine against float64 answers, with every usable kernel table.
#include "golden.h"

#include "kernels/kernels.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Limits of tests/golden/README.md: float32 lands near 1e-5 to 1e-4, a mistake at 0.1 and more.
#define LOGIT_LIMIT 1e-3
#define BITS_LIMIT 1e-5

static CenoteModel *load(const char *path, CenotePrecision precision)
{
  CenoteError err = {""};
  CenoteModel *model;
  if (cenote_model_load_as(path, precision, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  return model;
}

static void check_case(const char *name)
{
  Golden golden = golden_open(name);
  CenoteModel *model = load(golden.model, CENOTE_F32);
  CenoteVoice *voice;
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  float *logits = malloc(golden.steps * CENOTE_CLASSES * sizeof *logits);
  assert_non_null(logits);
  const double bits = cenote_voice_listen(voice, golden.codes, (uint32_t)golden.steps, logits) /
                      (double)golden.steps;
  const double far = golden_distance(logits, golden.logits, golden.steps * CENOTE_CLASSES);
  const double off = fabs(bits - (double)golden.nll_bits);
  print_message("%-10s %-8s logits %.1e  nll_bits %.1e\n", name, cenote_model_info(model)->kernel,
                far, off);
  assert_true(far < LOGIT_LIMIT);
  assert_true(off < BITS_LIMIT);
  free(logits);
  cenote_voice_free(voice);
  cenote_model_free(model);
  golden_close(&golden);
}

static void every_case_with_every_table_is_within_the_limits(void **state)
{
  (void)state;
  for (const CnKernels *const *k = cn_kernels_all(); *k; ++k) {
    if (!(*k)->usable()) continue;
    setenv("CENOTE_ISA", (*k)->name, 1);
    for (const char *const *name = golden_names; *name; ++name) check_case(*name);
  }
  unsetenv("CENOTE_ISA");
}

/// Logits of a case by one table and their mean bits; free() them.
static float *answers(const Golden *golden, const char *isa, CenotePrecision precision,
                      double *bits)
{
  setenv("CENOTE_ISA", isa, 1);
  CenoteModel *model = load(golden->model, precision);
  assert_string_equal(cenote_model_info(model)->kernel, isa);
  assert_string_equal(cenote_model_info(model)->precision, cenote_precision_name(precision));
  CenoteVoice *voice;
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  float *logits = malloc(golden->steps * CENOTE_CLASSES * sizeof *logits);
  assert_non_null(logits);
  *bits = cenote_voice_listen(voice, golden->codes, (uint32_t)golden->steps, logits) /
          (double)golden->steps;
  cenote_voice_free(voice);
  cenote_model_free(model);
  unsetenv("CENOTE_ISA");
  return logits;
}

/// Rounding to 16 and 8 bits moves the bits of these random weights by so much at most; 4 bits are
/// an experiment.
static const double rounding_limit[] = {
    [CENOTE_F32] = 1e-5, [CENOTE_BF16] = 0.02, [CENOTE_INT8] = 0.05, [CENOTE_INT4] = 2.0};

static void every_table_gives_the_same_bits_in_every_precision(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    Golden golden = golden_open(*name);
    const size_t bytes = golden.steps * CENOTE_CLASSES * sizeof(float);
    for (CenotePrecision p = CENOTE_F32; p <= CENOTE_INT4; ++p) {
      double bits;
      float *want = answers(&golden, "scalar", p, &bits);
      const double off = fabs(bits - (double)golden.nll_bits);
      print_message("%-10s %s: nll_bits %.1e\n", *name, cenote_precision_name(p), off);
      assert_true(off < rounding_limit[p]);
      for (const CnKernels *const *k = cn_kernels_all(); *k; ++k) {
        if (!(*k)->usable()) continue;
        float *got = answers(&golden, (*k)->name, p, &bits);
        assert_memory_equal(got, want, bytes);
        free(got);
      }
      free(want);
    }
    golden_close(&golden);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_case_with_every_table_is_within_the_limits),
      cmocka_unit_test(every_table_gives_the_same_bits_in_every_precision),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
