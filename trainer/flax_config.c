// SPDX-License-Identifier: ISC
// A checkpoint holds no configuration; names and shapes tell nearly all of it. What is wrong or
// missing is guessed here and found out later, when each tensor is compared with what the
// configuration asks for.
#include "flax_tree.h"

#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/// Dimension `axis` of tensor PREFIX + name, within uint32_t; 0: no such tensor or dimension.
static uint32_t dim_of(const FlaxTree *tree, const char *prefix, const char *name, uint32_t axis)
{
  char full[96];
  snprintf(full, sizeof full, "%s%s", prefix, name);
  const FlaxTensor *tensor = flax_find(tree, full);
  if (!tensor || axis >= tensor->leaf->rank || tensor->leaf->dim[axis] > UINT32_MAX) return 0;
  return (uint32_t)tensor->leaf->dim[axis];
}

static bool has(const FlaxTree *tree, const char *prefix, const char *name)
{
  char full[96];
  snprintf(full, sizeof full, "%s%s", prefix, name);
  return flax_find(tree, full) != NULL;
}

static bool has_below(const FlaxTree *tree, const char *prefix)
{
  for (size_t i = 0; i < tree->tensors; ++i)
    if (strncmp(tree->tensor[i].name, prefix, strlen(prefix)) == 0) return true;
  return false;
}

/// Where a level's entries are told: its up blocks, the deepest one's only stack.
static void block_prefix(const FlaxTree *tree, uint32_t level, uint32_t j, char prefix[static 32])
{
  snprintf(prefix, 32, "levels.%u.%s.%u.", level, level + 1 == tree->levels ? "blocks" : "up", j);
}

/// What all blocks have in common.
typedef struct Seen {
  uint32_t hidden[CN_MAX_LEVELS]; ///< H of the level; 0: no recurrence there
  bool real;
} Seen;

static CnEntry take_block(const FlaxTree *tree, uint32_t level, const char *prefix,
                          CnConfig *config, Seen *seen)
{
  if (has(tree, prefix, "conv.weight")) {
    const uint32_t inputs = dim_of(tree, prefix, "conv.weight", 1);
    const uint32_t width = dim_of(tree, prefix, "conv.weight", 2);
    config->conv_kernel_size = dim_of(tree, prefix, "conv.weight", 0);
    config->conv_groups = inputs > 0 ? width / inputs : 0;
  }
  if (has(tree, prefix, "mlp.weight")) {
    const uint32_t width = dim_of(tree, prefix, "mlp.weight", 0);
    config->ff_expand = width > 0 ? dim_of(tree, prefix, "mlp.weight", 1) / width : 0;
    return CN_MLP;
  }
  if (!has(tree, prefix, "rnn.in.weight")) return CN_CONV;
  seen->hidden[level] = dim_of(tree, prefix, "rnn.in.weight", 1);
  seen->real = !has(tree, prefix, "rnn.a_imag");
  if (has(tree, prefix, "conv_norm.weight")) config->use_temporal_cnn = true;
  if (!has(tree, prefix, "rnn.gate_x.weight")) return CN_LRU;
  config->n_diag_blocks = dim_of(tree, prefix, "rnn.gate_x.weight", 0);
  return CN_RGLRU;
}

static CenoteStatus take_entries(const FlaxTree *tree, uint32_t level, CnConfig *config, Seen *seen,
                                 CenoteError *err)
{
  char prefix[32];
  uint32_t count = 0;
  while (block_prefix(tree, level, 2 * count, prefix), has_below(tree, prefix)) {
    if (count == CN_MAX_ENTRIES)
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: level %u has more than %d pairs of blocks",
                     tree->file, level, CN_MAX_ENTRIES);
    config->structure[level][count++] = take_block(tree, level, prefix, config, seen);
    block_prefix(tree, level, 2 * count - 1, prefix); // ff_expand is in every pair's mlp
    take_block(tree, level, prefix, config, seen);
  }
  config->entries[level] = count;
  // Up blocks run the list backwards.
  for (uint32_t i = 0; level + 1 < tree->levels && i < count / 2; ++i) {
    const CnEntry kept = config->structure[level][i];
    config->structure[level][i] = config->structure[level][count - 1 - i];
    config->structure[level][count - 1 - i] = kept;
  }
  return CENOTE_OK;
}

