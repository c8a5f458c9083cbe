// SPDX-License-Identifier: ISC
// How much goes at once: clips are taken together until the deep levels, which have few rows, are
// worth their weights; then everything is planned, and taken as one block.
#define _DEFAULT_SOURCE // madvise
#include "memory.h"

#include "alloc.h"
#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
  GROUP_ROWS = 16384, ///< of the first level, at once
  HUGE_PAGE = 2 << 20
};

typedef struct Plan {
  char *block; ///< NULL: only counted
  size_t bytes;
} Plan;

static void *take(Plan *plan, size_t count, size_t size)
{
  const size_t at = plan->bytes;
  plan->bytes += (count * size + CN_ALIGN - 1) / CN_ALIGN * CN_ALIGN;
  return plan->block ? plan->block + at : NULL;
}

static real *reals(Plan *plan, size_t count)
{
  return take(plan, count, sizeof(real));
}

static size_t most(size_t a, size_t b)
{
  return a > b ? a : b;
}

/// What a block keeps, for `rows` rows.
static Kept take_kept(Plan *plan, const BlockAt *block, size_t rows)
{
  Kept kept = {0};
  if (block->norm.kind != CN_NORM_NONE) kept.stats = reals(plan, 2 * rows);
  if (block->gate.rows > 0) kept.gate = reals(plan, rows * block->inner);
  kept.value = reals(plan, rows * block->inner);
  if (block->conv.taps > 0 && block->entry != CN_CONV) kept.conv = reals(plan, rows * block->width);
  kept.u = reals(plan, rows * block->recur.hidden);
  kept.h = reals(plan, rows * block->recur.hidden);
  return kept;
}

static size_t kept_bytes(const BlockAt *block, size_t rows)
{
  Plan plan = {0};
  take_kept(&plan, block, rows);
  return plan.bytes;
}

/// Sizes of Scratch's parts, each the largest that some layer needs.
typedef struct Needs {
  size_t width, inner, rows, before, column, ext, units, hidden, unit_row, pooled, turned, operand;
} Needs;

static void block_needs(const BlockAt *block, const Cut *cut, Needs *needs)
{
  const size_t rows = cut->most_rows;
  const RecurAt *recur = &block->recur;
  const ConvAt *conv = &block->conv;
  needs->width = most(needs->width, rows * block->width);
  needs->inner = most(needs->inner, rows * block->inner);
  needs->units = most(needs->units, rows * recur->units);
  needs->hidden = most(needs->hidden, rows * recur->hidden);
  needs->unit_row = most(needs->unit_row, recur->units);
  if (conv->taps == 0) return;
  const size_t window = conv->taps - 1;
  const size_t cols = (size_t)conv->each * conv->taps;
  needs->rows = most(needs->rows, window);
  needs->before = most(needs->before, cut->together * window * block->width);
  needs->column = most(needs->column, (rows + window) * cols);
  needs->ext = most(needs->ext, (rows + window) * block->width);
}

static Needs all_needs(const Trainer *trainer)
{
  const Layers *layers = &trainer->layers;
  Needs needs = {0};
  size_t wide = CENOTE_CLASSES;
  for (uint32_t p = 0; p < trainer->pass.phases; ++p) {
    const Phase *phase = &trainer->pass.phase[p];
    const Cut *cut = &trainer->pass.cut[phase->level];
    const size_t rows = cut->most_rows;
    needs.rows = most(needs.rows, rows);
    needs.width = most(needs.width, rows * layers->config.width[phase->level]);
    for (uint32_t j = 0; j < phase->stack.blocks; ++j)
      block_needs(&phase->stack.block[j], cut, &needs);
    if (phase->level + 1 == layers->levels) continue;
    const PoolAt *pool = &layers->pool[phase->level];
    const size_t below = (size_t)trainer->pass.cut[phase->level + 1].most_rows * pool->factor;
    needs.turned = most(needs.turned, (size_t)pool->factor * pool->wide);
    needs.pooled = most(needs.pooled, (rows + below + 2 * pool->factor) * pool->width);
  }
  // The two sides of a product, a row more than there are, and rows rounded up.
  wide = most(wide * needs.rows, most(needs.inner, most(needs.hidden, needs.width)));
  needs.operand = most(wide, most(needs.column, most(needs.pooled, needs.ext)));
  needs.operand += needs.operand / 2 + 64 * (needs.rows + 2 * CN_MAX_POOL);
  return needs;
}

