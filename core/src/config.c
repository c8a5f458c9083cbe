// SPDX-License-Identifier: ISC
// Reading a configuration. Each key is taken once and ticked off; what is left over is unknown.
#include "config.h"

#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/// Where a value is looked up, and how errors name it.
typedef struct Reader {
  const char *file;
  const char *prefix; ///< "config" or "config: rnn"
  const json_t *object;
  size_t taken;
  CenoteError *err;
} Reader;

static CenoteStatus take(Reader *reader, const char *key, const json_t **out)
{
  *out = json_object_get(reader->object, key);
  if (!*out)
    return cn_fail(reader->err, CENOTE_BAD_MODEL, "%s: %s: no %s", reader->file, reader->prefix,
                   key);
  ++reader->taken;
  return CENOTE_OK;
}

static CenoteStatus check_whole(const Reader *reader, const char *key, const json_t *value,
                                uint32_t low, uint32_t high, uint32_t *out)
{
  if (!json_is_integer(value))
    return cn_fail(reader->err, CENOTE_BAD_MODEL, "%s: %s: %s is not a whole number", reader->file,
                   reader->prefix, key);
  const json_int_t number = json_integer_value(value);
  if (number < (json_int_t)low || number > (json_int_t)high)
    return cn_fail(reader->err, CENOTE_BAD_MODEL,
                   "%s: %s: %s is %" JSON_INTEGER_FORMAT ", want %" PRIu32 " to %" PRIu32,
                   reader->file, reader->prefix, key, number, low, high);
  *out = (uint32_t)number;
  return CENOTE_OK;
}

static CenoteStatus take_whole(Reader *reader, const char *key, uint32_t low, uint32_t high,
                               uint32_t *out)
{
  const json_t *value;
  CN_TRY(take(reader, key, &value));
  return check_whole(reader, key, value, low, high, out);
}

static CenoteStatus take_bool(Reader *reader, const char *key, bool *out)
{
  const json_t *value;
  CN_TRY(take(reader, key, &value));
  if (!json_is_boolean(value))
    return cn_fail(reader->err, CENOTE_BAD_MODEL, "%s: %s: %s is not true or false", reader->file,
                   reader->prefix, key);
  *out = json_is_true(value);
  return CENOTE_OK;
}

/// One of up to four words; *out is its place in the list.
static CenoteStatus check_word(const Reader *reader, const char *key, const json_t *value,
                               const char *const word[4], uint32_t *out)
{
  const char *text = json_string_value(value);
  for (uint32_t i = 0; text && i < 4 && word[i]; ++i) {
    if (strcmp(text, word[i]) == 0) {
      *out = i;
      return CENOTE_OK;
    }
  }
  char list[96] = "";
  for (uint32_t i = 0; i < 4 && word[i]; ++i) {
    strcat(list, i > 0 ? ", " : "");
    strcat(list, word[i]);
  }
  return cn_fail(reader->err, CENOTE_BAD_MODEL, "%s: %s: %s is %s%s%s, want one of: %s",
                 reader->file, reader->prefix, key, text ? "\"" : "", text ? text : "not a string",
                 text ? "\"" : "", list);
}

static CenoteStatus take_word(Reader *reader, const char *key, const char *const word[4],
                              uint32_t *out)
{
  const json_t *value;
  CN_TRY(take(reader, key, &value));
  return check_word(reader, key, value, word, out);
}

static CenoteStatus take_list(Reader *reader, const char *key, size_t low, size_t high,
                              const json_t **out)
{
  CN_TRY(take(reader, key, out));
  if (!json_is_array(*out) || json_array_size(*out) < low || json_array_size(*out) > high)
    return cn_fail(reader->err, CENOTE_BAD_MODEL, "%s: %s: %s is not a list of %zu to %zu",
                   reader->file, reader->prefix, key, low, high);
  return CENOTE_OK;
}

/// Names the first key that nobody took.
static CenoteStatus refuse_rest(const Reader *reader, const char *const *known)
{
  if (json_object_size(reader->object) == reader->taken) return CENOTE_OK;
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)reader->object, key, value)
  {
    size_t i = 0;
    while (known[i] && strcmp(known[i], key) != 0) ++i;
    if (!known[i])
      return cn_fail(reader->err, CENOTE_BAD_MODEL, "%s: %s: unknown key %s", reader->file,
                     reader->prefix, key);
  }
  return CENOTE_OK;
}

