// SPDX-License-Identifier: ISC
// Codes, random numbers and the draw.
#include "golden.h"

#include "rt/codec.h"
#include "rt/dmath.h"
#include "rt/philox.h"
#include "rt/sampler.h"
#include "safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *tensor(const CnFile *file, const char *name, size_t *count)
{
  const CnTensor *t = cn_file_find(file, name);
  assert_non_null(t);
  void *data = malloc((size_t)t->count * 4);
  assert_non_null(data);
  assert_int_equal(cn_file_read(file, t, data, NULL), CENOTE_OK);
  *count = (size_t)t->count;
  return data;
}

static void check_codes(const CnFile *file, CenoteEncoding encoding, const char *prefix)
{
  char name[64];
  size_t n;
  size_t m;
  snprintf(name, sizeof name, "%s.input", prefix);
  float *input = tensor(file, name, &n);
  snprintf(name, sizeof name, "%s.codes", prefix);
  int32_t *codes = tensor(file, name, &m);
  assert_int_equal(n, m);
  for (size_t i = 0; i < n; ++i) assert_int_equal(cn_encode(encoding, (double)input[i]), codes[i]);
  snprintf(name, sizeof name, "%s.decoded", prefix);
  float *decoded = tensor(file, name, &m);
  for (size_t i = 0; i < m; ++i) // float32 answers
    assert_true(fabs(cn_decode(encoding, (uint8_t)i) - (double)decoded[i]) < 1e-6);
  free(input);
  free(codes);
  free(decoded);
}

static void codes_equal_the_golden_ones(void **state)
{
  (void)state;
  char path[512];
  CnFile file;
  golden_path("codes.expect.safetensors", path);
  assert_int_equal(cn_file_open(path, &file, NULL), CENOTE_OK);
  check_codes(&file, CENOTE_MULAW, "mulaw");
  check_codes(&file, CENOTE_LINEAR, "linear");
  // min_max_scaling, by a model whose metadata asks for it.
  size_t n;
  size_t m;
  int32_t *samples = tensor(&file, "minmax.input", &n);
  int32_t *codes = tensor(&file, "minmax.codes", &m);
  CenoteModel *model;
  golden_path("tiny.safetensors", path);
  assert_int_equal(cenote_model_load(path, &model, NULL), CENOTE_OK);
  assert_true(cenote_model_info(model)->min_max_scaling);
  float clip[300];
  uint8_t got[300];
  assert_int_equal(n, 300);
  for (size_t i = 0; i < n; ++i) clip[i] = (float)samples[i];
  cenote_model_encode(model, clip, n, got);
  for (size_t i = 0; i < n; ++i) assert_int_equal(got[i], codes[i]);
  cenote_model_free(model);
  free(samples);
  free(codes);
  cn_file_close(&file);
}

static void odd_values_have_codes_too(void **state)
{
  (void)state;
  assert_int_equal(cn_encode(CENOTE_MULAW, 0.0), 128);
  assert_int_equal(cn_encode(CENOTE_MULAW, -1.0), 0);
  assert_int_equal(cn_encode(CENOTE_MULAW, 1.0), 255);
  assert_int_equal(cn_encode(CENOTE_MULAW, (double)NAN), 128);
  assert_int_equal(cn_encode(CENOTE_LINEAR, (double)INFINITY), 255);
  assert_int_equal(cn_encode(CENOTE_LINEAR, -(double)INFINITY), 0);
  for (int encoding = 0; encoding < 2; ++encoding)
    for (int code = 0; code < 256; ++code)
      assert_int_equal(
          cn_encode((CenoteEncoding)encoding, cn_decode((CenoteEncoding)encoding, (uint8_t)code)),
          code);
}

static void philox_gives_its_published_numbers(void **state)
{
  (void)state;
  // Known answers of Random123 for philox4x32-10, as far as two counter words reach.
  uint32_t word[4];
  cn_philox(0, 0, word);
  const uint32_t zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  assert_memory_equal(word, zeros, sizeof word);
  double sum = 0.0;
  for (uint64_t i = 0; i < 10000; ++i) {
    const double u = cn_uniform(7, i);
    assert_true(u >= 0.0 && u < 1.0);
    sum += u;
  }
  assert_true(fabs(sum / 10000 - 0.5) < 0.02); // 7 standard deviations
}

