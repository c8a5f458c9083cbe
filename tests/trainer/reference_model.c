// SPDX-License-Identifier: ISC
// Models made by chance. Every tensor matters in the answers, and none lets them run away: matrices
// keep the size of what goes through them, decays reach from a few steps to thousands.
#include "reference.h"

#include "params.h"
#include "safetensors.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/// The next of a row of numbers (splitmix64).
static uint64_t draw(uint64_t *seed)
{
  uint64_t z = *seed += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/// 0 to n - 1.
static uint32_t pick(uint64_t *seed, uint32_t n)
{
  return (uint32_t)(draw(seed) % n);
}

static double uniform(uint64_t *seed, double low, double high)
{
  return low + (high - low) * (double)(draw(seed) >> 11) * 0x1p-53;
}

/// A line of the configuration's text.
static void say(char *json, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(char *json, size_t size, const char *format, ...)
{
  const size_t at = strlen(json);
  va_list list;
  va_start(list, format);
  vsnprintf(json + at, size - at, format, list);
  va_end(list);
}

static void say_levels(uint64_t *seed, char *json, size_t size)
{
  static const char *const entry[] = {"rglru", "lru", "conv", "mlp"};
  static const uint32_t factor[] = {1, 2, 3, 4, 5, 7, 11};
  static const uint32_t features[] = {1, 1, 2, 3};
  const uint32_t pools = pick(seed, 4);
  say(json, size, "\"pool_temporal\":[");
  for (uint32_t i = 0; i < pools; ++i)
    say(json, size, "%s%u", i > 0 ? "," : "", factor[pick(seed, 7)]);
  say(json, size, "],\"pool_features\":[");
  for (uint32_t i = 0; i < pools; ++i)
    say(json, size, "%s%u", i > 0 ? "," : "", features[pick(seed, 4)]);
  say(json, size, "],\"model_structure\":[");
  for (uint32_t i = 0; i <= pools; ++i) {
    const uint32_t entries = i < pools ? pick(seed, 3) : 1 + pick(seed, 2);
    say(json, size, "%s[", i > 0 ? "," : "");
    for (uint32_t j = 0; j < entries; ++j)
      say(json, size, "%s\"%s\"", j > 0 ? "," : "", entry[pick(seed, 4)]);
    say(json, size, "]");
  }
  say(json, size, "],");
}

static void say_config(uint64_t *seed, char *json, size_t size)
{
  static const char *const norm[] = {"layer", "rms", "none"};
  static const char *const input[] = {"sine", "embed", "mlp"};
  static const char *const yes[] = {"false", "true"};
  const uint32_t groups = 1 + pick(seed, 3);
  const uint32_t diagonal = 1 + pick(seed, 5);
  const uint32_t transform = pick(seed, 3);
  uint32_t width = groups * (3 + pick(seed, 7));
  if (transform == 0) width *= 2; // the sine input wants an even width
  const bool real = pick(seed, 3) == 0;
  const uint32_t hidden = diagonal * (1 + pick(seed, 6)) * (real ? 1 : 2);
  json[0] = '\0';
  say(json, size, "{\"base_dim\":%u,", width);
  say_levels(seed, json, size);
  say(json, size, "\"unet\":%s,\"norm\":\"%s\",", yes[pick(seed, 2)], norm[pick(seed, 3)]);
  say(json, size, "\"use_gating\":%s,\"use_temporal_cnn\":%s,", yes[pick(seed, 2)],
      yes[pick(seed, 2)]);
  say(json, size, "\"input_transform\":\"%s\",\"ff_expand\":%u,", input[transform],
      1 + pick(seed, 3));
  say(json, size, "\"conv_kernel_size\":%u,\"conv_feature_group_count\":%u,", 1 + pick(seed, 5),
      groups);
  say(json, size, "\"conv_pooling\":%s,", yes[pick(seed, 2)]);
  say(json, size, "\"rnn\":{\"block_type\":\"%s\",\"d_hidden\":%u,\"only_real\":%s,",
      pick(seed, 4) == 0 ? "lru" : "rglru", hidden, yes[real]);
  say(json, size, "\"input_norm\":%s,\"n_diag_blocks\":%u,\"log_a_scale\":%d,\"adaptive_d\":%s},",
      yes[pick(seed, 2)], diagonal, pick(seed, 2) ? -8 : -3, yes[pick(seed, 2)]);
  say(json, size, "\"sample_rate\":16000,\"encoding\":\"%s\",\"num_classes\":256,",
      pick(seed, 2) ? "mulaw" : "linear");
  say(json, size, "\"baseline\":%u,\"min_max_scaling\":%s}", pick(seed, 256), yes[pick(seed, 2)]);
}

static void fill(uint64_t *seed, const CnParam *param, const CnConfig *config, float *values)
{
  const bool norm = strstr(param->name, "norm.weight");
  const bool bias = strstr(param->name, ".bias");
  const bool a_real = strstr(param->name, "a_real");
  const bool a_imag = strstr(param->name, "a_imag");
  double size = 1.0;
  for (uint32_t i = 1; i < param->rank; ++i) size *= param->dim[i];
  if (strstr(param->name, "downpool") || strstr(param->name, "rnn.")) size /= 2.0;
  if (strstr(param->name, "gate_")) size = param->dim[2] / 2.0;
  // Without a norm a gated block squares what it reads.
  if (config->norm == CN_NORM_NONE && strncmp(param->name, "levels", 6) == 0) size *= 4.0;
  if (strstr(param->name, ".out.weight") && !strstr(param->name, "rnn.")) size *= 4.0;
  for (uint64_t i = 0; i < param->count; ++i) {
    // Three uniform numbers make one of variance 1, near enough normal and never far out.
    const double n =
        2.0 * (uniform(seed, -1.0, 1.0) + uniform(seed, -1.0, 1.0) + uniform(seed, -1.0, 1.0)) /
        2.0;
    double value = n / sqrt(size);
    if (norm) value = 1.0 + 0.2 * n;
    if (bias) value = 0.2 * n;
    if (strcmp(param->name, "input.embedding") == 0) value = n;
    if (a_real) { // |a| = exp(log_a_scale softplus(a_real)), 1 - |a| from 1e-4 to 0.5
      const double decay = exp(uniform(seed, log(1e-4), log(0.5)));
      value = log(expm1(decay / fabs(config->log_a_scale)));
    }
    if (a_imag) value = uniform(seed, -0.5, 1.5);
    values[i] = (float)value;
  }
}

void reference_model(const char *path, uint64_t seed)
{
  char json[2048];
  CnConfig config;
  CnParams params;
  CenoteError err = {""};
  say_config(&seed, json, sizeof json);
  if (cn_config_parse(path, json, strlen(json), &config, &err) != CENOTE_OK ||
      cn_params_new(path, &config, &params, &err) != CENOTE_OK)
    fail_msg("%s", err.text);
  float *values = malloc(params.floats * sizeof *values);
  CnSave *save = calloc(params.size, sizeof *save);
  assert_true(values && save);
  for (size_t i = 0; i < params.size; ++i) {
    const CnParam *param = &params.param[i];
    fill(&seed, param, &config, values + param->offset);
    save[i] = (CnSave){.name = param->name,
                       .dtype = CN_F32,
                       .rank = param->rank,
                       .dim = {param->dim[0], param->dim[1], param->dim[2]},
                       .data = values + param->offset};
  }
  const char *const key[] = {"format", "format_version", "config"};
  const char *const value[] = {"poolformer", "1", json};
  if (cn_file_save(path, save, params.size, key, value, 3, &err) != CENOTE_OK)
    fail_msg("%s", err.text);
  free(save);
  free(values);
  cn_params_clear(&params);
}