static CenoteStatus read_rnn(Reader *outer, CnConfig *config, bool *lru)
{
  static const char *const keys[] = {"block_type",    "d_hidden",    "only_real",  "input_norm",
                                     "n_diag_blocks", "log_a_scale", "adaptive_d", NULL};
  Reader reader = {outer->file, "config: rnn", NULL, 0, outer->err};
  CN_TRY(take(outer, "rnn", &reader.object));
  if (!json_is_object(reader.object))
    return cn_fail(outer->err, CENOTE_BAD_MODEL, "%s: config: rnn is not an object", outer->file);
  uint32_t type;
  CN_TRY(take_word(&reader, "block_type", (const char *const[4]){"rglru", "lru"}, &type));
  *lru = type == 1;
  CN_TRY(take_whole(&reader, "d_hidden", 1, CN_MAX_INNER, &config->d_hidden));
  CN_TRY(take_bool(&reader, "only_real", &config->only_real));
  CN_TRY(take_bool(&reader, "input_norm", &config->input_norm));
  CN_TRY(take_whole(&reader, "n_diag_blocks", 1, CN_MAX_INNER, &config->n_diag_blocks));
  const json_t *scale;
  CN_TRY(take(&reader, "log_a_scale", &scale));
  config->log_a_scale = json_number_value(scale);
  if (!json_is_number(scale) || !(fabs(config->log_a_scale) <= 1e6))
    return cn_fail(reader.err, CENOTE_BAD_MODEL,
                   "%s: config: rnn: log_a_scale is not a number within 1e6 of zero", reader.file);
  CN_TRY(take_bool(&reader, "adaptive_d", &config->adaptive_d));
  return refuse_rest(&reader, keys);
}

static CenoteStatus read_pools(Reader *reader, CnConfig *config)
{
  const json_t *temporal;
  const json_t *features;
  CN_TRY(take_list(reader, "pool_temporal", 0, CN_MAX_LEVELS - 1, &temporal));
  const size_t pools = json_array_size(temporal);
  CN_TRY(take_list(reader, "pool_features", 0, CN_MAX_LEVELS - 1, &features));
  if (json_array_size(features) != pools)
    return cn_fail(reader->err, CENOTE_BAD_MODEL,
                   "%s: config: pool_features has %zu entries, want %zu as pool_temporal",
                   reader->file, json_array_size(features), pools);
  config->levels = (uint32_t)pools + 1;
  for (size_t i = 0; i < pools; ++i) {
    CN_TRY(check_whole(reader, "pool_temporal", json_array_get(temporal, i), 1, CN_MAX_POOL,
                       &config->pool_temporal[i]));
    CN_TRY(check_whole(reader, "pool_features", json_array_get(features, i), 1, CN_MAX_WIDTH,
                       &config->pool_features[i]));
  }
  return CENOTE_OK;
}

static CenoteStatus read_structure(Reader *reader, CnConfig *config)
{
  static const char *const words[4] = {"rglru", "lru", "conv", "mlp"};
  const json_t *lists;
  CN_TRY(take(reader, "model_structure", &lists));
  if (!json_is_array(lists) || json_array_size(lists) != config->levels)
    return cn_fail(reader->err, CENOTE_BAD_MODEL,
                   "%s: config: model_structure is not a list of %u lists, one more than pools",
                   reader->file, config->levels);
  for (uint32_t i = 0; i < config->levels; ++i) {
    const json_t *list = json_array_get(lists, i);
    const size_t least = i + 1 == config->levels;
    if (!json_is_array(list) || json_array_size(list) < least ||
        json_array_size(list) > CN_MAX_ENTRIES)
      return cn_fail(reader->err, CENOTE_BAD_MODEL,
                     "%s: config: model_structure: level %u is not a list of %zu to %d entries",
                     reader->file, i, least, CN_MAX_ENTRIES);
    config->entries[i] = (uint32_t)json_array_size(list);
    for (uint32_t j = 0; j < config->entries[i]; ++j) {
      uint32_t entry;
      CN_TRY(check_word(reader, "model_structure", json_array_get(list, j), words, &entry));
      config->structure[i][j] = (CnEntry)entry;
    }
  }
  return CENOTE_OK;
}

