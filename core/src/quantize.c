// SPDX-License-Identifier: ISC
// Weights written narrower: matrices as bfloat16, or as int8 with their scales in tensors beside
// them (MODEL.md section 6). Rounded as packing rounds them.
#include "quant.h"
#include "round.h"
#include "safetensors.h"
#include "status.h"
#include "try.h"
#include "weights.h"

#include <stdlib.h>
#include <string.h>

/// A file about to be written. Tensors lie in it by their element's size, the widest first, so that
/// each begins at a multiple of it; scales stand before the numbers.
typedef struct Narrow {
  CnSave *tensor; ///< room for two a parameter
  size_t tensors;
  char (*name)[CN_SCALE_NAME]; ///< of the scales, one a parameter
  void *number;                ///< of all matrices: uint16_t or int8_t
  float *scale;                ///< of all matrices
  char *rest;                  ///< bytes of all other tensors
  char *rest_end;
  const char **key;
  const char **value;
  size_t notes;
} Narrow;

static void clear(Narrow *narrow)
{
  free(narrow->tensor);
  free(narrow->name);
  free(narrow->number);
  free(narrow->scale);
  free(narrow->rest);
  free(narrow->key);
  free(narrow->value);
}

static void add(Narrow *narrow, const char *name, CnDtype dtype, const CnParam *shape,
                const void *data)
{
  CnSave *save = &narrow->tensor[narrow->tensors++];
  *save = (CnSave){.name = name, .dtype = dtype, .rank = shape->rank, .data = data};
  for (uint32_t i = 0; i < shape->rank; ++i) save->dim[i] = shape->dim[i];
}

static uint32_t groups_of(const CnParam *param, uint32_t groups)
{
  return cn_quant_splits(param->dim[1], groups) ? groups : 1;
}

/// The file's own bytes of what is no matrix: F32 if `wide`, else F16 and BF16.
static CenoteStatus add_rest(const CnFile *file, const CnWeights *weights, bool wide,
                             Narrow *narrow, CenoteError *err)
{
  for (size_t i = 0; i < weights->params.size; ++i) {
    const CnParam *param = &weights->params.param[i];
    const CnTensor *tensor = param->matrix ? NULL : cn_file_find(file, param->name);
    if (!tensor || (tensor->dtype == CN_F32) != wide) continue;
    CN_TRY(cn_file_read(file, tensor, narrow->rest_end, err));
    add(narrow, param->name, tensor->dtype, param, narrow->rest_end);
    narrow->rest_end += tensor->end - tensor->begin;
  }
  return CENOTE_OK;
}

static void add_bf16(const CnWeights *weights, Narrow *narrow)
{
  uint16_t *number = narrow->number;
  for (size_t i = 0; i < weights->params.size; ++i) {
    const CnParam *param = &weights->params.param[i];
    if (!param->matrix) continue;
    const float *from = weights->data + param->offset;
    for (uint64_t k = 0; k < param->count; ++k) number[k] = cn_round_bf16(from[k]);
    add(narrow, param->name, CN_BF16, param, number);
    number += param->count;
  }
}

static void add_scales(const CnWeights *weights, uint32_t wanted, Narrow *narrow)
{
  int8_t *number = narrow->number;
  float *scale = narrow->scale;
  for (size_t i = 0; i < weights->params.size; ++i) {
    const CnParam *param = &weights->params.param[i];
    if (!param->matrix) continue;
    const float *from = weights->data + param->offset;
    const uint32_t cols = param->dim[1];
    const CnParam shape = {.rank = 2, .dim = {param->dim[0], groups_of(param, wanted)}};
    cn_scale_name(param, narrow->name[i]);
    add(narrow, narrow->name[i], CN_F32, &shape, scale);
    for (uint32_t row = 0; row < param->dim[0]; ++row) {
      cn_round_row(from, cols, shape.dim[1], 127, number, scale);
      from += cols;
      number += cols;
      scale += shape.dim[1];
    }
  }
}

static void add_whole(const CnWeights *weights, Narrow *narrow)
{
  const int8_t *number = narrow->number;
  for (size_t i = 0; i < weights->params.size; ++i) {
    const CnParam *param = &weights->params.param[i];
    if (!param->matrix) continue;
    add(narrow, param->name, CN_I8, param, number);
    number += param->count;
  }
}

static void add_note(Narrow *narrow, const char *key, const char *value)
{
  narrow->key[narrow->notes] = key;
  narrow->value[narrow->notes++] = value;
}

