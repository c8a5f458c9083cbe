// SPDX-License-Identifier: ISC
// Flax numbers modules in the order of their making, so a name says what a thing is only together
// with where it lies and with what else is there (a block's Dense_0 is its gate, if there is a
// Dense_1).
#include "flax_tree.h"

#include "status.h"
#include "try.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// A name of theirs, ours, and how the shape changes.
typedef struct Pair {
  const char *theirs;
  const char *ours;
  FlaxTurn turn;
} Pair;

static const Pair top[] = {
    {"input_mlp/kernel", "input.weight", FLAX_REVERSE},
    {"input_mlp/bias", "input.bias", FLAX_COPY},
    {"input_embed/embedding", "input.embedding", FLAX_COPY},
    {"norm/scale", "norm.weight", FLAX_COPY},
    {"norm/bias", "norm.bias", FLAX_COPY},
    {"cls_head/final/kernel", "head.weight", FLAX_REVERSE},
    {"cls_head/final/bias", "head.bias", FLAX_COPY},
    {NULL, NULL, FLAX_COPY},
};

static const Pair pools[] = {
    {"down_pool/Conv_0/kernel", "downpool.weight", FLAX_REVERSE},
    {"down_pool/Conv_0/bias", "downpool.bias", FLAX_COPY},
    {"down_pool/Dense_0/kernel", "downpool.weight", FLAX_REVERSE},
    {"down_pool/Dense_0/bias", "downpool.bias", FLAX_COPY},
    {"up_pool/Conv_0/kernel", "uppool.weight", FLAX_FLIP},
    {"up_pool/Conv_0/bias", "uppool.bias", FLAX_COPY},
    {"up_pool/Dense_0/kernel", "uppool.weight", FLAX_REVERSE},
    {"up_pool/Dense_0/bias", "uppool.bias", FLAX_COPY},
    {NULL, NULL, FLAX_COPY},
};

static const Pair block[] = {
    {"LayerNorm_0/scale", "norm.weight", FLAX_COPY},
    {"LayerNorm_0/bias", "norm.bias", FLAX_COPY},
    {"RMSNorm_0/scale", "norm.weight", FLAX_COPY},
    {"Dense_1/kernel", "out.weight", FLAX_REVERSE},
    {"Dense_1/bias", "out.bias", FLAX_COPY},
    {"layer/Dense_0/kernel", "mlp.weight", FLAX_REVERSE},
    {"layer/Dense_0/bias", "mlp.bias", FLAX_COPY},
    {"layer/Conv_0/kernel", "conv.weight", FLAX_REVERSE},
    {"layer/Conv_0/bias", "conv.bias", FLAX_COPY},
    {"layer/LayerNorm_0/scale", "conv_norm.weight", FLAX_COPY},
    {"layer/LayerNorm_0/bias", "conv_norm.bias", FLAX_COPY},
    {NULL, NULL, FLAX_COPY},
};

static const Pair gated_dense[] = {
    {"Dense_0/kernel", "gate.weight", FLAX_REVERSE},
    {"Dense_0/bias", "gate.bias", FLAX_COPY},
    {NULL, NULL, FLAX_COPY},
};

static const Pair only_dense[] = {
    {"Dense_0/kernel", "out.weight", FLAX_REVERSE},
    {"Dense_0/bias", "out.bias", FLAX_COPY},
    {NULL, NULL, FLAX_COPY},
};

static const Pair recurrence[] = {
    {"a_real_param", "rnn.a_real", FLAX_COPY},
    {"a_imag_param", "rnn.a_imag", FLAX_COPY},
    {"Dense_0/kernel", "rnn.in.weight", FLAX_REVERSE},
    {"Dense_0/bias", "rnn.in.bias", FLAX_COPY},
    {"Dense_1/kernel", "rnn.out.weight", FLAX_REVERSE},
    {"Dense_1/bias", "rnn.out.bias", FLAX_COPY},
    {"BlockDiagonalLinear_0/W", "rnn.gate_x.weight", FLAX_INNER},
    {"BlockDiagonalLinear_0/b", "rnn.gate_x.bias", FLAX_COPY},
    {"BlockDiagonalLinear_1/W", "rnn.gate_a.weight", FLAX_INNER},
    {"BlockDiagonalLinear_1/b", "rnn.gate_a.bias", FLAX_COPY},
    {NULL, NULL, FLAX_COPY},
};

static const Pair *look_up(const Pair *pair, const char *theirs)
{
  for (; pair->theirs; ++pair)
    if (strcmp(pair->theirs, theirs) == 0) return pair;
  return NULL;
}

