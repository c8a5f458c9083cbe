// SPDX-License-Identifier: ISC
// A model: weights read, checked, packed for the step, and the file forgotten.
#include "alloc.h"
#include "pack.h"
#include "precision.h"
#include "rt/codec.h"
#include "rt/dmath.h"
#include "rt/rt.h"
#include "status.h"
#include "try.h"
#include "weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// What each code becomes: rows of [256][width], in double where the reference's angles need it.
static void pack_input(Packer *packer, CenoteModel *model)
{
  const CnConfig *config = &model->config;
  const uint32_t width = config->base_dim;
  const uint32_t half = width / 2;
  model->input_stride = (uint32_t)cn_round_floats(width);
  float *table = cn_pack_take(packer, (size_t)CENOTE_CLASSES * model->input_stride);
  model->input = table;
  if (!table) return;
  packer->prefix[0] = '\0';
  const float *embedding = cn_pack_tensor(packer, "input.embedding");
  const float *weight = cn_pack_tensor(packer, "input.weight");
  const float *bias = cn_pack_tensor(packer, "input.bias");
  for (uint32_t code = 0; code < CENOTE_CLASSES; ++code, table += model->input_stride) {
    const float y = (float)(2.0 * code / CENOTE_CLASSES - 1.0);
    for (uint32_t i = 0; config->input == CN_INPUT_EMBED && i < width; ++i)
      table[i] = embedding[(size_t)code * width + i];
    for (uint32_t i = 0; config->input == CN_INPUT_MLP && i < width; ++i)
      table[i] = weight[i] * y + bias[i];
    for (uint32_t k = 0; config->input == CN_INPUT_SINE && k < half; ++k) {
      double s;
      double c;
      cn_sincos(code * cn_exp(-(double)k / half * 9.2103403719761827361), &s, &c);
      table[k] = (float)c;
      table[half + k] = (float)s;
    }
  }
}

static CenoteStatus pack_stack(Packer *packer, uint32_t level, CnStack stack, CnBlock *out)
{
  const CnConfig *config = &packer->weights->config;
  char name[24];
  cn_stack_name(level, stack, name);
  for (uint32_t j = 0; j < cn_stack_blocks(config, level, stack); ++j) {
    snprintf(packer->prefix, sizeof packer->prefix, "%s.%u.", name, j);
    const CnCost before = {packer->macs, packer->bytes};
    CN_TRY(cn_pack_block(packer, level, cn_stack_entry(config, level, stack, j), &out[j]));
    out[j].cost = (CnCost){packer->macs - before.macs, packer->bytes - before.bytes};
  }
  return CENOTE_OK;
}

static void pack_pool_conv(Packer *packer, CnPool *pool)
{
  const float *down = cn_pack_tensor(packer, "downpool.weight"); // [wide][phase]
  const float *up = cn_pack_tensor(packer, "uppool.weight");     // [width][features][phase]
  float *d = cn_pack_take(packer, (size_t)pool->factor * pool->wide);
  float *u = cn_pack_take(packer, (size_t)pool->factor * pool->features * pool->width);
  for (uint32_t phase = 0; u && phase < pool->factor; ++phase) {
    for (uint32_t o = 0; o < pool->wide; ++o)
      d[(size_t)phase * pool->wide + o] = down[(size_t)o * pool->factor + phase];
    for (uint32_t k = 0; k < pool->features; ++k)
      for (uint32_t c = 0; c < pool->width; ++c)
        u[((size_t)phase * pool->features + k) * pool->width + c] =
            up[((size_t)c * pool->features + k) * pool->factor + phase];
  }
  pool->down = d;
  pool->up = u;
  pool->up_bias = cn_pack_copy(packer, cn_pack_tensor(packer, "uppool.bias"), pool->width);
  packer->macs += 2 * (uint64_t)pool->wide; // a step's share of the one below, and its row up
}

