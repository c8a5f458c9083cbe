// SPDX-License-Identifier: ISC
// One walk over the configuration that names each tensor. The list grows by doubling while walking.
#include "params.h"

#include "status.h"
#include "try.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// A list being made, and the block or module whose tensors are being named.
typedef struct Walk {
  CnParams *out;
  size_t room;
  char prefix[40];
} Walk;

static CenoteStatus add(Walk *walk, const char *name, uint32_t rank, uint32_t a, uint32_t b,
                        uint32_t c)
{
  CnParams *out = walk->out;
  if (out->size == walk->room) {
    const size_t room = walk->room > 0 ? walk->room * 2 : 64;
    CnParam *grown = realloc(out->param, room * sizeof *grown);
    if (!grown) return CENOTE_NO_MEMORY;
    out->param = grown;
    walk->room = room;
  }
  CnParam *param = &out->param[out->size++];
  *param = (CnParam){.rank = rank, .dim = {a, b, c}, .count = 1, .offset = out->floats};
  snprintf(param->name, sizeof param->name, "%s%s", walk->prefix, name);
  for (uint32_t i = 0; i < rank; ++i) param->count *= param->dim[i];
  out->floats += param->count;
  return CENOTE_OK;
}

/// NAME.weight [rows, cols] and NAME.bias [rows].
static CenoteStatus add_dense(Walk *walk, const char *name, uint32_t rows, uint32_t cols)
{
  char full[24];
  snprintf(full, sizeof full, "%s.weight", name);
  CN_TRY(add(walk, full, 2, rows, cols, 0));
  snprintf(full, sizeof full, "%s.bias", name);
  return add(walk, full, 1, rows, 0, 0);
}

/// The same, and the weight is a CnParam.matrix.
static CenoteStatus add_matrix(Walk *walk, const char *name, uint32_t rows, uint32_t cols)
{
  const size_t at = walk->out->size;
  CN_TRY(add_dense(walk, name, rows, cols));
  walk->out->param[at].matrix = true;
  return CENOTE_OK;
}

static CenoteStatus add_norm(Walk *walk, const char *name, uint32_t width, bool bias)
{
  char full[24];
  snprintf(full, sizeof full, "%s.weight", name);
  CN_TRY(add(walk, full, 1, width, 0, 0));
  snprintf(full, sizeof full, "%s.bias", name);
  return bias ? add(walk, full, 1, width, 0, 0) : CENOTE_OK;
}

static CenoteStatus add_conv(Walk *walk, const CnConfig *config, uint32_t width)
{
  CN_TRY(add(walk, "conv.weight", 3, width, width / config->conv_groups, config->conv_kernel_size));
  return add(walk, "conv.bias", 1, width, 0, 0);
}

static CenoteStatus add_recurrent(Walk *walk, const CnConfig *config, uint32_t level, bool gates)
{
  const uint32_t width = config->width[level];
  const uint32_t hidden = config->hidden[level];
  const uint32_t units = cn_config_units(config, level);
  if (config->use_temporal_cnn) {
    CN_TRY(add_conv(walk, config, width));
    CN_TRY(add_norm(walk, "conv_norm", width, true));
  }
  CN_TRY(add_matrix(walk, "rnn.in", hidden, width));
  if (gates) {
    const uint32_t n = config->n_diag_blocks;
    CN_TRY(add(walk, "rnn.gate_x.weight", 3, n, units / n, hidden / n));
    CN_TRY(add(walk, "rnn.gate_x.bias", 2, n, units / n, 0));
    CN_TRY(add(walk, "rnn.gate_a.weight", 3, n, units / n, hidden / n));
    CN_TRY(add(walk, "rnn.gate_a.bias", 2, n, units / n, 0));
  }
  CN_TRY(add(walk, "rnn.a_real", 1, units, 0, 0));
  if (!config->only_real) CN_TRY(add(walk, "rnn.a_imag", 1, units, 0, 0));
  return add_matrix(walk, "rnn.out", width, hidden);
}