static void take_scratch(const Trainer *trainer, Plan *plan, Scratch *scratch)
{
  const Layers *layers = &trainer->layers;
  const Needs needs = all_needs(trainer);
  real **const by_width[] = {&scratch->normed, &scratch->second, &scratch->dn, &scratch->dmid,
                             &scratch->dy};
  real **const by_inner[] = {&scratch->z, &scratch->dz, &scratch->dgate};
  for (size_t i = 0; i < sizeof by_width / sizeof *by_width; ++i)
    *by_width[i] = reals(plan, needs.width);
  for (size_t i = 0; i < sizeof by_inner / sizeof *by_inner; ++i)
    *by_inner[i] = reals(plan, needs.inner);
  scratch->stats = reals(plan, 2 * needs.rows);
  scratch->before = reals(plan, needs.before);
  scratch->column = reals(plan, needs.column);
  scratch->dcolumn = reals(plan, needs.column);
  scratch->ext = reals(plan, needs.ext);
  scratch->lx = reals(plan, needs.units);
  scratch->la = reals(plan, needs.units);
  scratch->dh = reals(plan, needs.hidden);
  scratch->du = reals(plan, needs.hidden);
  scratch->sums = reals(plan, 3 * needs.unit_row);
  scratch->logits = reals(plan, needs.rows * CENOTE_CLASSES);
  scratch->pooled = reals(plan, needs.pooled);
  scratch->turned = reals(plan, needs.turned);
  for (int i = 0; i < 4; ++i)
    scratch->room[i] = reals(plan, layers->ops->bfloat16 ? needs.operand : 0);
}

/// What blocks keep and what crosses borders; for those worked out twice, each worker's one item.
static void take_blocks(Trainer *trainer, Plan *plan, const bool *twice)
{
  Pass *pass = &trainer->pass;
  for (uint32_t p = 0; p < pass->phases; ++p) {
    const Phase *phase = &pass->phase[p];
    const Cut *cut = &pass->cut[phase->level];
    const size_t rows = (size_t)trainer->clips * cut->length;
    const size_t borders = (size_t)trainer->clips * (cut->most_parts + 1);
    for (uint32_t j = 0; j < phase->stack.blocks; ++j) {
      const BlockAt *block = &phase->stack.block[j];
      const size_t b = (size_t)(block - trainer->layers.block);
      const size_t window = block->conv.taps > 0 ? block->conv.taps - 1 : 0;
      pass->kept[b] = twice[b] ? (Kept){0} : take_kept(plan, block, rows);
      pass->border[b].state = reals(plan, borders * block->recur.hidden);
      pass->border[b].back = reals(plan, borders * block->recur.hidden);
      pass->border[b].halo = reals(plan, borders * window * block->width);
    }
  }
}

/// The largest item of all blocks worked out twice, in each of its parts.
static void take_again(const Trainer *trainer, Plan *plan, const bool *twice, Kept *again)
{
  size_t inner = 0;
  size_t width = 0;
  size_t hidden = 0;
  for (uint32_t p = 0; p < trainer->pass.phases; ++p) {
    const Phase *phase = &trainer->pass.phase[p];
    const size_t rows = trainer->pass.cut[phase->level].most_rows;
    for (uint32_t j = 0; j < phase->stack.blocks; ++j) {
      const BlockAt *block = &phase->stack.block[j];
      if (!twice[block - trainer->layers.block]) continue;
      inner = most(inner, rows * block->inner);
      width = most(width, rows * block->width);
      hidden = most(hidden, rows * block->recur.hidden);
    }
  }
  again->stats = reals(plan, 2 * width); // as many as rows at least
  again->gate = reals(plan, inner);
  again->value = reals(plan, inner);
  again->conv = reals(plan, width);
  again->u = reals(plan, hidden);
  again->h = reals(plan, hidden);
}

