// SPDX-License-Identifier: ISC
// A file's tensors against the list that its configuration asks for: each there, none more.
#include "weights.h"

#include "hash.h"
#include "quant.h"
#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// The file's tensor for a parameter, and the scales that an I8 one has beside it.
typedef struct Match {
  const CnTensor *tensor;
  const CnTensor *scale; ///< NULL: it is float
} Match;

static CenoteStatus check_shape(const CnFile *file, const CnTensor *tensor, const CnParam *param,
                                CenoteError *err)
{
  bool same = tensor->rank == param->rank;
  for (uint32_t i = 0; same && i < param->rank; ++i) same = tensor->dim[i] == param->dim[i];
  if (same) return CENOTE_OK;
  char found[192];
  char want[96];
  const uint64_t dim[3] = {param->dim[0], param->dim[1], param->dim[2]};
  cn_shape_text(tensor->rank, tensor->dim, found, sizeof found);
  cn_shape_text(param->rank, dim, want, sizeof want);
  return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: shape %s, want %s", file->path, tensor->name,
                 found, want);
}

static int by_name(const void *a, const void *b)
{
  const CnTensor *const *x = a;
  const CnTensor *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static int find_name(const void *key, const void *item)
{
  const CnTensor *const *tensor = item;
  return strcmp(key, (*tensor)->name);
}

/// The file's tensor of that name, ticked off in used[file.tensors]; NULL when there is none.
static const CnTensor *take(const CnFile *file, const CnTensor *const *sorted, const char *name,
                            bool *used)
{
  const CnTensor *const *found = bsearch(name, sorted, file->tensors, sizeof *sorted, find_name);
  if (!found) return NULL;
  used[*found - file->tensor] = true;
  return *found;
}

/// The file's tensor for each parameter, in their order: match[params.size]. `whole`: matrices may
/// be I8.
static CenoteStatus match_tensors(const CnFile *file, const CnTensor *const *sorted,
                                  const CnParams *params, bool whole, Match *match, bool *used,
                                  CenoteError *err)
{
  for (size_t i = 0; i < params->size; ++i) {
    const CnParam *param = &params->param[i];
    const CnTensor *tensor = take(file, sorted, param->name, used);
    if (!tensor) return cn_fail(err, CENOTE_BAD_MODEL, "%s: no tensor %s", file->path, param->name);
    CN_TRY(check_shape(file, tensor, param, err));
    match[i] = (Match){.tensor = tensor};
    if (!whole || !param->matrix || tensor->dtype != CN_I8) continue;
    char name[CN_SCALE_NAME];
    cn_scale_name(param, name);
    match[i].scale = take(file, sorted, name, used);
    CN_TRY(cn_quant_check(file, param, match[i].scale, err));
  }
  for (size_t i = 0; i < file->tensors; ++i)
    if (!used[i])
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: tensor %s is not in the configuration", file->path,
                     file->tensor[i].name);
  return CENOTE_OK;
}

/// Room for all numbers; for the int8 ones and their scales too, if there are any.
static CenoteStatus make_room(const CnFile *file, const Match *match, CnWeights *out,
                              CenoteError *err)
{
  uint64_t whole = 0;
  uint64_t scales = 0;
  for (size_t i = 0; i < out->params.size; ++i) {
    if (!match[i].scale) continue;
    whole += match[i].tensor->count;
    scales += match[i].scale->count;
  }
  out->data = malloc(out->params.floats * sizeof *out->data);
  if (whole > 0) out->quant = malloc(whole);
  if (whole > 0) out->scale = malloc(scales * sizeof *out->scale);
  if (out->data && (whole == 0 || (out->quant && out->scale))) return CENOTE_OK;
  return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory for %" PRIu64 " weights", file->path,
                 out->params.floats);
}

static CenoteStatus read_values(const CnFile *file, const Match *match, CnWeights *out,
                                CenoteError *err)
{
  CN_TRY(make_room(file, match, out, err));
  int8_t *quant = out->quant;
  float *scale = out->scale;
  for (size_t i = 0; i < out->params.size; ++i) {
    CnParam *param = &out->params.param[i];
    float *values = out->data + param->offset;
    if (match[i].scale) {
      param->groups = (uint32_t)match[i].scale->dim[1];
      CN_TRY(cn_quant_read(file, match[i].tensor, match[i].scale, param->groups, quant, scale,
                           values, err));
      param->quant = quant;
      param->scale = scale;
      quant += param->count;
      scale += match[i].scale->count;
    } else {
      CN_TRY(cn_file_read_f32(file, match[i].tensor, values, err));
    }
    for (uint64_t k = 0; k < param->count; ++k)
      if (!isfinite(values[k]))
        return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: value number %" PRIu64 " is not finite",
                       file->path, param->name, k);
    // The same floats from int8 are another model: products in int8 round others to others.
    if (param->quant) {
      out->hash = cn_hash(out->hash, param->quant, param->count);
      out->hash = cn_hash(out->hash, param->scale, match[i].scale->count * sizeof *param->scale);
    } else {
      out->hash = cn_hash(out->hash, values, param->count * sizeof *values);
    }
  }
  return CENOTE_OK;
}