/// The file's own notes that are not given anew, then those given.
static void add_notes(const CnWeights *weights, const char *version, const CenoteNote *note,
                      size_t notes, Narrow *narrow)
{
  add_note(narrow, "format", "poolformer");
  add_note(narrow, "format_version", version);
  add_note(narrow, "config", weights->config_json);
  for (size_t i = 0; i < weights->notes; ++i) {
    bool anew = false;
    for (size_t k = 0; k < notes; ++k) anew |= strcmp(note[k].key, weights->note[i].key) == 0;
    if (!anew) add_note(narrow, weights->note[i].key, weights->note[i].value);
  }
  for (size_t k = 0; k < notes; ++k)
    if (note[k].value) add_note(narrow, note[k].key, note[k].value);
}

static bool make_room(const CnFile *file, const CnWeights *weights, uint32_t groups, size_t notes,
                      Narrow *narrow)
{
  size_t numbers = 0;
  size_t scales = 0;
  for (size_t i = 0; i < weights->params.size; ++i) {
    const CnParam *param = &weights->params.param[i];
    if (!param->matrix) continue;
    numbers += param->count;
    scales += (size_t)param->dim[0] * groups_of(param, groups);
  }
  const size_t bytes = (size_t)file->bytes; // more than the rest has
  const size_t all = 3 + weights->notes + notes;
  narrow->tensor = malloc(2 * weights->params.size * sizeof *narrow->tensor);
  narrow->name = malloc(weights->params.size * sizeof *narrow->name);
  narrow->number = malloc(numbers * sizeof(uint16_t));
  narrow->scale = malloc(scales * sizeof *narrow->scale);
  narrow->rest_end = narrow->rest = malloc(bytes);
  narrow->key = malloc(all * sizeof *narrow->key);
  narrow->value = malloc(all * sizeof *narrow->value);
  return narrow->tensor && narrow->name && narrow->number && narrow->scale && narrow->rest &&
         narrow->key && narrow->value;
}

static CenoteStatus check(const char *path, const CnWeights *weights, CenotePrecision precision,
                          uint32_t groups, CenoteError *err)
{
  if (weights->quant)
    return cn_fail(err, CENOTE_BAD_ARGUMENT,
                   "%s: its weights are int8 already; take the file that they were made from",
                   path);
  if (precision != CENOTE_BF16 && precision != CENOTE_INT8)
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: weights are written in bf16 or int8, not in %s",
                   path, cenote_precision_name(precision));
  bool splits = groups == 1;
  for (size_t i = 0; precision == CENOTE_INT8 && i < weights->params.size; ++i) {
    const CnParam *param = &weights->params.param[i];
    splits |= param->matrix && cn_quant_splits(param->dim[1], groups);
  }
  if (splits) return CENOTE_OK;
  return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: no row of it divides into %u groups for %s", path,
                 groups, cenote_precision_name(precision));
}

static CenoteStatus fill(const CnFile *file, const CnWeights *weights, CenotePrecision precision,
                         uint32_t groups, Narrow *narrow, CenoteError *err)
{
  CN_TRY(add_rest(file, weights, true, narrow, err));
  if (precision == CENOTE_INT8) add_scales(weights, groups, narrow);
  CN_TRY(add_rest(file, weights, false, narrow, err));
  if (precision == CENOTE_INT8) add_whole(weights, narrow);
  else add_bf16(weights, narrow);
  return CENOTE_OK;
}

CenoteStatus cenote_quantize(const char *path, const char *out, CenotePrecision precision,
                             uint32_t groups, const CenoteNote *note, size_t notes,
                             CenoteError *err)
{
  CnFile file;
  CnWeights weights;
  Narrow narrow = {0};
  CN_TRY(cn_file_open(path, &file, err));
  CenoteStatus status = cn_weights_read(&file, &weights, err);
  if (status == CENOTE_OK) status = check(path, &weights, precision, groups, err);
  if (status == CENOTE_OK && !make_room(&file, &weights, groups, notes, &narrow))
    status = cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  if (status == CENOTE_OK) status = fill(&file, &weights, precision, groups, &narrow, err);
  if (status == CENOTE_OK) {
    add_notes(&weights, precision == CENOTE_INT8 ? "2" : "1", note, notes, &narrow);
    status = cn_file_save(out, narrow.tensor, narrow.tensors, narrow.key, narrow.value,
                          narrow.notes, err);
  }
  clear(&narrow);
  cn_weights_clear(&weights);
  cn_file_close(&file);
  return status;
}