static void pack_pool_dense(Packer *packer, CnPool *pool, CnMatrix *matrix)
{
  const float *down = cn_pack_tensor(packer, "downpool.weight"); // [wide][phase * width]
  const float *up = cn_pack_tensor(packer, "uppool.weight");     // [phase * width][wide]
  const float *bias = cn_pack_tensor(packer, "uppool.bias");
  const size_t all = (size_t)pool->factor * pool->width;
  for (uint32_t phase = 0; phase < pool->factor; ++phase) {
    const size_t row = (size_t)phase * pool->width;
    const CnPiece in = {.weight = down + row, .rows = pool->wide, .row_step = all};
    const CnPiece out = {.weight = up + row * pool->wide,
                         .bias = bias + row,
                         .rows = pool->width,
                         .row_step = pool->wide};
    matrix[phase] = cn_pack_matrix(packer, &in, 1, pool->width);
    matrix[pool->factor + phase] = cn_pack_matrix(packer, &out, 1, pool->wide);
  }
  // Packing counted every phase; a step runs one.
  packer->macs -= 2 * (uint64_t)pool->wide * pool->width * (pool->factor - 1);
  pool->down_matrix = matrix;
  pool->up_matrix = matrix + pool->factor;
}

static void pack_pool(Packer *packer, uint32_t level, CnMatrix *matrix, CnPool *pool)
{
  const CnConfig *config = &packer->weights->config;
  *pool = (CnPool){
      .factor = config->pool_temporal[level],
      .features = config->pool_features[level],
      .width = config->width[level],
      .wide = config->width[level + 1],
      .dense = !config->conv_pooling,
  };
  const CnCost before = {packer->macs, packer->bytes};
  snprintf(packer->prefix, sizeof packer->prefix, "levels.%u.", level);
  pool->sum_at = cn_carve(&packer->state, pool->wide);
  pool->deep_at = cn_carve(&packer->state, pool->wide);
  pool->down_bias = cn_pack_copy(packer, cn_pack_tensor(packer, "downpool.bias"), pool->wide);
  if (pool->dense) pack_pool_dense(packer, pool, matrix);
  else pack_pool_conv(packer, pool);
  // A step reads one phase of them; but of a conv's, all of the up-pool's bias.
  const size_t whole = pool->dense ? 0 : (pool->factor - 1) * pool->width * sizeof(float);
  pool->cost =
      (CnCost){packer->macs - before.macs, (packer->bytes - before.bytes + whole) / pool->factor};
}

/// In the order of a step: input, each level's down stack and pool, the deepest, the up stacks.
/// macs[levels]: multiply-adds each time a level runs.
static CenoteStatus pack(Packer *packer, CenoteModel *model, uint64_t macs[static CN_MAX_LEVELS])
{
  const CnConfig *config = &model->config;
  const uint32_t deepest = model->levels - 1;
  CnBlock *block = model->blocks;
  CnMatrix *matrix = model->pool_matrices;
  pack_input(packer, model);
  for (uint32_t i = 0; i <= deepest; ++i) {
    CnLevel *level = &model->level[i];
    const CnStack stack = i < deepest ? CN_DOWN : CN_DEEPEST;
    *level = (CnLevel){.width = config->width[i], .down = block};
    level->downs = cn_stack_blocks(config, i, stack);
    block += level->downs;
    packer->macs = 0;
    CN_TRY(pack_stack(packer, i, stack, level->down));
    if (i < deepest) {
      pack_pool(packer, i, matrix, &level->pool);
      matrix += 2 * level->pool.factor;
    }
    macs[i] = packer->macs;
  }
  for (uint32_t i = deepest; i-- > 0;) {
    CnLevel *level = &model->level[i];
    level->up = block;
    level->ups = cn_stack_blocks(config, i, CN_UP);
    block += level->ups;
    packer->macs = 0;
    CN_TRY(pack_stack(packer, i, CN_UP, level->up));
    macs[i] += packer->macs;
  }
  packer->prefix[0] = '\0';
  const size_t before = packer->bytes;
  model->norm = cn_pack_copy(packer, cn_pack_tensor(packer, "norm.weight"), config->base_dim);
  model->norm_bias = cn_pack_copy(packer, cn_pack_tensor(packer, "norm.bias"), config->base_dim);
  packer->macs = 0;
  model->head = cn_pack_dense(packer, "head", CENOTE_CLASSES, config->base_dim);
  macs[0] += packer->macs;
  model->ends =
      (CnCost){packer->macs, packer->bytes - before + model->input_stride * sizeof(float)};
  return CENOTE_OK;
}