static CenoteStatus read_keys(Reader *reader, CnConfig *config)
{
  static const char *const keys[] = {"base_dim",
                                     "pool_temporal",
                                     "pool_features",
                                     "model_structure",
                                     "unet",
                                     "norm",
                                     "use_gating",
                                     "use_temporal_cnn",
                                     "ff_expand",
                                     "input_transform",
                                     "conv_kernel_size",
                                     "conv_feature_group_count",
                                     "rnn",
                                     "conv_pooling",
                                     "sample_rate",
                                     "encoding",
                                     "baseline",
                                     "min_max_scaling",
                                     "num_classes",
                                     NULL};
  uint32_t word;
  uint32_t classes;
  bool lru = false;
  CN_TRY(take_whole(reader, "base_dim", 1, CN_MAX_WIDTH, &config->base_dim));
  CN_TRY(read_pools(reader, config));
  CN_TRY(read_structure(reader, config));
  CN_TRY(take_bool(reader, "unet", &config->unet));
  CN_TRY(take_word(reader, "norm", (const char *const[4]){"layer", "rms", "none"}, &word));
  config->norm = (CnNorm)word;
  CN_TRY(take_bool(reader, "use_gating", &config->use_gating));
  CN_TRY(take_bool(reader, "use_temporal_cnn", &config->use_temporal_cnn));
  CN_TRY(
      take_word(reader, "input_transform", (const char *const[4]){"sine", "embed", "mlp"}, &word));
  config->input = (CnInput)word;
  CN_TRY(take_whole(reader, "ff_expand", 1, CN_MAX_INNER, &config->ff_expand));
  CN_TRY(take_whole(reader, "conv_kernel_size", 1, CN_MAX_INNER, &config->conv_kernel_size));
  CN_TRY(take_whole(reader, "conv_feature_group_count", 1, CN_MAX_WIDTH, &config->conv_groups));
  CN_TRY(take_bool(reader, "conv_pooling", &config->conv_pooling));
  CN_TRY(read_rnn(reader, config, &lru));
  CN_TRY(take_whole(reader, "sample_rate", 1, 768000, &config->sample_rate_hz));
  CN_TRY(take_word(reader, "encoding", (const char *const[4]){"mulaw", "linear"}, &word));
  config->encoding = (CenoteEncoding)word;
  CN_TRY(take_whole(reader, "num_classes", CENOTE_CLASSES, CENOTE_CLASSES, &classes));
  CN_TRY(take_whole(reader, "baseline", 0, CENOTE_CLASSES - 1, &config->baseline));
  CN_TRY(take_bool(reader, "min_max_scaling", &config->min_max_scaling));
  if (lru) // what `rglru` entries then mean
    for (uint32_t i = 0; i < config->levels; ++i)
      for (uint32_t j = 0; j < config->entries[i]; ++j)
        if (config->structure[i][j] == CN_RGLRU) config->structure[i][j] = CN_LRU;
  return refuse_rest(reader, keys);
}

static bool has(const CnConfig *config, uint32_t level, CnEntry entry)
{
  for (uint32_t j = 0; j < config->entries[level]; ++j)
    if (config->structure[level][j] == entry) return true;
  return false;
}

