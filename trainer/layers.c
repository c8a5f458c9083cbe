// SPDX-License-Identifier: ISC
// From a configuration to layers, in the order of its list of tensors.
#include "layers.h"

#include "alloc.h"
#include "status.h"
#include "try.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Finds tensors by name; the list is nearly in the order in which they are asked for.
typedef struct Finder {
  Layers *layers;
  size_t next; ///< where the search begins
  char prefix[40];
} Finder;

static size_t find(Finder *finder, const char *name, const char *part)
{
  char full[72];
  snprintf(full, sizeof full, "%s%s%s", finder->prefix, name, part);
  const CnParams *params = &finder->layers->params;
  for (size_t i = 0; i < params->size; ++i) {
    const size_t at = (finder->next + i) % params->size;
    if (strcmp(params->param[at].name, full) != 0) continue;
    finder->next = at + 1;
    return (size_t)params->param[at].offset;
  }
  return NOWHERE;
}

static size_t room(Finder *finder, size_t numbers)
{
  return cn_carve(&finder->layers->packed, numbers);
}

static DenseAt find_dense(Finder *finder, const char *name, uint32_t rows, uint32_t cols)
{
  const Ops *ops = finder->layers->ops;
  DenseAt dense = {.rows = rows, .cols = cols};
  dense.weight = find(finder, name, ".weight");
  dense.bias = find(finder, name, ".bias");
  dense.forward = room(finder, ops->packed_size(cols, rows));
  dense.backward = room(finder, ops->packed_size(rows, cols));
  return dense;
}

static NormAt find_norm(Finder *finder, const char *name, CnNorm kind, uint32_t width)
{
  NormAt norm = {.kind = kind, .width = width, .weight = NOWHERE, .bias = NOWHERE};
  if (kind != CN_NORM_NONE) norm.weight = find(finder, name, ".weight");
  if (kind == CN_NORM_LAYER) norm.bias = find(finder, name, ".bias");
  return norm;
}

DenseAt conv_group(const Ops *ops, const ConvAt *conv, uint32_t g)
{
  DenseAt dense = conv->first;
  dense.weight += (size_t)g * dense.rows * dense.cols;
  dense.bias += (size_t)g * dense.rows;
  dense.forward += g * ops->packed_size(dense.cols, dense.rows);
  dense.backward += g * ops->packed_size(dense.rows, dense.cols);
  return dense;
}

static ConvAt find_conv(Finder *finder, uint32_t width)
{
  const CnConfig *config = &finder->layers->config;
  const Ops *ops = finder->layers->ops;
  ConvAt conv = {.width = width, .groups = config->conv_groups, .taps = config->conv_kernel_size};
  conv.each = width / conv.groups;
  conv.first.rows = conv.each;
  conv.first.cols = conv.each * conv.taps;
  conv.first.weight = find(finder, "conv", ".weight");
  conv.first.bias = find(finder, "conv", ".bias");
  conv.first.forward =
      room(finder, conv.groups * ops->packed_size(conv.first.cols, conv.first.rows));
  conv.first.backward =
      room(finder, conv.groups * ops->packed_size(conv.first.rows, conv.first.cols));
  return conv;
}

Gates recur_gates(const RecurAt *recur, const real *weights)
{
  return (Gates){
      .weight_x = weights ? weights + recur->gate_x_weight : NULL,
      .weight_a = weights ? weights + recur->gate_a_weight : NULL,
      .bias_x = weights ? weights + recur->gate_x_bias : NULL,
      .bias_a = weights ? weights + recur->gate_a_bias : NULL,
      .blocks = recur->blocks,
      .rows = recur->units / recur->blocks,
      .cols = recur->hidden / recur->blocks,
  };
}

static RecurAt find_recur(Finder *finder, uint32_t level, bool gated)
{
  const Layers *layers = finder->layers;
  const CnConfig *config = &layers->config;
  const uint32_t width = config->width[level];
  RecurAt recur = {
      .hidden = config->hidden[level], .units = cn_config_units(config, level), .a_imag = NOWHERE};
  recur.in = find_dense(finder, "rnn.in", recur.hidden, width);
  if (gated) {
    recur.blocks = config->n_diag_blocks;
    recur.gate_x_weight = find(finder, "rnn.gate_x", ".weight");
    recur.gate_x_bias = find(finder, "rnn.gate_x", ".bias");
    recur.gate_a_weight = find(finder, "rnn.gate_a", ".weight");
    recur.gate_a_bias = find(finder, "rnn.gate_a", ".bias");
    const Gates gates = recur_gates(&recur, NULL);
    recur.gates = room(finder, layers->ops->gates_size(&gates));
  }
  recur.rates = room(finder, (gated ? 1 : 3 * sizeof(double) / sizeof(real)) * recur.units);
  recur.a_real = find(finder, "rnn.a_real", "");
  if (!config->only_real) recur.a_imag = find(finder, "rnn.a_imag", "");
  recur.out = find_dense(finder, "rnn.out", width, recur.hidden);
  return recur;
}

