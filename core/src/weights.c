// SPDX-License-Identifier: ISC
// A file's tensors against the list that its configuration asks for: each there, none more.
#include "weights.h"

#include "hash.h"
#include "safetensors.h"
#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void shape_text(uint32_t rank, const uint64_t *dim, char *text, size_t size)
{
  size_t at = (size_t)snprintf(text, size, "[");
  for (uint32_t i = 0; i < rank && at < size; ++i)
    at += (size_t)snprintf(text + at, size - at, "%s%" PRIu64, i > 0 ? ", " : "", dim[i]);
  if (at < size) snprintf(text + at, size - at, "]");
}

static CenoteStatus check_shape(const CnFile *file, const CnTensor *tensor, const CnParam *param,
                                CenoteError *err)
{
  bool same = tensor->rank == param->rank;
  for (uint32_t i = 0; same && i < param->rank; ++i) same = tensor->dim[i] == param->dim[i];
  if (same) return CENOTE_OK;
  char found[192];
  char want[96];
  const uint64_t dim[3] = {param->dim[0], param->dim[1], param->dim[2]};
  shape_text(tensor->rank, tensor->dim, found, sizeof found);
  shape_text(param->rank, dim, want, sizeof want);
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

/// The file's tensor for each parameter, in their order: match[params.size]. used[file.tensors]
/// ticks them off.
static CenoteStatus match_tensors(const CnFile *file, const CnTensor *const *sorted,
                                  const CnParams *params, const CnTensor **match, bool *used,
                                  CenoteError *err)
{
  for (size_t i = 0; i < params->size; ++i) {
    const CnParam *param = &params->param[i];
    const CnTensor *const *found =
        bsearch(param->name, sorted, file->tensors, sizeof *sorted, find_name);
    if (!found) return cn_fail(err, CENOTE_BAD_MODEL, "%s: no tensor %s", file->path, param->name);
    CN_TRY(check_shape(file, *found, param, err));
    match[i] = *found;
    used[*found - file->tensor] = true;
  }
  for (size_t i = 0; i < file->tensors; ++i)
    if (!used[i])
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: tensor %s is not in the configuration", file->path,
                     file->tensor[i].name);
  return CENOTE_OK;
}

static CenoteStatus read_values(const CnFile *file, const CnTensor *const *match, CnWeights *out,
                                CenoteError *err)
{
  out->data = malloc(out->params.floats * sizeof *out->data);
  if (!out->data)
    return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory for %" PRIu64 " weights", file->path,
                   out->params.floats);
  for (size_t i = 0; i < out->params.size; ++i) {
    const CnParam *param = &out->params.param[i];
    float *values = out->data + param->offset;
    CN_TRY(cn_file_read_f32(file, match[i], values, err));
    for (uint64_t k = 0; k < param->count; ++k)
      if (!isfinite(values[k]))
        return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: value number %" PRIu64 " is not finite",
                       file->path, param->name, k);
    out->hash = cn_hash(out->hash, values, param->count * sizeof *values);
  }
  return CENOTE_OK;
}

static CenoteStatus read_tensors(const CnFile *file, CnWeights *out, CenoteError *err)
{
  CN_TRY(cn_params_new(file->path, &out->config, &out->params, err));
  CenoteStatus status = CENOTE_NO_MEMORY;
  const CnTensor **match = malloc(out->params.size * sizeof *match);
  const CnTensor **sorted = malloc((file->tensors + 1) * sizeof *sorted);
  bool *used = calloc(file->tensors + 1, sizeof *used);
  if (match && sorted && used) {
    for (size_t i = 0; i < file->tensors; ++i) sorted[i] = &file->tensor[i];
    qsort(sorted, file->tensors, sizeof *sorted, by_name);
    status = match_tensors(file, sorted, &out->params, match, used, err);
    if (status == CENOTE_OK) status = read_values(file, match, out, err);
  } else {
    cn_fail(err, status, "%s: out of memory", file->path);
  }
  free(used);
  free(sorted);
  free(match);
  return status;
}

static CenoteStatus want_note(const CnFile *file, const char *key, const char *want,
                              CenoteError *err)
{
  const char *found = cn_file_note(file, key);
  if (found && strcmp(found, want) == 0) return CENOTE_OK;
  return cn_fail(err, CENOTE_BAD_MODEL, "%s: metadata: %s is %s, want \"%s\"", file->path, key,
                 found ? found : "missing", want);
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
  CN_TRY(want_note(file, "format", "poolformer", err));
  CN_TRY(want_note(file, "format_version", "1", err));
  const char *config = cn_file_note(file, "config");
  if (!config) return cn_fail(err, CENOTE_BAD_MODEL, "%s: metadata: config is missing", file->path);
  CN_TRY(cn_config_parse(file->path, config, strlen(config), &out->config, err));
  out->config_json = strdup(config);
  if (!out->config_json) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  // The parsed struct, not its text: two spellings of one configuration are one model.
  out->hash = cn_hash(0, &out->config, sizeof out->config);
  CN_TRY(read_notes(file, out, err));
  return read_tensors(file, out, err);
}

CenoteStatus cn_weights_load(const char *path, CnWeights *out, CenoteError *err)
{
  *out = (CnWeights){0};
  CnFile file;
  CN_TRY(cn_file_open(path, &file, err));
  const CenoteStatus status = read_all(&file, out, err);
  cn_file_close(&file);
  if (status != CENOTE_OK) cn_weights_clear(out);
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