static CenoteStatus make_room(const CnConfig *config, CenoteModel *model)
{
  size_t blocks = 0;
  size_t matrices = 0;
  for (uint32_t i = 0; i < config->levels; ++i) {
    const bool deepest = i + 1 == config->levels;
    blocks += cn_stack_blocks(config, i, deepest ? CN_DEEPEST : CN_DOWN);
    if (!deepest) blocks += cn_stack_blocks(config, i, CN_UP);
    if (!deepest) matrices += 2 * config->pool_temporal[i];
  }
  model->blocks = calloc(blocks, sizeof *model->blocks);
  model->pool_matrices = calloc(matrices + 1, sizeof *model->pool_matrices);
  return model->blocks && model->pool_matrices ? CENOTE_OK : CENOTE_NO_MEMORY;
}

/// Sizes of a voice: its scratch vectors and its state.
static void size_voice(CenoteModel *model, const Packer *packer)
{
  CenoteModelInfo *info = &model->info;
  model->state_floats = packer->state;
  model->wide_floats = cn_round_floats(packer->wide + CN_SLACK);
  model->scratch_floats = CN_SCRATCH_VECTORS * model->wide_floats + CENOTE_CLASSES;
  for (uint32_t i = 0; i < model->levels; ++i)
    model->scratch_floats += cn_round_floats(model->config.width[i] + CN_SLACK);
  info->state_bytes = sizeof(CnState) + model->state_floats * sizeof(float);
  info->voice_bytes = cn_voice_head() + model->scratch_floats * sizeof(float) + info->state_bytes;
}

static CenoteStatus pack_all(const CnWeights *weights, CnForm form, CenoteModel *model)
{
  uint64_t macs[CN_MAX_LEVELS] = {0};
  CN_TRY(make_room(&weights->config, model));
  Packer packer = {.weights = weights, .kernels = model->kernels, .form = form};
  CN_TRY(pack(&packer, model, macs));
  const size_t bytes = packer.bytes;
  model->arena = cn_alloc_weights(bytes);
  if (!model->arena) return CENOTE_NO_MEMORY;
  packer =
      (Packer){.weights = weights, .kernels = model->kernels, .form = form, .arena = model->arena};
  CN_TRY(pack(&packer, model, macs));
  size_voice(model, &packer);
  CenoteModelInfo *info = &model->info;
  for (uint32_t i = 0; i < model->levels; ++i) {
    model->level[i].macs = macs[i];
    info->macs_mean += (double)macs[i] / model->config.every[i];
    info->macs_worst += macs[i];
  }
  // Each level's period divides the next one's, so no run of steps exceeds its share of the mean by
  // more than the one step on which all fall due.
  info->ahead_ms =
      1e3 * ((double)info->macs_worst - info->macs_mean) / (info->macs_mean * info->sample_rate_hz);
  info->bytes = bytes;
  info->period = model->config.every[model->levels - 1];
  return CENOTE_OK;
}

