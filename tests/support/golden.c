// SPDX-License-Identifier: ISC
#include "golden.h"

#include "safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

const char *const golden_names[] = {"tiny",    "real_rms",   "lru_conv", "cnn",   "widening",
                                    "no_unet", "mixed",      "longer",   "quiet", "bf16",
                                    "f16",     "flax_small", NULL};

void golden_path(const char *name, char path[static 512])
{
  const char *root = getenv("CENOTE_SOURCE_ROOT");
  snprintf(path, 512, "%s/tests/golden/%s", root ? root : ".", name);
}

Golden golden_open(const char *name)
{
  Golden golden = {0};
  char file_name[128];
  char path[512];
  CenoteError err = {""};
  snprintf(file_name, sizeof file_name, "%s.safetensors", name);
  golden_path(file_name, golden.model);
  snprintf(file_name, sizeof file_name, "%s.expect.safetensors", name);
  golden_path(file_name, path);
  CnFile file;
  if (cn_file_open(path, &file, &err) != CENOTE_OK) fail_msg("%s", err.text);
  const CnTensor *tokens = cn_file_find(&file, "tokens");
  const CnTensor *logits = cn_file_find(&file, "logits");
  const CnTensor *bits = cn_file_find(&file, "nll_bits");
  assert_true(tokens && logits && bits && tokens->dtype == CN_I32);
  golden.steps = (size_t)tokens->count;
  int32_t *numbers = malloc(golden.steps * sizeof *numbers);
  golden.codes = malloc(golden.steps);
  golden.logits = malloc((size_t)logits->count * sizeof *golden.logits);
  assert_true(numbers && golden.codes && golden.logits);
  assert_int_equal(cn_file_read(&file, tokens, numbers, &err), CENOTE_OK);
  assert_int_equal(cn_file_read_f32(&file, logits, golden.logits, &err), CENOTE_OK);
  assert_int_equal(cn_file_read_f32(&file, bits, &golden.nll_bits, &err), CENOTE_OK);
  for (size_t i = 0; i < golden.steps; ++i) golden.codes[i] = (uint8_t)numbers[i];
  free(numbers);
  cn_file_close(&file);
  return golden;
}

void golden_close(Golden *golden)
{
  free(golden->codes);
  free(golden->logits);
  *golden = (Golden){0};
}

double golden_distance(const float *a, const float *b, size_t n)
{
  double most = 0.0;
  for (size_t i = 0; i < n; ++i) {
    const double d = fabs((double)a[i] - (double)b[i]);
    if (!(d <= most)) most = isnan(d) ? (double)INFINITY : d;
  }
  return most;
}
