// SPDX-License-Identifier: ISC
// From a weights file to layers: every layer borrows its tensors from the file's memory.
#include "net.h"

#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Finds tensors in the order of the list, which is nearly the order they are asked for.
typedef struct Binder {
  const CnWeights *weights;
  size_t next; ///< where the search begins
  char prefix[40];
} Binder;

/// Tensor PREFIX + name; NULL when the configuration has none such.
static const float *bind(Binder *binder, const char *name)
{
  char full[64];
  snprintf(full, sizeof full, "%s%s", binder->prefix, name);
  const CnParams *params = &binder->weights->params;
  for (size_t i = 0; i < params->size; ++i) {
    const size_t at = (binder->next + i) % params->size;
    if (strcmp(params->param[at].name, full) != 0) continue;
    binder->next = at + 1;
    return binder->weights->data + params->param[at].offset;
  }
  return NULL;
}

/// The pair NAME.weight, NAME.bias.
static const float *bind_pair(Binder *binder, const char *name, const float **bias)
{
  char full[24];
  snprintf(full, sizeof full, "%s.weight", name);
  const float *weight = bind(binder, full);
  snprintf(full, sizeof full, "%s.bias", name);
  *bias = bind(binder, full);
  return weight;
}

static Dense bind_dense(Binder *binder, const char *name, uint32_t rows, uint32_t cols)
{
  Dense dense = {.rows = rows, .cols = cols};
  dense.weight = bind_pair(binder, name, &dense.bias);
  return dense;
}

static Diagonal bind_diagonal(Binder *binder, const char *name, uint32_t blocks, uint32_t rows,
                              uint32_t cols)
{
  Diagonal diagonal = {.blocks = blocks, .rows = rows, .cols = cols};
  diagonal.weight = bind_pair(binder, name, &diagonal.bias);
  return diagonal;
}

static Norm bind_norm(Binder *binder, const char *name, CnNorm kind, uint32_t width)
{
  Norm norm = {.kind = kind, .width = width};
  if (kind == CN_NORM_LAYER) {
    norm.weight = bind_pair(binder, name, &norm.bias);
  } else if (kind == CN_NORM_RMS) {
    char full[24];
    snprintf(full, sizeof full, "%s.weight", name);
    norm.weight = bind(binder, full);
  }
  return norm;
}

static Conv bind_conv(Binder *binder, uint32_t width)
{
  const CnConfig *config = &binder->weights->config;
  Conv conv = {.width = width, .groups = config->conv_groups, .taps = config->conv_kernel_size};
  conv.weight = bind_pair(binder, "conv", &conv.bias);
  return conv;
}

static Recur bind_recur(Binder *binder, uint32_t level, bool gated)
{
  const CnConfig *config = &binder->weights->config;
  const uint32_t width = config->width[level];
  Recur recur = {
      .hidden = config->hidden[level],
      .units = cn_config_units(config, level),
      .log_a_scale = config->log_a_scale,
      .input_norm = config->input_norm,
  };
  recur.in = bind_dense(binder, "rnn.in", recur.hidden, width);
  if (gated) {
    const uint32_t n = config->n_diag_blocks;
    recur.gate_x = bind_diagonal(binder, "rnn.gate_x", n, recur.units / n, recur.hidden / n);
    recur.gate_a = bind_diagonal(binder, "rnn.gate_a", n, recur.units / n, recur.hidden / n);
  }
  recur.a_real = bind(binder, "rnn.a_real");
  if (!config->only_real) recur.a_imag = bind(binder, "rnn.a_imag");
  recur.out = bind_dense(binder, "rnn.out", width, recur.hidden);
  return recur;
}

static Block bind_block(Binder *binder, uint32_t level, CnEntry entry)
{
  const CnConfig *config = &binder->weights->config;
  const uint32_t width = config->width[level];
  Block block = {.entry = entry, .width = width};
  block.inner = entry == CN_MLP ? width * config->ff_expand : width;
  block.norm = bind_norm(binder, "norm", config->norm, width);
  if (config->use_gating) block.gate = bind_dense(binder, "gate", block.inner, width);
  switch (entry) {
  case CN_MLP:
    block.mlp = bind_dense(binder, "mlp", block.inner, width);
    break;
  case CN_CONV:
    block.conv = bind_conv(binder, width);
    break;
  case CN_RGLRU:
  case CN_LRU:
    if (config->use_temporal_cnn) {
      block.conv = bind_conv(binder, width);
      block.conv_norm = bind_norm(binder, "conv_norm", CN_NORM_LAYER, width);
    }
    block.recur = bind_recur(binder, level, entry == CN_RGLRU);
    break;
  }
  block.out = bind_dense(binder, "out", width, block.inner);
  return block;
}

static Stack bind_stack(Binder *binder, Net *net, uint32_t level, CnStack stack)
{
  const CnConfig *config = &net->weights.config;
  Block *first = net->block + net->blocks;
  const uint32_t blocks = cn_stack_blocks(config, level, stack);
  char name[24];
  cn_stack_name(level, stack, name);
  for (uint32_t j = 0; j < blocks; ++j) {
    snprintf(binder->prefix, sizeof binder->prefix, "%s.%u.", name, j);
    first[j] = bind_block(binder, level, cn_stack_entry(config, level, stack, j));
  }
  net->blocks += blocks;
  return (Stack){first, blocks};
}