static CenoteStatus copy_notes(const CnWeights *weights, CenoteModel *model)
{
  model->config_json = strdup(weights->config_json);
  model->note = calloc(2 * weights->notes + 1, sizeof *model->note);
  if (!model->config_json || !model->note) return CENOTE_NO_MEMORY;
  for (; model->notes < weights->notes; ++model->notes) {
    char **pair = model->note + 2 * model->notes;
    pair[0] = strdup(weights->note[model->notes].key);
    pair[1] = strdup(weights->note[model->notes].value);
    if (!pair[0] || !pair[1]) {
      free(pair[0]);
      free(pair[1]);
      return CENOTE_NO_MEMORY;
    }
  }
  return CENOTE_OK;
}

static CenoteStatus build(const char *path, const CnWeights *weights, CenotePrecision precision,
                          CenoteModel *model)
{
  char name[256];
  cn_weights_name(weights, path, name, sizeof name);
  model->name = strdup(name);
  if (!model->name) return CENOTE_NO_MEMORY;
  CN_TRY(copy_notes(weights, model));
  const CnConfig *config = &weights->config;
  model->config = *config;
  model->levels = config->levels;
  model->info = (CenoteModelInfo){
      .name = model->name,
      .config_json = model->config_json,
      .kernel = model->kernels->name,
      .precision = cenote_precision_name(precision),
      .stored = weights->stored,
      .encoding = config->encoding,
      .min_max_scaling = config->min_max_scaling,
      .sample_rate_hz = config->sample_rate_hz,
      .levels = config->levels,
      .baseline = config->baseline,
      .parameters = weights->params.floats,
      .hash = weights->hash,
  };
  for (uint32_t code = 0; code < CENOTE_CLASSES; ++code)
    model->sample[code] = (float)cn_decode(config->encoding, (uint8_t)code);
  static const CnForm forms[] = {[CENOTE_F32] = CN_FORM_F32,
                                 [CENOTE_BF16] = CN_FORM_BF16,
                                 [CENOTE_INT8] = CN_FORM_INT8,
                                 [CENOTE_INT4] = CN_FORM_INT4};
  model->brief = precision != CENOTE_F32;
  return pack_all(weights, forms[precision], model);
}

static CenoteStatus refuse_isa(const char *isa, CenoteError *err)
{
  char names[64] = "";
  for (const CnKernels *const *k = cn_kernels_all(); *k; ++k) {
    if (!(*k)->usable()) continue;
    const size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", (*k)->name);
  }
  return cn_fail(err, CENOTE_BAD_ARGUMENT,
                 "CENOTE_ISA is %s, which is none of those that run here: %s", isa, names);
}

CenoteStatus cenote_model_load(const char *path, CenoteModel **out, CenoteError *err)
{
  return cenote_model_load_as(path, CENOTE_AUTO, out, err);
}

CenoteStatus cenote_model_load_as(const char *path, CenotePrecision precision, CenoteModel **out,
                                  CenoteError *err)
{
  *out = NULL;
  const char *isa = getenv("CENOTE_ISA");
  const CnKernels *kernels = cn_kernels_choose(isa && *isa ? isa : NULL);
  if (!kernels) return refuse_isa(isa, err);
  CnWeights weights;
  CN_TRY(cn_weights_load(path, &weights, err));
  CenoteStatus status = CENOTE_NO_MEMORY;
  CenoteModel *model = calloc(1, sizeof *model);
  if (model) {
    model->kernels = kernels;
    status = build(path, &weights, cn_precision_for(&weights, precision), model);
  }
  cn_weights_clear(&weights);
  if (status != CENOTE_OK) {
    cenote_model_free(model);
    return cn_fail(err, status, "%s: %s", path, cenote_strerror(status));
  }
  *out = model;
  return CENOTE_OK;
}

void cenote_model_free(CenoteModel *model)
{
  if (!model) return;
  for (size_t i = 0; i < 2 * model->notes; ++i) free(model->note[i]);
  free(model->note);
  free(model->config_json);
  free(model->name);
  free(model->blocks);
  free(model->pool_matrices);
  free(model->arena);
  free(model);
}