static CenoteStatus take_pools(const FlaxTree *tree, CnConfig *config, CenoteError *err)
{
  uint32_t width = config->base_dim;
  config->conv_pooling = true;
  for (uint32_t i = 0; i + 1 < tree->levels; ++i) {
    char prefix[32];
    snprintf(prefix, sizeof prefix, "levels.%u.", i);
    const FlaxTensor *down = NULL;
    char name[48];
    snprintf(name, sizeof name, "%sdownpool.weight", prefix);
    down = flax_find(tree, name);
    if (!down)
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: level %u has no down_pool", tree->file, i);
    const bool conv = down->leaf->rank == 3;
    const uint32_t first = dim_of(tree, prefix, "downpool.weight", 0);
    const uint32_t wide = dim_of(tree, prefix, "downpool.weight", conv ? 2 : 1);
    if (first == 0 || wide == 0 || width == 0 || wide % width != 0 || (!conv && first % width != 0))
      return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: a pool of %u features has no such shape",
                     tree->file, down->leaf->path, width);
    config->conv_pooling = conv;
    config->pool_temporal[i] = conv ? first : first / width;
    config->pool_features[i] = wide / width;
    width = wide;
  }
  return CENOTE_OK;
}

/// d_hidden, and whether it grows with the width.
static void take_hidden(const FlaxTree *tree, const Seen *seen, CnConfig *config)
{
  uint32_t grown = 1;
  uint32_t at_grown = 1;
  config->d_hidden = 0;
  for (uint32_t i = 0; i < tree->levels; ++i) {
    if (i > 0) grown *= config->pool_features[i - 1];
    if (seen->hidden[i] == 0) continue;
    if (config->d_hidden == 0) config->d_hidden = seen->hidden[i], at_grown = grown;
    else if (seen->hidden[i] != config->d_hidden) config->adaptive_d = true;
  }
  if (config->adaptive_d) config->d_hidden /= at_grown;
  if (config->d_hidden == 0) config->d_hidden = config->base_dim; // no recurrence: any will do
}

CenoteStatus flax_config(const FlaxTree *tree, const FlaxOptions *options, CnConfig *out,
                         CenoteError *err)
{
  *out = (CnConfig){
      .levels = tree->levels,
      .base_dim = dim_of(tree, "", "norm.weight", 0),
      .ff_expand = 1,
      .conv_kernel_size = 3,
      .conv_groups = 1,
      .n_diag_blocks = 1,
      .norm = CN_NORM_NONE,
      .input = has(tree, "", "input.embedding") ? CN_INPUT_EMBED
               : has(tree, "", "input.weight")  ? CN_INPUT_MLP
                                                : CN_INPUT_SINE,
      .log_a_scale = options->log_a_scale,
      .input_norm = options->input_norm,
      .sample_rate_hz = options->sample_rate_hz,
      .encoding = options->encoding,
      .min_max_scaling = options->min_max_scaling,
      .baseline = 128,
  };
  if (out->base_dim == 0)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: no norm/scale: not a Poolformer", tree->file);
  if (tree->levels == 0 || tree->levels > CN_MAX_LEVELS)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: %u levels, want 1 to %d", tree->file, tree->levels,
                   CN_MAX_LEVELS);
  CN_TRY(take_pools(tree, out, err));
  Seen seen = {0};
  for (uint32_t i = 0; i < tree->levels; ++i) CN_TRY(take_entries(tree, i, out, &seen, err));
  out->only_real = seen.real;
  take_hidden(tree, &seen, out);
  char prefix[32];
  block_prefix(tree, tree->levels - 1, 0, prefix);
  if (has(tree, prefix, "norm.weight"))
    out->norm = has(tree, prefix, "norm.bias") ? CN_NORM_LAYER : CN_NORM_RMS;
  out->use_gating = has(tree, prefix, "gate.weight");
  for (uint32_t i = 0; i < tree->levels; ++i) {
    snprintf(prefix, sizeof prefix, "levels.%u.down.", i);
    if (has_below(tree, prefix)) out->unet = true;
  }
  if (tree->levels == 1) out->unet = true; // no difference without pools
  return CENOTE_OK;
}