/// Past `start`, if text begins with it.
static const char *past(const char *text, const char *start)
{
  const size_t length = strlen(start);
  return strncmp(text, start, length) == 0 ? text + length : NULL;
}

/// NAME_<number>/ of a block; *number is at most 9999.
static const char *past_number(const char *text, const char *name, uint32_t *number)
{
  text = past(text, name);
  const size_t digits = text ? strspn(text, "0123456789") : 0;
  if (digits == 0 || digits > 4 || text[digits] != '/') return NULL;
  *number = (uint32_t)strtoul(text, NULL, 10);
  return text + digits + 1;
}

static const Pair *look_up_in_block(const char *theirs, bool gated)
{
  const char *inner = past(theirs, "layer/RGLRU_0/");
  if (!inner) inner = past(theirs, "layer/LRU_0/");
  if (inner) return look_up(recurrence, inner);
  const Pair *pair = look_up(gated ? gated_dense : only_dense, theirs);
  return pair ? pair : look_up(block, theirs);
}

/// Our name for the place below the root; false when it has none.
static bool translate(const char *theirs, bool gated, FlaxTree *tree, FlaxTensor *out)
{
  static const struct {
    const char *theirs;
    const char *ours;
  } stacks[] = {{"down_blocks_", "down"}, {"up_blocks_", "up"}, {"blocks_", "blocks"}};
  char prefix[32] = "";
  const Pair *pair = look_up(top, theirs);
  const char *rest = past(theirs, "temporal_pyramid/");
  if (rest) {
    uint32_t level = 0;
    for (const char *deeper; (deeper = past(rest, "inner_layer/")); ++level) rest = deeper;
    if (level >= 1000) return false;
    if (level >= tree->levels) tree->levels = level + 1;
    snprintf(prefix, sizeof prefix, "levels.%u.", level);
    pair = look_up(pools, rest);
    for (size_t i = 0; !pair && i < sizeof stacks / sizeof *stacks; ++i) {
      uint32_t number;
      const char *inner = past_number(rest, stacks[i].theirs, &number);
      if (!inner) continue;
      snprintf(prefix, sizeof prefix, "levels.%u.%s.%u.", level, stacks[i].ours, number);
      pair = look_up_in_block(inner, gated);
    }
  }
  if (!pair) return false;
  snprintf(out->name, sizeof out->name, "%s%s", prefix, pair->ours);
  out->turn = pair->turn;
  return true;
}

/// A block with a second dense of its own, not its layer's.
static bool is_gated(const MsgTree *leaves)
{
  for (size_t i = 0; i < leaves->leaves; ++i) {
    const char *found = strstr(leaves->leaf[i].path, "blocks_");
    const char *slash = found ? strchr(found, '/') : NULL;
    if (slash && strcmp(slash, "/Dense_1/kernel") == 0) return true;
  }
  return false;
}

static CenoteStatus refuse(const char *file, const MsgLeaf *leaf, CenoteError *err)
{
  const char *why = strstr(leaf->path, "LocalAttention") ? "attention (mwa)"
                    : strstr(leaf->path, "/RNN_0/")      ? "rnn.block_type=rnn"
                                                         : NULL;
  if (why)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: %s is not part of this model", file, leaf->path,
                   why);
  return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: a Poolformer has no such weights", file,
                 leaf->path);
}

CenoteStatus flax_names(const char *file, const MsgTree *leaves, const char *root, FlaxTree *out,
                        CenoteError *err)
{
  *out = (FlaxTree){.file = file};
  out->tensor = calloc(leaves->leaves + 1, sizeof *out->tensor);
  if (!out->tensor) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", file);
  const bool gated = is_gated(leaves);
  for (size_t i = 0; i < leaves->leaves; ++i) {
    const MsgLeaf *leaf = &leaves->leaf[i];
    const char *theirs = past(leaf->path, root);
    if (!theirs) continue;
    FlaxTensor *tensor = &out->tensor[out->tensors];
    if (!translate(theirs, gated, out, tensor)) return refuse(file, leaf, err);
    if (!leaf->data)
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: is %s, not an array", file, leaf->path,
                     leaf->dtype);
    const FlaxTensor *same = flax_find(out, tensor->name);
    if (same)
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s and %s are one thing", file, same->leaf->path,
                     leaf->path);
    tensor->leaf = leaf;
    ++out->tensors;
  }
  return CENOTE_OK;
}

const FlaxTensor *flax_find(const FlaxTree *tree, const char *name)
{
  for (size_t i = 0; i < tree->tensors; ++i)
    if (strcmp(tree->tensor[i].name, name) == 0) return &tree->tensor[i];
  return NULL;
}
