// SPDX-License-Identifier: ISC
// Reading. Every length and offset in the header is the file's word, so each is checked against
// the file's size before use.
#include "safetensors.h"

#include "status.h"
#include "try.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_HEADER = 16 << 20, MAX_TENSORS = 65536 };

static CenoteStatus read_at(const CnFile *file, uint64_t offset, void *out, size_t bytes,
                            CenoteError *err)
{
  char *at = out;
  while (bytes > 0) {
    const ssize_t got = pread(file->fd, at, bytes, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot read: %s", file->path, strerror(errno));
    if (got == 0)
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: the file ends at byte %" PRIu64 ", %zu short",
                     file->path, offset, bytes);
    at += got;
    bytes -= (size_t)got;
    offset += (uint64_t)got;
  }
  return CENOTE_OK;
}

static uint32_t dtype_bytes(CnDtype dtype)
{
  switch (dtype) {
  case CN_F32:
  case CN_I32:
    return 4;
  case CN_F16:
  case CN_BF16:
    return 2;
  case CN_I8:
    return 1;
  case CN_OTHER:
    break;
  }
  return 0;
}

static CnDtype dtype_of(const char *text)
{
  static const struct {
    const char *text;
    CnDtype dtype;
  } known[] = {{"F32", CN_F32}, {"F16", CN_F16}, {"BF16", CN_BF16}, {"I32", CN_I32}, {"I8", CN_I8}};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
    if (strcmp(text, known[i].text) == 0) return known[i].dtype;
  return CN_OTHER;
}

/// A whole number >= 0 of a JSON array.
static bool whole(const json_t *array, size_t index, uint64_t *out)
{
  const json_t *item = json_array_get(array, index);
  if (!json_is_integer(item) || json_integer_value(item) < 0) return false;
  *out = (uint64_t)json_integer_value(item);
  return true;
}

static CenoteStatus read_shape(const CnFile *file, const json_t *shape, CnTensor *tensor,
                               CenoteError *err)
{
  if (!json_is_array(shape) || json_array_size(shape) > 8)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: shape is not a list of at most 8 numbers",
                   file->path, tensor->name);
  tensor->rank = (uint32_t)json_array_size(shape);
  tensor->count = 1;
  for (uint32_t i = 0; i < tensor->rank; ++i) {
    if (!whole(shape, i, &tensor->dim[i]))
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: shape holds what is not a whole number",
                     file->path, tensor->name);
    if (tensor->dim[i] != 0 && tensor->count > file->bytes / tensor->dim[i])
      return cn_fail(err, CENOTE_BAD_MODEL,
                     "%s: %s: dimension %u is %" PRIu64 ", more than the file's %" PRIu64 " bytes",
                     file->path, tensor->name, i, tensor->dim[i], file->bytes);
    tensor->count *= tensor->dim[i];
  }
  return CENOTE_OK;
}

static CenoteStatus read_tensor(const CnFile *file, uint64_t data, const json_t *entry,
                                CnTensor *tensor, CenoteError *err)
{
  const char *dtype = json_string_value(json_object_get(entry, "dtype"));
  const json_t *offsets = json_object_get(entry, "data_offsets");
  uint64_t begin;
  uint64_t end;
  if (!dtype) return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: no dtype", file->path, tensor->name);
  tensor->dtype = dtype_of(dtype);
  snprintf(tensor->dtype_name, sizeof tensor->dtype_name, "%s", dtype);
  CN_TRY(read_shape(file, json_object_get(entry, "shape"), tensor, err));
  if (json_array_size(offsets) != 2 || !whole(offsets, 0, &begin) || !whole(offsets, 1, &end))
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: data_offsets is not two whole numbers",
                   file->path, tensor->name);
  if (begin > end || end > file->bytes - data)
    return cn_fail(err, CENOTE_BAD_MODEL,
                   "%s: %s: data_offsets [%" PRIu64 ", %" PRIu64 "] leave the %" PRIu64
                   " bytes of data",
                   file->path, tensor->name, begin, end, file->bytes - data);
  const uint32_t each = dtype_bytes(tensor->dtype);
  if (each != 0 && end - begin != tensor->count * each)
    return cn_fail(err, CENOTE_BAD_MODEL,
                   "%s: %s: %" PRIu64 " bytes of data, want %" PRIu64 " for its shape", file->path,
                   tensor->name, end - begin, tensor->count * each);
  tensor->begin = data + begin;
  tensor->end = data + end;
  return CENOTE_OK;
}