static BlockAt find_block(Finder *finder, uint32_t level, CnEntry entry)
{
  const CnConfig *config = &finder->layers->config;
  const uint32_t width = config->width[level];
  BlockAt block = {.entry = entry, .width = width};
  block.inner = entry == CN_MLP ? width * config->ff_expand : width;
  block.norm = find_norm(finder, "norm", config->norm, width);
  if (config->use_gating) block.gate = find_dense(finder, "gate", block.inner, width);
  switch (entry) {
  case CN_MLP:
    block.mlp = find_dense(finder, "mlp", block.inner, width);
    break;
  case CN_CONV:
    block.conv = find_conv(finder, width);
    break;
  case CN_RGLRU:
  case CN_LRU:
    if (config->use_temporal_cnn) {
      block.conv = find_conv(finder, width);
      block.conv_norm = find_norm(finder, "conv_norm", CN_NORM_LAYER, width);
    }
    block.recur = find_recur(finder, level, entry == CN_RGLRU);
    break;
  }
  block.out = find_dense(finder, "out", width, block.inner);
  return block;
}

static StackAt find_stack(Finder *finder, uint32_t level, CnStack stack)
{
  Layers *layers = finder->layers;
  BlockAt *first = layers->block + layers->blocks;
  const uint32_t blocks = cn_stack_blocks(&layers->config, level, stack);
  char name[24];
  cn_stack_name(level, stack, name);
  for (uint32_t j = 0; j < blocks; ++j) {
    snprintf(finder->prefix, sizeof finder->prefix, "%s.%u.", name, j);
    first[j] = find_block(finder, level, cn_stack_entry(&layers->config, level, stack, j));
  }
  layers->blocks += blocks;
  return (StackAt){first, blocks};
}

static PoolAt find_pool(Finder *finder, uint32_t level)
{
  const CnConfig *config = &finder->layers->config;
  PoolAt pool = {
      .factor = config->pool_temporal[level],
      .features = config->pool_features[level],
      .width = config->width[level],
      .wide = config->width[level + 1],
      .dense = !config->conv_pooling,
  };
  const uint32_t all = pool.factor * pool.width;
  snprintf(finder->prefix, sizeof finder->prefix, "levels.%u.", level);
  if (pool.dense) {
    pool.down = find_dense(finder, "downpool", pool.wide, all);
    pool.up = find_dense(finder, "uppool", all, pool.wide);
    return pool;
  }
  pool.down = (DenseAt){.rows = pool.wide,
                        .cols = pool.factor,
                        .weight = find(finder, "downpool", ".weight"),
                        .bias = find(finder, "downpool", ".bias")};
  pool.up = (DenseAt){.rows = pool.width,
                      .cols = pool.features * pool.factor,
                      .weight = find(finder, "uppool", ".weight"),
                      .bias = find(finder, "uppool", ".bias")};
  pool.down_turned = room(finder, (size_t)pool.factor * pool.wide);
  pool.up_turned = room(finder, (size_t)pool.factor * pool.wide);
  return pool;
}

static void find_all(Layers *layers)
{
  const CnConfig *config = &layers->config;
  const uint32_t deepest = layers->levels - 1;
  Finder finder = {.layers = layers};
  layers->embedding = find(&finder, "input.embedding", "");
  if (config->input == CN_INPUT_MLP)
    layers->input = find_dense(&finder, "input", config->base_dim, 1);
  for (uint32_t i = 0; i < deepest; ++i) {
    layers->down[i] = find_stack(&finder, i, CN_DOWN);
    layers->pool[i] = find_pool(&finder, i);
  }
  layers->down[deepest] = find_stack(&finder, deepest, CN_DEEPEST);
  for (uint32_t i = deepest; i-- > 0;) layers->up[i] = find_stack(&finder, i, CN_UP);
  finder.prefix[0] = '\0';
  layers->norm = find_norm(&finder, "norm", CN_NORM_LAYER, config->base_dim);
  layers->head = find_dense(&finder, "head", CENOTE_CLASSES, config->base_dim);
}

CenoteStatus layers_init(Layers *layers, const char *name, const CnConfig *config, const Ops *ops,
                         CenoteError *err)
{
  *layers = (Layers){.config = *config, .ops = ops, .levels = config->levels};
  CN_TRY(cn_params_new(name, config, &layers->params, err));
  size_t blocks = cn_stack_blocks(config, layers->levels - 1, CN_DEEPEST);
  for (uint32_t i = 0; i + 1 < layers->levels; ++i)
    blocks += cn_stack_blocks(config, i, CN_DOWN) + cn_stack_blocks(config, i, CN_UP);
  layers->block = calloc(blocks + 1, sizeof *layers->block);
  if (!layers->block) {
    layers_clear(layers);
    return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", name);
  }
  find_all(layers);
  return CENOTE_OK;
}

void layers_clear(Layers *layers)
{
  cn_params_clear(&layers->params);
  free(layers->block);
  layers->block = NULL;
}