static CenoteStatus add_block(Walk *walk, const CnConfig *config, uint32_t level, CnEntry entry)
{
  const uint32_t width = config->width[level];
  const uint32_t inner = entry == CN_MLP ? width * config->ff_expand : width;
  if (config->norm != CN_NORM_NONE)
    CN_TRY(add_norm(walk, "norm", width, config->norm == CN_NORM_LAYER));
  if (config->use_gating) CN_TRY(add_matrix(walk, "gate", inner, width));
  if (entry == CN_MLP) CN_TRY(add_matrix(walk, "mlp", inner, width));
  if (entry == CN_CONV) CN_TRY(add_conv(walk, config, width));
  if (entry == CN_RGLRU || entry == CN_LRU)
    CN_TRY(add_recurrent(walk, config, level, entry == CN_RGLRU));
  return add_matrix(walk, "out", width, inner);
}

static CenoteStatus add_stack(Walk *walk, const CnConfig *config, uint32_t level, CnStack stack)
{
  char name[24];
  cn_stack_name(level, stack, name);
  for (uint32_t j = 0; j < cn_stack_blocks(config, level, stack); ++j) {
    snprintf(walk->prefix, sizeof walk->prefix, "%s.%u.", name, j);
    CN_TRY(add_block(walk, config, level, cn_stack_entry(config, level, stack, j)));
  }
  return CENOTE_OK;
}

static CenoteStatus add_pool(Walk *walk, const CnConfig *config, uint32_t level)
{
  const uint32_t width = config->width[level];
  const uint32_t wide = config->width[level + 1];
  const uint32_t factor = config->pool_temporal[level];
  const uint32_t features = config->pool_features[level];
  snprintf(walk->prefix, sizeof walk->prefix, "levels.%u.", level);
  if (!config->conv_pooling) {
    CN_TRY(add_dense(walk, "downpool", wide, factor * width));
    return add_dense(walk, "uppool", factor * width, wide);
  }
  CN_TRY(add_dense(walk, "downpool", wide, factor));
  CN_TRY(add(walk, "uppool.weight", 3, width, features, factor));
  return add(walk, "uppool.bias", 1, width, 0, 0);
}

static CenoteStatus walk_all(Walk *walk, const CnConfig *config)
{
  const uint32_t width = config->base_dim;
  if (config->input == CN_INPUT_EMBED)
    CN_TRY(add(walk, "input.embedding", 2, CENOTE_CLASSES, width, 0));
  if (config->input == CN_INPUT_MLP) CN_TRY(add_dense(walk, "input", width, 1));
  const uint32_t deepest = config->levels - 1;
  for (uint32_t i = 0; i < deepest; ++i) {
    CN_TRY(add_stack(walk, config, i, CN_DOWN));
    CN_TRY(add_pool(walk, config, i));
  }
  CN_TRY(add_stack(walk, config, deepest, CN_DEEPEST));
  for (uint32_t i = deepest; i-- > 0;) CN_TRY(add_stack(walk, config, i, CN_UP));
  walk->prefix[0] = '\0';
  CN_TRY(add_norm(walk, "norm", width, true));
  return add_matrix(walk, "head", CENOTE_CLASSES, width);
}

CenoteStatus cn_params_new(const char *name, const CnConfig *config, CnParams *out,
                           CenoteError *err)
{
  *out = (CnParams){0};
  Walk walk = {out, 0, ""};
  const CenoteStatus status = walk_all(&walk, config);
  if (status != CENOTE_OK) {
    cn_params_clear(out);
    return cn_fail(err, status, "%s: %s", name, cenote_strerror(status));
  }
  return CENOTE_OK;
}

void cn_params_clear(CnParams *params)
{
  free(params->param);
  *params = (CnParams){0};
}

uint32_t cn_stack_blocks(const CnConfig *config, uint32_t level, CnStack stack)
{
  return stack == CN_DOWN && !config->unet ? 0 : 2 * config->entries[level];
}

CnEntry cn_stack_entry(const CnConfig *config, uint32_t level, CnStack stack, uint32_t block)
{
  if (block % 2 == 1) return CN_MLP;
  const uint32_t entry = block / 2;
  return config->structure[level][stack == CN_UP ? config->entries[level] - 1 - entry : entry];
}

void cn_stack_name(uint32_t level, CnStack stack, char name[static 24])
{
  static const char *const part[] = {[CN_DOWN] = "down", [CN_UP] = "up", [CN_DEEPEST] = "blocks"};
  snprintf(name, 24, "levels.%u.%s", level, part[stack]);
}