static CenoteStatus read_notes(CnFile *file, const json_t *notes, CenoteError *err)
{
  if (!json_is_object(notes))
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: __metadata__ is not an object", file->path);
  const size_t size = json_object_size(notes);
  file->key = calloc(size + 1, sizeof *file->key);
  file->value = calloc(size + 1, sizeof *file->value);
  if (!file->key || !file->value)
    return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)notes, key, value)
  {
    if (!json_is_string(value))
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: __metadata__: %s is not a string", file->path,
                     key);
    const size_t i = file->notes++;
    file->key[i] = strdup(key);
    file->value[i] = strdup(json_string_value(value));
    if (!file->key[i] || !file->value[i])
      return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  }
  return CENOTE_OK;
}

static int by_begin(const void *a, const void *b)
{
  const CnTensor *const *x = a;
  const CnTensor *const *y = b;
  if ((*x)->begin != (*y)->begin) return (*x)->begin < (*y)->begin ? -1 : 1;
  return ((*x)->end > (*y)->end) - ((*x)->end < (*y)->end);
}

/// The tensors must tile the data: no byte twice, none unused.
static CenoteStatus check_tiling(const CnFile *file, uint64_t data, CenoteError *err)
{
  const CnTensor **order = malloc((file->tensors + 1) * sizeof *order);
  if (!order) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  for (size_t i = 0; i < file->tensors; ++i) order[i] = &file->tensor[i];
  qsort(order, file->tensors, sizeof *order, by_begin);
  CenoteStatus status = CENOTE_OK;
  uint64_t at = data;
  for (size_t i = 0; i < file->tensors && status == CENOTE_OK; ++i) {
    if (order[i]->begin < at)
      status = cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: its data overlaps that of %s", file->path,
                       order[i]->name, i > 0 ? order[i - 1]->name : "the header");
    else if (order[i]->begin > at)
      status = cn_fail(err, CENOTE_BAD_MODEL,
                       "%s: %" PRIu64 " bytes of data before %s belong to no tensor", file->path,
                       order[i]->begin - at, order[i]->name);
    at = order[i]->end;
  }
  if (status == CENOTE_OK && at != file->bytes)
    status = cn_fail(err, CENOTE_BAD_MODEL, "%s: %" PRIu64 " bytes at the end belong to no tensor",
                     file->path, file->bytes - at);
  free(order);
  return status;
}

static CenoteStatus read_header(CnFile *file, const json_t *header, uint64_t data, CenoteError *err)
{
  if (!json_is_object(header))
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: the header is not a JSON object", file->path);
  const size_t size = json_object_size(header);
  if (size > MAX_TENSORS)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: %zu tensors, want at most %d", file->path, size,
                   MAX_TENSORS);
  file->tensor = calloc(size + 1, sizeof *file->tensor);
  if (!file->tensor) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)header, key, value)
  {
    if (strcmp(key, "__metadata__") == 0) {
      CN_TRY(read_notes(file, value, err));
      continue;
    }
    CnTensor *tensor = &file->tensor[file->tensors++];
    tensor->name = strdup(key);
    if (!tensor->name) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file->path);
    CN_TRY(read_tensor(file, data, value, tensor, err));
  }
  return check_tiling(file, data, err);
}

static CenoteStatus open_file(CnFile *file, const char *path, CenoteError *err)
{
  file->path = strdup(path);
  if (!file->path) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  // Without O_NONBLOCK the open of a FIFO would wait for a writer.
  file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat st;
  if (file->fd < 0 || fstat(file->fd, &st) != 0)
    return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot open: %s", path, strerror(errno));
  if (!S_ISREG(st.st_mode)) return cn_fail(err, CENOTE_FILE_ERROR, "%s: not a regular file", path);
  file->bytes = (uint64_t)st.st_size;
  return CENOTE_OK;
}