static void top_k_top_p_and_temperature_keep_what_they_say(void **state)
{
  (void)state;
  float logits[256];
  for (int i = 0; i < 256; ++i) logits[i] = -50.0f;
  logits[10] = logf(0.5f);
  logits[20] = logf(0.3f);
  logits[30] = logf(0.2f);
  const CnSampler plain = {1.0f, 1.0f, 256};
  assert_int_equal(cn_sample(&cn_kernels_portable, &plain, logits, 0.001), 10);
  assert_int_equal(cn_sample(&cn_kernels_portable, &plain, logits, 0.499), 10);
  assert_int_equal(cn_sample(&cn_kernels_portable, &plain, logits, 0.501), 20);
  assert_int_equal(cn_sample(&cn_kernels_portable, &plain, logits, 0.799), 20);
  assert_int_equal(cn_sample(&cn_kernels_portable, &plain, logits, 0.801), 30);
  const CnSampler two = {1.0f, 1.0f, 2};
  assert_int_equal(cn_sample(&cn_kernels_portable, &two, logits, 0.624), 10);
  assert_int_equal(cn_sample(&cn_kernels_portable, &two, logits, 0.626), 20);
  assert_int_equal(cn_sample(&cn_kernels_portable, &two, logits, 0.999999), 20);
  const CnSampler most = {1.0f, 0.6f, 256}; // 0.5 is short of 0.6: two codes
  assert_int_equal(cn_sample(&cn_kernels_portable, &most, logits, 0.999999), 20);
  const CnSampler none = {1.0f, 0.0f, 256};
  assert_int_equal(cn_sample(&cn_kernels_portable, &none, logits, 0.999999), 10);
  const CnSampler cold = {0.0f, 1.0f, 256};
  assert_int_equal(cn_sample(&cn_kernels_portable, &cold, logits, 0.999999), 10);
  const CnSampler icy = {1e-30f, 1.0f, 256};
  assert_int_equal(cn_sample(&cn_kernels_portable, &icy, logits, 0.999999), 10);
}

static void equal_logits_rank_the_lower_code_first(void **state)
{
  (void)state;
  float logits[256] = {0};
  for (int i = 0; i < 256; i += 2) logits[i] = -0.0f;
  const CnSampler cold = {0.0f, 1.0f, 256};
  assert_int_equal(cn_sample(&cn_kernels_portable, &cold, logits, 0.9), 0);
  const CnSampler four = {1.0f, 1.0f, 4};
  assert_int_equal(cn_sample(&cn_kernels_portable, &four, logits, 0.999), 3);
  assert_int_equal(cn_sample(&cn_kernels_portable, &four, logits, 0.0), 0);
}

static void bits_of_equal_logits_are_eight(void **state)
{
  (void)state;
  float logits[256] = {0};
  assert_true(fabs(cn_bits(&cn_kernels_portable, logits, 77) - 8.0) < 1e-12);
  logits[3] = 1000.0f;
  assert_true(fabs(cn_bits(&cn_kernels_portable, logits, 3)) < 1e-12);
  assert_true(fabs(cn_bits(&cn_kernels_portable, logits, 4) - 1000.0 / log(2.0)) < 1e-9);
}

static void own_double_functions_agree_with_libm(void **state)
{
  (void)state;
  for (int i = -60000; i <= 60000; ++i) {
    const double x = i * 0.01;
    double s;
    double c;
    cn_sincos(x, &s, &c);
    assert_true(fabs(s - sin(x)) < 4e-16 && fabs(c - cos(x)) < 4e-16);
    assert_true(fabs(cn_exp(x) / exp(x) - 1.0) < 5e-16);
    const double y = exp(x / 10.0);
    assert_true(fabs(cn_log(y) - log(y)) <= 5e-16 * fabs(log(y)));
    assert_true(fabs(cn_softplus(x / 20.0) / log1p(exp(x / 20.0)) - 1.0) < 1e-15);
  }
  assert_true(cn_exp(-1000.0) == 0.0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codes_equal_the_golden_ones),
      cmocka_unit_test(odd_values_have_codes_too),
      cmocka_unit_test(philox_gives_its_published_numbers),
      cmocka_unit_test(top_k_top_p_and_temperature_keep_what_they_say),
      cmocka_unit_test(equal_logits_rank_the_lower_code_first),
      cmocka_unit_test(bits_of_equal_logits_are_eight),
      cmocka_unit_test(own_double_functions_agree_with_libm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
