// SPDX-License-Identifier: ISC
// From a Flax checkpoint to a weights file.
#include "flax.h"

#include "flax_tree.h"
#include "save.h"

#include "status.h"
#include "try.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const FlaxOptions flax_defaults = {
    .sample_rate_hz = 16000, .encoding = CENOTE_MULAW, .log_a_scale = -8.0, .input_norm = true};

static float from_bits(uint32_t bits)
{
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// Value number `index` of a float32, bfloat16 or float16 array.
static float value_of(const MsgLeaf *leaf, uint64_t index)
{
  const bool wide = strcmp(leaf->dtype, "float32") == 0;
  const unsigned char *at = leaf->data + index * (wide ? 4 : 2);
  const uint32_t low = (uint32_t)at[0] | (uint32_t)at[1] << 8;
  if (wide) return from_bits(low | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
  if (leaf->dtype[0] == 'b') return from_bits(low << 16);
  const int exponent = (int)(low >> 10 & 31u);
  const float fraction = (float)((low & 1023u) | (exponent > 0 ? 1024u : 0u));
  const float size =
      exponent == 31 ? (float)INFINITY : ldexpf(fraction, (exponent > 0 ? exponent : 1) - 25);
  return low & 0x8000u ? -size : size;
}

/// Flax's shape of a parameter of ours.
static uint32_t wanted_shape(const FlaxTensor *tensor, const CnParam *param,
                             uint64_t dim[static MSG_RANK])
{
  const uint32_t *ours = param->dim;
  switch (tensor->turn) {
  case FLAX_COPY:
    for (uint32_t i = 0; i < param->rank; ++i) dim[i] = ours[i];
    return param->rank;
  case FLAX_INNER:
    dim[0] = ours[0], dim[1] = ours[2], dim[2] = ours[1];
    return 3;
  case FLAX_REVERSE:
    // A depthwise down-pool has one input to each output, which we do not count as a dimension.
    if (param->rank == 2 && tensor->leaf->rank == 3) {
      dim[0] = ours[1], dim[1] = 1, dim[2] = ours[0];
      return 3;
    }
    break;
  case FLAX_FLIP:
    break;
  }
  for (uint32_t i = 0; i < param->rank; ++i) dim[i] = ours[param->rank - 1 - i];
  return param->rank;
}

static void shape_text(uint32_t rank, const uint64_t *dim, char *text, size_t size)
{
  size_t at = (size_t)snprintf(text, size, "(");
  for (uint32_t i = 0; i < rank && at < size; ++i)
    at += (size_t)snprintf(text + at, size - at, "%s%" PRIu64, i > 0 ? ", " : "", dim[i]);
  if (at < size) snprintf(text + at, size - at, ")");
}

static CenoteStatus check_shape(const char *file, const FlaxTensor *tensor, const CnParam *param,
                                CenoteError *err)
{
  const MsgLeaf *leaf = tensor->leaf;
  uint64_t dim[MSG_RANK] = {0};
  const uint32_t rank = wanted_shape(tensor, param, dim);
  bool same = rank == leaf->rank;
  for (uint32_t i = 0; same && i < rank; ++i) same = dim[i] == leaf->dim[i];
  if (same) return CENOTE_OK;
  char found[192];
  char want[192];
  shape_text(leaf->rank, leaf->dim, found, sizeof found);
  shape_text(rank, dim, want, sizeof want);
  const bool position = leaf->rank == 2 && rank == 2 && leaf->dim[0] == dim[0] + 16 &&
                        strstr(tensor->name, "rnn.in.weight");
  return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: shape %s, want %s%s", file, leaf->path, found,
                 want, position ? " (rnn.pos_embedding is not part of this model)" : "");
}

static CenoteStatus copy_values(const char *file, const FlaxTensor *tensor, float *out,
                                CenoteError *err)
{
  const MsgLeaf *leaf = tensor->leaf;
  if (strcmp(leaf->dtype, "float32") != 0 && strcmp(leaf->dtype, "bfloat16") != 0 &&
      strcmp(leaf->dtype, "float16") != 0)
    return cn_fail(err, CENOTE_BAD_MODEL,
                   "%s: %s: values are %s, want float32, bfloat16 or float16", file, leaf->path,
                   leaf->dtype);
  // As [a][b][c], the middle one 1 where there are but two.
  const bool plain = tensor->turn == FLAX_COPY;
  const uint64_t a = plain ? 1 : leaf->dim[0];
  const uint64_t b = plain || leaf->rank < 3 ? 1 : leaf->dim[1];
  const uint64_t c = plain ? leaf->count : leaf->dim[leaf->rank - 1];
  for (uint64_t i = 0; i < a; ++i)
    for (uint64_t j = 0; j < b; ++j)
      for (uint64_t k = 0; k < c; ++k) {
        const float value = value_of(leaf, (i * b + j) * c + k);
        if (!isfinite(value))
          return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: value number %" PRIu64 " is not finite",
                         file, leaf->path, (i * b + j) * c + k);
        const uint64_t first = tensor->turn == FLAX_FLIP ? a - 1 - i : i;
        if (plain) out[k] = value;
        else if (tensor->turn == FLAX_INNER) out[(i * c + k) * b + j] = value;
        else out[(k * b + j) * a + first] = value;
      }
  return CENOTE_OK;
}