static CenoteStatus read_file(CnFile *file, const char *path, CenoteError *err)
{
  CN_TRY(open_file(file, path, err));
  unsigned char length[8];
  if (file->bytes < sizeof length)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: %" PRIu64 " bytes, too short for a safetensors file",
                   path, file->bytes);
  CN_TRY(read_at(file, 0, length, sizeof length, err));
  uint64_t size = 0;
  for (int i = 7; i >= 0; --i) size = size << 8 | length[i];
  if (size > MAX_HEADER || size > file->bytes - 8)
    return cn_fail(
        err, CENOTE_BAD_MODEL,
        "%s: header length %" PRIu64 ", want at most %" PRIu64 " (is this a safetensors file?)",
        path, size, file->bytes - 8 < MAX_HEADER ? file->bytes - 8 : (uint64_t)MAX_HEADER);
  char *text = malloc(size + 1);
  if (!text) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  CenoteStatus status = read_at(file, 8, text, size, err);
  json_t *header = NULL;
  if (status == CENOTE_OK) {
    json_error_t error;
    header = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!header) status = cn_fail(err, CENOTE_BAD_MODEL, "%s: header: %s", path, error.text);
  }
  if (status == CENOTE_OK) status = read_header(file, header, 8 + size, err);
  json_decref(header);
  free(text);
  return status;
}

CenoteStatus cn_file_open(const char *path, CnFile *out, CenoteError *err)
{
  *out = (CnFile){.fd = -1};
  const CenoteStatus status = read_file(out, path, err);
  if (status != CENOTE_OK) cn_file_close(out);
  return status;
}

void cn_file_close(CnFile *file)
{
  for (size_t i = 0; i < file->tensors; ++i) free(file->tensor[i].name);
  for (size_t i = 0; i < file->notes; ++i) {
    free(file->key[i]);
    free(file->value[i]);
  }
  free(file->tensor);
  free(file->key);
  free(file->value);
  free(file->path);
  if (file->fd >= 0) close(file->fd);
  *file = (CnFile){.fd = -1};
}

const CnTensor *cn_file_find(const CnFile *file, const char *name)
{
  for (size_t i = 0; i < file->tensors; ++i)
    if (strcmp(file->tensor[i].name, name) == 0) return &file->tensor[i];
  return NULL;
}

const char *cn_file_note(const CnFile *file, const char *key)
{
  for (size_t i = 0; i < file->notes; ++i)
    if (strcmp(file->key[i], key) == 0) return file->value[i];
  return NULL;
}

CenoteStatus cn_file_read(const CnFile *file, const CnTensor *tensor, void *bytes, CenoteError *err)
{
  return read_at(file, tensor->begin, bytes, (size_t)(tensor->end - tensor->begin), err);
}

void cn_shape_text(uint32_t rank, const uint64_t *dim, char *text, size_t size)
{
  size_t at = (size_t)snprintf(text, size, "[");
  for (uint32_t i = 0; i < rank && at < size; ++i)
    at += (size_t)snprintf(text + at, size - at, "%s%" PRIu64, i > 0 ? ", " : "", dim[i]);
  if (at < size) snprintf(text + at, size - at, "]");
}

static float from_bits(uint32_t bits)
{
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// IEEE half to single, exact; subnormals, infinities and NaN included.
static float from_half(uint16_t half)
{
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  const uint32_t exponent = half >> 10 & 31u;
  const uint32_t fraction = half & 1023u;
  if (exponent == 31) return from_bits(sign | 0x7f800000u | fraction << 13);
  if (exponent > 0) return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
  const float small = (float)fraction * 0x1p-24f;
  return sign ? -small : small;
}

CenoteStatus cn_file_read_f32(const CnFile *file, const CnTensor *tensor, float *out,
                              CenoteError *err)
{
  if (tensor->dtype != CN_F32 && tensor->dtype != CN_F16 && tensor->dtype != CN_BF16)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: dtype %s, want F32, F16 or BF16", file->path,
                   tensor->name, tensor->dtype_name);
  if (tensor->dtype == CN_F32) return cn_file_read(file, tensor, out, err);
  // The narrow values go into the back half of `out`, and are widened from the front.
  uint16_t *narrow = (uint16_t *)(void *)out + tensor->count;
  CN_TRY(cn_file_read(file, tensor, narrow, err));
  for (uint64_t i = 0; i < tensor->count; ++i) {
    uint16_t bits;
    memcpy(&bits, narrow + i, sizeof bits);
    const float wide = tensor->dtype == CN_BF16 ? from_bits((uint32_t)bits << 16) : from_half(bits);
    memcpy(out + i, &wide, sizeof wide);
  }
  return CENOTE_OK;
}