static void take_rows(Trainer *trainer, Plan *plan)
{
  Pass *pass = &trainer->pass;
  const CnConfig *config = &trainer->layers.config;
  for (uint32_t p = 0; p < pass->phases; ++p) {
    Phase *phase = &pass->phase[p];
    const size_t rows = (size_t)trainer->clips * pass->cut[phase->level].length;
    for (uint32_t j = 0; j <= phase->stack.blocks; ++j) {
      real *x = reals(plan, rows * config->width[phase->level]);
      if (phase->x) phase->x[j] = x;
    }
  }
  for (uint32_t i = 0; i < config->levels && !trainer->listens; ++i)
    pass->grad[i] = reals(plan, (size_t)trainer->clips * pass->cut[i].length * config->width[i]);
}

/// What training has and listening borrows.
static void take_state(Trainer *trainer, Plan *plan)
{
  const size_t count = trainer->layers.params.floats;
  const TrainerOptions *options = &trainer->options;
  trainer->weights = reals(plan, count);
  trainer->m = reals(plan, count);
  trainer->v = reals(plan, count);
  trainer->ema = reals(plan, count);
  trainer->packed = reals(plan, trainer->layers.packed);
  trainer->sine = reals(plan, (size_t)CENOTE_CLASSES * trainer->layers.config.base_dim);
  for (int i = 0; options->carry && i < 2; ++i)
    trainer->carried[i] = reals(plan, options->batch * trainer->pass.carried);
  trainer->squares = take(plan, options->threads, sizeof(double));
  for (uint32_t i = 0; i < options->threads; ++i) trainer->worker[i].grad = reals(plan, count);
}

/// Everything; returns the bytes.
static size_t take_all(Trainer *trainer, char *block, const bool *twice)
{
  Plan plan = {block, 0};
  Pass *pass = &trainer->pass;
  const size_t rows = (size_t)trainer->clips * trainer->length;
  if (!trainer->listens) take_state(trainer, &plan);
  for (int i = 0; i < 2; ++i) trainer->sounding[i] = reals(&plan, pass->carried);
  trainer->before = take(&plan, trainer->options.batch, 1);
  trainer->codes = take(&plan, rows, 1);
  trainer->count = take(&plan, rows, sizeof(bool));
  pass->nats = take(&plan, pass->items, sizeof(double));
  pass->progress = take(&plan, 2 * (size_t)pass->phases * pass->items, sizeof *pass->progress);
  take_rows(trainer, &plan);
  take_blocks(trainer, &plan, twice);
  for (uint32_t i = 0; i < trainer->options.threads; ++i) {
    Scratch *scratch = &trainer->worker[i].scratch;
    take_scratch(trainer, &plan, scratch);
    take_again(trainer, &plan, twice, &scratch->again);
  }
  return plan.bytes + OPS_SLACK * sizeof(real);
}

/// The block that keeps most and is not yet worked out twice; `blocks` when all are.
static uint32_t heaviest(const Trainer *trainer, const bool *twice)
{
  uint32_t found = trainer->layers.blocks;
  size_t bytes = 0;
  for (uint32_t p = 0; p < trainer->pass.phases; ++p) {
    const Phase *phase = &trainer->pass.phase[p];
    const size_t rows = (size_t)trainer->clips * trainer->pass.cut[phase->level].length;
    for (uint32_t j = 0; j < phase->stack.blocks; ++j) {
      const uint32_t b = (uint32_t)(phase->stack.block + j - trainer->layers.block);
      const size_t size = kept_bytes(&phase->stack.block[j], rows);
      if (twice[b] || size <= bytes) continue;
      bytes = size;
      found = b;
    }
  }
  return found;
}

/// Fewer clips at once, then more work, until it fits.
static CenoteStatus fit(Trainer *trainer, const char *name, CenoteError *err)
{
  TrainerPlan *plan = &trainer->plan;
  const uint64_t limit = trainer->options.memory_bytes;
  uint32_t clips = (uint32_t)most(1, GROUP_ROWS / trainer->length);
  if (clips > trainer->options.batch) clips = trainer->options.batch;
  for (;; clips = lay_parts(clips, 2)) {
    trainer->clips = clips;
    lay_out(trainer);
    plan->bytes = take_all(trainer, NULL, trainer->twice);
    if (limit == 0 || plan->bytes <= limit || clips == 1) break;
  }
  while (limit > 0 && plan->bytes > limit) {
    const uint32_t block = heaviest(trainer, trainer->twice);
    if (block == trainer->layers.blocks)
      return cn_fail(err, CENOTE_NO_MEMORY, "%s: training needs at least %" PRIu64 " MiB", name,
                     (plan->bytes >> 20) + 1);
    trainer->twice[block] = true;
    ++plan->recomputed;
    plan->bytes = take_all(trainer, NULL, trainer->twice);
  }
  plan->clips_at_once = trainer->clips;
  return CENOTE_OK;
}