/// Widths, hidden sizes and rates of the levels, as far as the step can do them.
static CenoteStatus derive(const Reader *reader, CnConfig *config)
{
  uint64_t width = config->base_dim;
  uint64_t hidden = config->d_hidden;
  uint64_t every = 1;
  for (uint32_t i = 0; i < config->levels; ++i) {
    if (i > 0) {
      width *= config->pool_features[i - 1];
      if (config->adaptive_d) hidden *= config->pool_features[i - 1];
      every *= config->pool_temporal[i - 1];
    }
    if (width > CN_MAX_WIDTH)
      return cn_fail(reader->err, CENOTE_BAD_MODEL,
                     "%s: config: pool_features: level %u is %" PRIu64 " wide, want at most %d",
                     reader->file, i, width, CN_MAX_WIDTH);
    if (hidden > CN_MAX_INNER)
      return cn_fail(reader->err, CENOTE_BAD_MODEL,
                     "%s: config: rnn: d_hidden: level %u has %" PRIu64 " units, want at most %d",
                     reader->file, i, hidden, CN_MAX_INNER);
    if (every > CN_MAX_PERIOD)
      return cn_fail(reader->err, CENOTE_BAD_MODEL,
                     "%s: config: pool_temporal: all pools make %" PRIu64 ", want at most %d",
                     reader->file, every, CN_MAX_PERIOD);
    config->width[i] = (uint32_t)width;
    config->hidden[i] = (uint32_t)hidden;
    config->every[i] = (uint32_t)every;
  }
  return CENOTE_OK;
}

static CenoteStatus check_level(const Reader *reader, const CnConfig *config, uint32_t level)
{
  const uint32_t width = config->width[level];
  const uint32_t hidden = config->hidden[level];
  const bool rglru = has(config, level, CN_RGLRU);
  const bool recurrent = rglru || has(config, level, CN_LRU);
  const bool conv = has(config, level, CN_CONV) || (recurrent && config->use_temporal_cnn);
  if ((uint64_t)width * config->ff_expand > CN_MAX_INNER)
    return cn_fail(reader->err, CENOTE_BAD_MODEL,
                   "%s: config: ff_expand is %u, times width %u more than %d", reader->file,
                   config->ff_expand, width, CN_MAX_INNER);
  if (conv && width % config->conv_groups != 0)
    return cn_fail(reader->err, CENOTE_BAD_MODEL,
                   "%s: config: conv_feature_group_count %u does not divide width %u of level %u",
                   reader->file, config->conv_groups, width, level);
  if (conv && (uint64_t)width * config->conv_kernel_size > CN_MAX_INNER)
    return cn_fail(reader->err, CENOTE_BAD_MODEL,
                   "%s: config: conv_kernel_size is %u, times width %u more than %d", reader->file,
                   config->conv_kernel_size, width, CN_MAX_INNER);
  if (recurrent && !config->only_real && hidden % 2 != 0)
    return cn_fail(reader->err, CENOTE_BAD_MODEL,
                   "%s: config: rnn: d_hidden %u of level %u is odd, want even for complex units",
                   reader->file, hidden, level);
  const uint32_t units = cn_config_units(config, level);
  if (rglru && (hidden % config->n_diag_blocks != 0 || units % config->n_diag_blocks != 0))
    return cn_fail(reader->err, CENOTE_BAD_MODEL,
                   "%s: config: rnn: n_diag_blocks %u does not divide %u hidden and %u units of "
                   "level %u",
                   reader->file, config->n_diag_blocks, hidden, units, level);
  return CENOTE_OK;
}

CenoteStatus cn_config_parse(const char *name, const char *json, size_t size, CnConfig *out,
                             CenoteError *err)
{
  json_error_t error;
  json_t *object = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
  if (!object) return cn_fail(err, CENOTE_BAD_MODEL, "%s: config: %s", name, error.text);
  memset(out, 0, sizeof *out); // its bytes are hashed, so padding counts
  Reader reader = {name, "config", object, 0, err};
  CenoteStatus status = CENOTE_OK;
  if (!json_is_object(object))
    status = cn_fail(err, CENOTE_BAD_MODEL, "%s: config is not a JSON object", name);
  if (status == CENOTE_OK) status = read_keys(&reader, out);
  if (status == CENOTE_OK) status = derive(&reader, out);
  for (uint32_t i = 0; status == CENOTE_OK && i < out->levels; ++i)
    status = check_level(&reader, out, i);
  if (status == CENOTE_OK && out->input == CN_INPUT_SINE && out->base_dim % 2 != 0)
    status =
        cn_fail(err, CENOTE_BAD_MODEL, "%s: config: base_dim is %u, want even for the sine input",
                name, out->base_dim);
  json_decref(object);
  return status;
}