/// A tensor of the right shape for each parameter, and none left over.
static CenoteStatus check_all(const FlaxTree *tree, const CnParams *params, CenoteError *err)
{
  for (size_t i = 0; i < params->size; ++i) {
    const CnParam *param = &params->param[i];
    const FlaxTensor *tensor = flax_find(tree, param->name);
    if (!tensor)
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: nothing in it for %s", tree->file, param->name);
    CN_TRY(check_shape(tree->file, tensor, param, err));
  }
  for (size_t t = 0; params->size < tree->tensors && t < tree->tensors; ++t) {
    size_t i = 0;
    while (i < params->size && strcmp(params->param[i].name, tree->tensor[t].name) != 0) ++i;
    if (i == params->size)
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: does not fit what the other weights tell",
                     tree->file, tree->tensor[t].leaf->path);
  }
  return CENOTE_OK;
}

/// Where the wanted weights lie; NULL, with err, when they do not.
static const char *find_root(const char *file, const MsgTree *leaves, bool raw, CenoteError *err)
{
  static const char *const roots[] = {
      "weights_ema/params/", "weights_ema/", "weights/params/", "weights/", "params/", ""};
  for (size_t i = raw ? 2 : 0; i < sizeof roots / sizeof *roots; ++i) {
    if (!raw && (i == 2 || i == 3)) continue; // not their average
    char path[64];
    snprintf(path, sizeof path, "%snorm/scale", roots[i]);
    if (msg_find(leaves, path)) return roots[i];
  }
  cn_fail(err, CENOTE_BAD_MODEL, "%s: no %s/params/norm/scale in it: not a Poolformer's checkpoint",
          file, raw ? "weights" : "weights_ema");
  return NULL;
}

/// "run_12345, weights_ema, step 12345"
static void describe(const char *file, const MsgTree *leaves, const char *root, char *text,
                     size_t size)
{
  const char *slash = strrchr(file, '/');
  const MsgLeaf *step = msg_find(leaves, "step");
  int at = snprintf(text, size, "%.255s", slash ? slash + 1 : file);
  if (root[0] == 'w')
    at += snprintf(text + at, size - (size_t)at, ", %.*s", (int)strcspn(root, "/"), root);
  if (step && step->data && step->count == 1 && strcmp(step->dtype, "int32") == 0) {
    const unsigned char *b = step->data;
    snprintf(text + at, size - (size_t)at, ", step %" PRIu32,
             (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24);
  }
}

static CenoteStatus write_out(const FlaxTree *tree, const CnConfig *config, const CnParams *params,
                              const SaveNote note[static 2], const char *output, CenoteError *err)
{
  CN_TRY(check_all(tree, params, err));
  float *data = malloc(params->floats * sizeof *data); // no more than the file holds
  CenoteStatus status =
      data ? CENOTE_OK : cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", tree->file);
  for (size_t i = 0; status == CENOTE_OK && i < params->size; ++i)
    status = copy_values(tree->file, flax_find(tree, params->param[i].name),
                         data + params->param[i].offset, err);
  if (status == CENOTE_OK) status = weights_save(output, config, params, data, note, 2, err);
  free(data);
  return status;
}

/// The configuration, by way of its text, so that it is checked as any file's.
static CenoteStatus checked_config(const FlaxTree *tree, const FlaxOptions *options, CnConfig *out,
                                   CenoteError *err)
{
  CnConfig guess;
  CN_TRY(flax_config(tree, options, &guess, err));
  char *text = config_json(&guess);
  if (!text) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", tree->file);
  const CenoteStatus status = cn_config_parse(tree->file, text, strlen(text), out, err);
  free(text);
  return status;
}

CenoteStatus flax_import_bytes(const char *checkpoint, const unsigned char *bytes, size_t size,
                               const char *output, const FlaxOptions *options, CenoteError *err)
{
  MsgTree leaves;
  CN_TRY(msg_read(checkpoint, bytes, size, &leaves, err));
  FlaxTree tree = {0};
  CnParams params = {0};
  CnConfig config;
  char source[320];
  char name[256];
  const char *root = find_root(checkpoint, &leaves, options->raw, err);
  CenoteStatus status = root ? CENOTE_OK : CENOTE_BAD_MODEL;
  if (status == CENOTE_OK) status = flax_names(checkpoint, &leaves, root, &tree, err);
  if (status == CENOTE_OK) status = checked_config(&tree, options, &config, err);
  if (status == CENOTE_OK) {
    describe(checkpoint, &leaves, root, source, sizeof source);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(source, ".,"), source);
    const SaveNote note[] = {{"name", options->name ? options->name : name}, {"source", source}};
    status = cn_params_new(checkpoint, &config, &params, err);
    if (status == CENOTE_OK) status = write_out(&tree, &config, &params, note, output, err);
  }
  cn_params_clear(&params);
  free(tree.tensor);
  msg_clear(&leaves);
  return status;
}

static CenoteStatus read_whole(const char *path, unsigned char **bytes, size_t *size,
                               CenoteError *err)
{
  // Without O_NONBLOCK the open of a FIFO would wait for a writer.
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot open: %s", path,
                   fd < 0 ? strerror(error) : "not a regular file");
  }
  *size = (size_t)st.st_size;
  *bytes = malloc(*size + 1);
  CenoteStatus status =
      *bytes ? CENOTE_OK : cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  for (size_t at = 0; status == CENOTE_OK && at < *size;) {
    const ssize_t got = read(fd, *bytes + at, *size - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      status = cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot read: %s", path,
                       got < 0 ? strerror(errno) : "it ended early");
    else at += (size_t)got;
  }
  close(fd);
  if (status != CENOTE_OK) free(*bytes);
  return status;
}

CenoteStatus flax_import(const char *checkpoint, const char *output, const FlaxOptions *options,
                         CenoteError *err)
{
  unsigned char *bytes = NULL;
  size_t size = 0;
  CN_TRY(read_whole(checkpoint, &bytes, &size, err));
  const CenoteStatus status = flax_import_bytes(checkpoint, bytes, size, output, options, err);
  free(bytes);
  return status;
}