static CenoteStatus check(const Trainer *trainer, const char *name, CenoteError *err)
{
  const TrainerOptions *options = &trainer->options;
  const CnConfig *config = &trainer->layers.config;
  const uint32_t period = config->every[config->levels - 1];
  if (options->batch < 1 || options->length < 1 || options->threads < 1)
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: batch, length and threads must be 1 or more",
                   name);
  if (options->length > UINT32_C(1) << 28)
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: length is above 2^28", name);
  if (options->carry && options->length % period != 0)
    return cn_fail(err, CENOTE_BAD_ARGUMENT,
                   "%s: to carry, the length must be a multiple of %" PRIu32, name, period);
  return CENOTE_OK;
}

CenoteStatus memory_plan(Trainer *trainer, const char *name, const CnConfig *config,
                         const TrainerOptions *options, CenoteError *err)
{
  trainer->options = *options;
  CN_TRY(layers_init(&trainer->layers, name, config, ops_choose(options->bfloat16), err));
  CN_TRY(check(trainer, name, err));
  const Layers *layers = &trainer->layers;
  Pass *pass = &trainer->pass;
  const uint32_t period = config->every[config->levels - 1];
  trainer->length = lay_parts(options->length, period) * period;
  trainer->plan.weights = layers->params.floats;
  trainer->plan.blocks = layers->blocks;
  trainer->worker = calloc(options->threads, sizeof *trainer->worker);
  trainer->twice = calloc(layers->blocks + 1, sizeof *trainer->twice);
  trainer->rows = calloc(2 * (size_t)layers->blocks + MOST_PHASES, sizeof *trainer->rows);
  pass->kept = calloc(layers->blocks + 1, sizeof *pass->kept);
  pass->border = calloc(layers->blocks + 1, sizeof *pass->border);
  pass->block_carried = calloc(layers->blocks + 1, sizeof *pass->block_carried);
  if (!trainer->worker || !trainer->twice || !trainer->rows || !pass->kept || !pass->border ||
      !pass->block_carried)
    return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", name);
  pass->layers = layers;
  // Who listens keeps nothing: what each block leaves is at once written over by the next.
  for (uint32_t b = 0; b < layers->blocks; ++b) trainer->twice[b] = trainer->listens;
  return fit(trainer, name, err);
}

CenoteStatus memory_take(Trainer *trainer, const char *name, CenoteError *err)
{
  const size_t bytes = (trainer->plan.bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  trainer->memory = aligned_alloc(HUGE_PAGE, bytes);
  if (!trainer->memory)
    return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory: training needs %" PRIu64 " MiB", name,
                   trainer->plan.bytes >> 20);
  madvise(trainer->memory, bytes, MADV_HUGEPAGE); // fewer misses; without, it is only slower
  real **x = trainer->rows;
  for (uint32_t p = 0; p < trainer->pass.phases; ++p) {
    trainer->pass.phase[p].x = x;
    x += trainer->pass.phase[p].stack.blocks + 1;
  }
  take_all(trainer, trainer->memory, trainer->twice);
  return CENOTE_OK;
}

void memory_rewind(Trainer *trainer)
{
  const Pass *pass = &trainer->pass;
  const size_t flags = 2 * (size_t)pass->phases * pass->items;
  for (size_t i = 0; i < flags; ++i)
    atomic_store_explicit(&pass->progress[i], 0, memory_order_relaxed);
}

void memory_free(Trainer *trainer)
{
  free(trainer->memory);
  free(trainer->pass.block_carried);
  free(trainer->pass.border);
  free(trainer->pass.kept);
  free(trainer->rows);
  free(trainer->twice);
  free(trainer->worker);
  layers_clear(&trainer->layers);
}
