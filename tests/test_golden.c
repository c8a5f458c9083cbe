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

static CenoteModel *load(const char *path)
{
  CenoteError err = {""};
  CenoteModel *model;
  if (cenote_model_load(path, &model, &err) != CENOTE_OK) fail_msg("%s", err.text);
  return model;
}

static void check_case(const char *name)
{
  Golden golden = golden_open(name);
  CenoteModel *model = load(golden.model);
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

static void scalar_and_portable_give_the_same_bits(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name) {
    Golden golden = golden_open(*name);
    const size_t numbers = golden.steps * CENOTE_CLASSES;
    float *logits[2];
    for (int i = 0; i < 2; ++i) {
      setenv("CENOTE_ISA", i ? "portable" : "scalar", 1);
      CenoteModel *model = load(golden.model);
      CenoteVoice *voice;
      assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
      logits[i] = malloc(numbers * sizeof **logits);
      assert_non_null(logits[i]);
      cenote_voice_listen(voice, golden.codes, (uint32_t)golden.steps, logits[i]);
      cenote_voice_free(voice);
      cenote_model_free(model);
    }
    assert_memory_equal(logits[0], logits[1], numbers * sizeof **logits);
    free(logits[0]);
    free(logits[1]);
    golden_close(&golden);
  }
  unsetenv("CENOTE_ISA");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_case_with_every_table_is_within_the_limits),
      cmocka_unit_test(scalar_and_portable_give_the_same_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
