// SPDX-License-Identifier: ISC
#include "save.h"

#include "safetensors.h"
#include "status.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *numbers(const uint32_t *number, uint32_t count)
{
  json_t *list = json_array();
  for (uint32_t i = 0; i < count; ++i)
    json_array_append_new(list, json_integer((json_int_t)number[i]));
  return list;
}

/// Is every recurrent layer an LRU? Then the reference's own spelling is used: entries `rglru` of
/// block_type `lru`.
static bool all_lru(const CnConfig *config)
{
  bool some = false;
  for (uint32_t i = 0; i < config->levels; ++i)
    for (uint32_t j = 0; j < config->entries[i]; ++j) {
      if (config->structure[i][j] == CN_RGLRU) return false;
      some = some || config->structure[i][j] == CN_LRU;
    }
  return some;
}

static json_t *structure(const CnConfig *config)
{
  static const char *const word[] = {
      [CN_RGLRU] = "rglru", [CN_LRU] = "lru", [CN_CONV] = "conv", [CN_MLP] = "mlp"};
  const bool lru = all_lru(config);
  json_t *levels = json_array();
  for (uint32_t i = 0; i < config->levels; ++i) {
    json_t *level = json_array();
    for (uint32_t j = 0; j < config->entries[i]; ++j) {
      const CnEntry entry = config->structure[i][j];
      json_array_append_new(level, json_string(word[entry == CN_LRU && lru ? CN_RGLRU : entry]));
    }
    json_array_append_new(levels, level);
  }
  return levels;
}

static json_t *rnn(const CnConfig *config)
{
  return json_pack("{s:s, s:I, s:b, s:b, s:I, s:f, s:b}", "block_type",
                   all_lru(config) ? "lru" : "rglru", "d_hidden", (json_int_t)config->d_hidden,
                   "only_real", (int)config->only_real, "input_norm", (int)config->input_norm,
                   "n_diag_blocks", (json_int_t)config->n_diag_blocks, "log_a_scale",
                   config->log_a_scale, "adaptive_d", (int)config->adaptive_d);
}

char *config_json(const CnConfig *config)
{
  static const char *const norm[] = {
      [CN_NORM_LAYER] = "layer", [CN_NORM_RMS] = "rms", [CN_NORM_NONE] = "none"};
  static const char *const input[] = {
      [CN_INPUT_SINE] = "sine", [CN_INPUT_EMBED] = "embed", [CN_INPUT_MLP] = "mlp"};
  const uint32_t pools = config->levels - 1;
  json_t *object = json_pack(
      "{s:I, s:o, s:o, s:o, s:b, s:s, s:b, s:b, s:s, s:I, s:I, s:I, s:b, s:o}", "base_dim",
      (json_int_t)config->base_dim, "pool_temporal", numbers(config->pool_temporal, pools),
      "pool_features", numbers(config->pool_features, pools), "model_structure", structure(config),
      "unet", (int)config->unet, "norm", norm[config->norm], "use_gating", (int)config->use_gating,
      "use_temporal_cnn", (int)config->use_temporal_cnn, "input_transform", input[config->input],
      "ff_expand", (json_int_t)config->ff_expand, "conv_kernel_size",
      (json_int_t)config->conv_kernel_size, "conv_feature_group_count",
      (json_int_t)config->conv_groups, "conv_pooling", (int)config->conv_pooling, "rnn",
      rnn(config));
  json_t *sound =
      json_pack("{s:I, s:s, s:I, s:I, s:b}", "sample_rate", (json_int_t)config->sample_rate_hz,
                "encoding", config->encoding == CENOTE_LINEAR ? "linear" : "mulaw", "num_classes",
                (json_int_t)CENOTE_CLASSES, "baseline", (json_int_t)config->baseline,
                "min_max_scaling", (int)config->min_max_scaling);
  char *text = NULL;
  if (object && sound && json_object_update(object, sound) == 0)
    text = json_dumps(object, JSON_COMPACT);
  json_decref(object);
  json_decref(sound);
  return text;
}

/// UTF-8 or nothing is what the header holds: bytes of file names that are none become '?'.
static char *plain(const char *text)
{
  char *copy = strdup(text);
  json_t *string = json_string(text);
  for (char *c = copy; !string && c && *c; ++c)
    if ((unsigned char)*c >= 0x80) *c = '?';
  json_decref(string);
  return copy;
}

CenoteStatus weights_save(const char *path, const CnConfig *config, const CnParams *params,
                          const float *data, const SaveNote *note, size_t notes, CenoteError *err)
{
  enum { OURS = 3 };
  CenoteStatus status = CENOTE_NO_MEMORY;
  CnSave *tensor = calloc(params->size, sizeof *tensor);
  const char **key = calloc(notes + OURS, sizeof *key);
  char **value = calloc(notes + OURS, sizeof *value);
  bool room = tensor && key && value;
  if (room) {
    key[0] = "format", value[0] = strdup("poolformer");
    key[1] = "format_version", value[1] = strdup("1");
    key[2] = "config", value[2] = config_json(config);
  }
  for (size_t i = 0; room && i < notes; ++i) {
    key[OURS + i] = note[i].key;
    value[OURS + i] = plain(note[i].value);
  }
  for (size_t i = 0; room && i < notes + OURS; ++i) room = value[i] != NULL;
  for (size_t i = 0; room && i < params->size; ++i) {
    const CnParam *param = &params->param[i];
    tensor[i] = (CnSave){.name = param->name,
                         .dtype = CN_F32,
                         .rank = param->rank,
                         .dim = {param->dim[0], param->dim[1], param->dim[2]},
                         .data = data + param->offset};
  }
  if (room)
    status = cn_file_save_part(path, tensor, params->size, key, (const char *const *)value,
                               notes + OURS, err);
  else cn_fail(err, status, "%s: out of memory", path);
  for (size_t i = 0; value && i < notes + OURS; ++i) free(value[i]);
  free(value);
  free(key);
  free(tensor);
  return status;
}
