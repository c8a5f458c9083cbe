// SPDX-License-Identifier: ISC
// Files of codes, and of the answers to them.
#include "trainer.h"

#include "safetensors.h"
#include "status.h"

#include <inttypes.h>
#include <stdlib.h>

/// tensor[count] as codes[count].
static CenoteStatus read_codes(const CnFile *file, const CnTensor *tensor, uint8_t *codes,
                               CenoteError *err)
{
  int32_t *number = malloc(tensor->count * sizeof *number);
  if (!number) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  CenoteStatus status = cn_file_read(file, tensor, number, err);
  for (uint64_t i = 0; status == CENOTE_OK && i < tensor->count; ++i) {
    if (number[i] < 0 || number[i] >= CENOTE_CLASSES)
      status =
          cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: tokens[%" PRIu64 "] is %" PRId32 ", want 0 to %d",
                  file->path, i, number[i], CENOTE_CLASSES - 1);
    codes[i] = (uint8_t)number[i];
  }
  free(number);
  return status;
}

static CenoteStatus read_tokens(const CnFile *file, uint8_t **codes, size_t *count,
                                CenoteError *err)
{
  const CnTensor *tensor = cn_file_find(file, "tokens");
  if (!tensor) return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: no tensor tokens", file->path);
  if (tensor->dtype != CN_I32)
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: tokens: dtype %s, want I32", file->path,
                   tensor->dtype_name);
  if (tensor->rank != 1)
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: tokens: %" PRIu32 " dimensions, want 1",
                   file->path, tensor->rank);
  if (tensor->count == 0)
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: tokens is empty", file->path);
  uint8_t *read = malloc(tensor->count);
  if (!read) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  const CenoteStatus status = read_codes(file, tensor, read, err);
  if (status != CENOTE_OK) {
    free(read);
    return status;
  }
  *codes = read;
  *count = (size_t)tensor->count;
  return CENOTE_OK;
}

CenoteStatus tokens_load(const char *path, uint8_t **codes, size_t *count, CenoteError *err)
{
  *codes = NULL;
  *count = 0;
  CnFile file;
  CenoteStatus status = cn_file_open(path, &file, err);
  if (status != CENOTE_OK) return status;
  status = read_tokens(&file, codes, count, err);
  cn_file_close(&file);
  return status;
}

CenoteStatus answers_save(const char *path, const float *logits, size_t count, double nll_bits,
                          CenoteError *err)
{
  const float bits = (float)nll_bits;
  const CnSave tensor[] = {
      {.name = "logits",
       .dtype = CN_F32,
       .rank = 2,
       .dim = {count, CENOTE_CLASSES},
       .data = logits},
      {.name = "nll_bits", .dtype = CN_F32, .rank = 1, .dim = {1}, .data = &bits},
  };
  return cn_file_save(path, tensor, sizeof tensor / sizeof *tensor, NULL, NULL, 0, err);
}