static Pool bind_pool(Binder *binder, uint32_t level)
{
  const CnConfig *config = &binder->weights->config;
  Pool pool = {
      .factor = config->pool_temporal[level],
      .features = config->pool_features[level],
      .width = config->width[level],
      .wide = config->width[level + 1],
      .dense = !config->conv_pooling,
  };
  const uint32_t all = pool.factor * pool.width;
  snprintf(binder->prefix, sizeof binder->prefix, "levels.%u.", level);
  pool.down = bind_dense(binder, "downpool", pool.wide, pool.dense ? all : pool.factor);
  pool.up = pool.dense ? bind_dense(binder, "uppool", all, pool.wide)
                       : bind_dense(binder, "uppool", pool.width, pool.features * pool.factor);
  return pool;
}

static void bind_all(Net *net)
{
  const CnConfig *config = &net->weights.config;
  const uint32_t deepest = net->levels - 1;
  Binder binder = {.weights = &net->weights};
  if (config->input == CN_INPUT_EMBED) net->embedding = bind(&binder, "input.embedding");
  if (config->input == CN_INPUT_MLP) net->input = bind_dense(&binder, "input", config->base_dim, 1);
  for (uint32_t i = 0; i < deepest; ++i) {
    net->level[i].down = bind_stack(&binder, net, i, CN_DOWN);
    net->level[i].pool = bind_pool(&binder, i);
  }
  net->level[deepest].down = bind_stack(&binder, net, deepest, CN_DEEPEST);
  for (uint32_t i = deepest; i-- > 0;) net->level[i].up = bind_stack(&binder, net, i, CN_UP);
  binder.prefix[0] = '\0';
  net->norm = bind_norm(&binder, "norm", CN_NORM_LAYER, config->base_dim);
  net->head = bind_dense(&binder, "head", CENOTE_CLASSES, config->base_dim);
  for (uint32_t i = 0; i < net->levels; ++i) net->level[i].width = config->width[i];
}

/// cos and sin of every code at every frequency: MODEL.md section 5. In double: an angle of 255
/// radians in single has lost the digits that tell the codes apart.
static float *sine_table(uint32_t width)
{
  const uint32_t half = width / 2;
  float *table = malloc((size_t)CENOTE_CLASSES * width * sizeof *table);
  for (uint32_t code = 0; table && code < CENOTE_CLASSES; ++code) {
    float *row = table + (size_t)code * width;
    for (uint32_t k = 0; k < half; ++k) {
      const double angle = code * pow(10000.0, -(double)k / half);
      row[k] = (float)cos(angle);
      row[half + k] = (float)sin(angle);
    }
  }
  return table;
}

static CenoteStatus build(Net *net)
{
  const CnConfig *config = &net->weights.config;
  size_t blocks = 0;
  net->levels = config->levels;
  net->kernels = cn_kernels_choose(NULL);
  for (uint32_t i = 0; i + 1 < net->levels; ++i)
    blocks += cn_stack_blocks(config, i, CN_DOWN) + cn_stack_blocks(config, i, CN_UP);
  blocks += cn_stack_blocks(config, net->levels - 1, CN_DEEPEST);
  net->block = calloc(blocks, sizeof *net->block);
  if (!net->block) return CENOTE_NO_MEMORY;
  bind_all(net);
  if (config->input == CN_INPUT_SINE) {
    net->sine = sine_table(config->base_dim);
    if (!net->sine) return CENOTE_NO_MEMORY;
  }
  return CENOTE_OK;
}

CenoteStatus net_open(const char *path, Net **out, CenoteError *err)
{
  *out = NULL;
  Net *net = calloc(1, sizeof *net);
  if (!net) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  CenoteStatus status = cn_weights_load(path, &net->weights, err);
  if (status == CENOTE_OK) {
    status = build(net);
    if (status != CENOTE_OK) cn_fail(err, status, "%s: out of memory", path);
  }
  if (status != CENOTE_OK) {
    net_close(net);
    return status;
  }
  linear_start();
  *out = net;
  return CENOTE_OK;
}

void net_close(Net *net)
{
  if (!net) return;
  cn_weights_clear(&net->weights);
  free(net->block);
  free(net->sine);
  free(net);
}

void input_forward(const Net *net, const uint8_t *codes, size_t steps, float *x)
{
  const size_t width = net->level[0].width;
  const float *table = net->sine ? net->sine : net->embedding;
  for (size_t t = 0; t < steps; ++t, x += width) {
    if (table) {
      memcpy(x, table + codes[t] * width, width * sizeof *x);
      continue;
    }
    const float y = (float)codes[t] / (CENOTE_CLASSES / 2) - 1.0f;
    for (size_t i = 0; i < width; ++i) x[i] = net->input.weight[i] * y + net->input.bias[i];
  }
}