/// How the matrices are stored. All dtypes that got here are one of these.
static const char *stored(const CnParams *params, const Match *match)
{
  static const char *const name[] = {
      [CN_F32] = "f32", [CN_F16] = "f16", [CN_BF16] = "bf16", [CN_I8] = "int8"};
  const char *all = NULL;
  for (size_t i = 0; i < params->size; ++i) {
    if (!params->param[i].matrix) continue;
    const char *one = name[match[i].tensor->dtype];
    if (all && strcmp(all, one) != 0) return "mixed";
    all = one;
  }
  return all;
}

static CenoteStatus read_tensors(const CnFile *file, bool whole, CnWeights *out, CenoteError *err)
{
  CN_TRY(cn_params_new(file->path, &out->config, &out->params, err));
  CenoteStatus status = CENOTE_NO_MEMORY;
  Match *match = malloc(out->params.size * sizeof *match);
  const CnTensor **sorted = malloc((file->tensors + 1) * sizeof *sorted);
  bool *used = calloc(file->tensors + 1, sizeof *used);
  if (match && sorted && used) {
    for (size_t i = 0; i < file->tensors; ++i) sorted[i] = &file->tensor[i];
    qsort(sorted, file->tensors, sizeof *sorted, by_name);
    status = match_tensors(file, sorted, &out->params, whole, match, used, err);
    if (status == CENOTE_OK) status = read_values(file, match, out, err);
    if (status == CENOTE_OK) out->stored = stored(&out->params, match);
  } else {
    cn_fail(err, status, "%s: out of memory", file->path);
  }
  free(used);
  free(sorted);
  free(match);
  return status;
}

static CenoteStatus read_notes(const CnFile *file, CnWeights *out, CenoteError *err)
{
  out->note = calloc(file->notes + 1, sizeof *out->note);
  if (!out->note) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  for (size_t i = 0; i < file->notes; ++i) {
    if (strcmp(file->key[i], "format") == 0 || strcmp(file->key[i], "format_version") == 0 ||
        strcmp(file->key[i], "config") == 0)
      continue;
    CnNote *note = &out->note[out->notes++];
    note->key = strdup(file->key[i]);
    note->value = strdup(file->value[i]);
    if (!note->key || !note->value)
      return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  }
  return CENOTE_OK;
}

static CenoteStatus read_all(const CnFile *file, CnWeights *out, CenoteError *err)
{
  const char *format = cn_file_note(file, "format");
  if (!format || strcmp(format, "poolformer") != 0)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: metadata: format is %s, want \"poolformer\"",
                   file->path, format ? format : "missing");
  const char *version = cn_file_note(file, "format_version");
  const bool second = version && strcmp(version, "2") == 0; // may hold int8
  if (!second && (!version || strcmp(version, "1") != 0))
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: metadata: format_version is %s, want \"1\" or \"2\"",
                   file->path, version ? version : "missing");
  const char *config = cn_file_note(file, "config");
  if (!config) return cn_fail(err, CENOTE_BAD_MODEL, "%s: metadata: config is missing", file->path);
  CN_TRY(cn_config_parse(file->path, config, strlen(config), &out->config, err));
  out->config_json = strdup(config);
  if (!out->config_json) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  // The parsed struct, not its text: two spellings of one configuration are one model.
  out->hash = cn_hash(0, &out->config, sizeof out->config);
  CN_TRY(read_notes(file, out, err));
  return read_tensors(file, second, out, err);
}

CenoteStatus cn_weights_read(const CnFile *file, CnWeights *out, CenoteError *err)
{
  *out = (CnWeights){0};
  const CenoteStatus status = read_all(file, out, err);
  if (status != CENOTE_OK) cn_weights_clear(out);
  return status;
}

CenoteStatus cn_weights_load(const char *path, CnWeights *out, CenoteError *err)
{
  *out = (CnWeights){0};
  CnFile file;
  CN_TRY(cn_file_open(path, &file, err));
  const CenoteStatus status = cn_weights_read(&file, out, err);
  cn_file_close(&file);
  return status;
}

void cn_weights_clear(CnWeights *weights)
{
  for (size_t i = 0; i < weights->notes; ++i) {
    free(weights->note[i].key);
    free(weights->note[i].value);
  }
  free(weights->note);
  free(weights->config_json);
  free(weights->data);
  free(weights->quant);
  free(weights->scale);
  cn_params_clear(&weights->params);
  *weights = (CnWeights){0};
}

const CnParam *cn_weights_find(const CnWeights *weights, const char *name)
{
  for (size_t i = 0; i < weights->params.size; ++i)
    if (strcmp(weights->params.param[i].name, name) == 0) return &weights->params.param[i];
  return NULL;
}

const float *cn_weights_get(const CnWeights *weights, const char *name)
{
  const CnParam *param = cn_weights_find(weights, name);
  return param ? weights->data + param->offset : NULL;
}

void cn_weights_name(const CnWeights *weights, const char *path, char *name, size_t size)
{
  for (size_t i = 0; i < weights->notes; ++i) {
    if (strcmp(weights->note[i].key, "name") == 0 && weights->note[i].value[0] != '\0') {
      snprintf(name, size, "%s", weights->note[i].value);
      return;
    }
  }
  const char *slash = strrchr(path, '/');
  snprintf(name, size, "%s", slash ? slash + 1 : path);
  char *dot = strrchr(name, '.');
  if (dot && dot != name) *dot = '\0';
}
