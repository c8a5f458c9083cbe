// SPDX-License-Identifier: ISC
// Where the time of a step goes. A probe hears after each part of the step which part it was; the
// time since the last one is that part's. Of each phase of the pooling period the fastest repeat
// counts, part by part: what else the machine does meanwhile is left out.
#include "rt/fpu.h"
#include "rt/rt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LAYERS = CENOTE_LAYER_SAMPLE + 1, PARTS = CN_MAX_LEVELS * LAYERS, CLOCK_TRIES = 1000 };

_Static_assert((int)CENOTE_LAYER_RGLRU == (int)CN_RGLRU && (int)CENOTE_LAYER_LRU == (int)CN_LRU &&
                   (int)CENOTE_LAYER_CONV == (int)CN_CONV && (int)CENOTE_LAYER_MLP == (int)CN_MLP,
               "a block's entry is its layer");

typedef struct Profile {
  CnProbe probe;   ///< first, for that is what the step knows of it
  double clock_us; ///< what a mark takes itself
  double last_us;
  double part_us[PARTS]; ///< of this step, [level][layer]
  float *least_us;       ///< [period][PARTS]
  CenoteVoice *voice[CN_BATCH];
  float sample[CN_BATCH];
  float *out[CN_BATCH];
  uint32_t voices;
} Profile;

const char *cenote_layer_name(CenoteLayer layer)
{
  static const char *const names[LAYERS] = {"rglru", "lru",        "conv",    "mlp",
                                            "pools", "input+head", "sampling"};
  return (unsigned)layer < LAYERS ? names[layer] : "unknown layer";
}

static double now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static void mark(CnProbe *probe, uint32_t level, CenoteLayer layer)
{
  Profile *profile = (Profile *)probe;
  const double now = now_us();
  const double took = now - profile->last_us - profile->clock_us;
  profile->part_us[level * LAYERS + layer] += took > 0.0 ? took : 0.0;
  profile->last_us = now;
}

/// The least time between two readings of the clock.
static double time_clock(void)
{
  double least = (double)INFINITY;
  for (int i = 0; i < CLOCK_TRIES; ++i) {
    const double before = now_us();
    const double took = now_us() - before;
    if (took < least) least = took;
  }
  return least;
}

static void turn(Profile *profile)
{
  const uint64_t mode = cn_fpu_enter();
  memset(profile->part_us, 0, sizeof profile->part_us);
  profile->last_us = now_us();
  cn_turn(profile->voice, profile->voices, profile->out, 0, &profile->probe);
  cn_fpu_leave(mode);
}

static void measure(Profile *profile, uint32_t period, uint64_t steps)
{
  for (uint32_t i = 0; i < period; ++i) turn(profile);
  for (size_t i = 0; i < (size_t)period * PARTS; ++i) profile->least_us[i] = INFINITY;
  for (uint64_t i = 0; i < steps; ++i) {
    float *least = profile->least_us + (size_t)(i % period) * PARTS;
    turn(profile);
    for (uint32_t k = 0; k < PARTS; ++k)
      if ((float)profile->part_us[k] < least[k]) least[k] = (float)profile->part_us[k];
  }
}

/// Add a part that runs once in `every` steps to its row of [PARTS].
static void add(CenoteLayerTime *part, uint32_t level, CenoteLayer layer, const CnCost *cost,
                uint32_t every)
{
  CenoteLayerTime *row = part + level * LAYERS + layer;
  ++row->blocks;
  row->bytes += (double)cost->bytes / every;
  row->macs += (double)cost->macs / every;
}

/// What the parts take, whatever the time.
static void count_parts(const CenoteModel *model, CenoteLayerTime *part)
{
  const CnCost none = {0, 0};
  for (uint32_t i = 0; i < model->levels; ++i) {
    const CnLevel *level = &model->level[i];
    const uint32_t every = model->config.every[i];
    for (uint32_t j = 0; j < level->downs; ++j)
      add(part, i, (CenoteLayer)level->down[j].entry, &level->down[j].cost, every);
    for (uint32_t j = 0; j < level->ups; ++j)
      add(part, i, (CenoteLayer)level->up[j].entry, &level->up[j].cost, every);
    if (i + 1 < model->levels) add(part, i, CENOTE_LAYER_POOL, &level->pool.cost, every);
  }
  add(part, 0, CENOTE_LAYER_ENDS, &model->ends, 1);
  add(part, 0, CENOTE_LAYER_SAMPLE, &none, 1);
}

/// The rows that the model has, level by level, at the front of part[PARTS].
static size_t gather(const Profile *profile, const CenoteModel *model, uint64_t steps,
                     CenoteLayerTime *part)
{
  const uint64_t phases = steps < model->info.period ? steps : model->info.period;
  size_t count = 0;
  count_parts(model, part);
  for (uint32_t k = 0; k < PARTS; ++k) {
    if (part[k].blocks == 0) continue;
    CenoteLayerTime row = part[k];
    row.level = k / LAYERS;
    row.layer = (CenoteLayer)(k % LAYERS);
    for (uint64_t phase = 0; phase < phases; ++phase)
      row.us += (double)profile->least_us[phase * PARTS + k] / (double)phases;
    part[count++] = row;
  }
  return count;
}

static CenoteStatus start(Profile *profile, const CenoteModel *model, uint32_t voices)
{
  *profile = (Profile){.probe = {mark}, .clock_us = time_clock()};
  profile->least_us = malloc((size_t)model->info.period * PARTS * sizeof *profile->least_us);
  if (!profile->least_us) return CENOTE_NO_MEMORY;
  for (; profile->voices < voices; ++profile->voices) {
    CenoteVoice **voice = &profile->voice[profile->voices];
    const CenoteStatus status = cenote_voice_new(model, voice);
    if (status != CENOTE_OK) return status;
    cenote_voice_set_seed(*voice, profile->voices);
    profile->out[profile->voices] = &profile->sample[profile->voices];
  }
  return CENOTE_OK;
}

CenoteStatus cenote_model_profile(const CenoteModel *model, uint32_t voices, uint64_t steps,
                                  CenoteLayerTime **out, size_t *count)
{
  *out = NULL;
  *count = 0;
  if (voices < 1 || voices > CN_BATCH || steps < 1) return CENOTE_BAD_ARGUMENT;
  Profile profile;
  CenoteStatus status = start(&profile, model, voices);
  CenoteLayerTime *part = status == CENOTE_OK ? calloc(PARTS, sizeof *part) : NULL;
  if (part) {
    measure(&profile, model->info.period, steps);
    *count = gather(&profile, model, steps, part);
    *out = part;
  } else if (status == CENOTE_OK) {
    status = CENOTE_NO_MEMORY;
  }
  for (uint32_t v = 0; v < profile.voices; ++v) cenote_voice_free(profile.voice[v]);
  free(profile.least_us);
  return status;
}
