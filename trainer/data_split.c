// SPDX-License-Identifier: ISC
// Which files are held back, and what plain counting makes of the rest.
#include "data.h"

#include "hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ONE_IN = 10, SILENCE = 128, BACK_OFF = 20 };

static uint64_t hash_name(const char *folder, const char *name)
{
  const size_t length = strlen(folder);
  if (strncmp(name, folder, length) == 0) name += length;
  while (*name == '/') ++name;
  return cn_hash(0, name, strlen(name));
}

/// The last tenth of the only clip; its codes stay where they are.
static void split_clip(Data *data)
{
  DataClip *whole = &data->train.clip[0];
  const size_t tenth = whole->count / ONE_IN > 0 ? whole->count / ONE_IN : 1;
  whole->count -= tenth;
  data->valid.clip[0] = (DataClip){NULL, whole->codes + whole->count, tenth};
  data->valid.clips = 1;
  data->train.count -= tenth;
  data->valid.count = tenth;
  data->split = DATA_TENTH;
}

CenoteStatus data_split(const char *folder, Data *data)
{
  DataSet *train = &data->train;
  data->valid.clip = calloc(train->clips, sizeof *data->valid.clip);
  if (!data->valid.clip) return CENOTE_NO_MEMORY;
  if (train->clips == 1) {
    split_clip(data);
    return CENOTE_OK;
  }
  // The file of the smallest hash is always held back, that of the largest never.
  size_t smallest = 0;
  size_t largest = 0;
  for (size_t i = 1; i < train->clips; ++i) {
    const uint64_t hash = hash_name(folder, train->clip[i].name);
    if (hash < hash_name(folder, train->clip[smallest].name)) smallest = i;
    if (hash >= hash_name(folder, train->clip[largest].name)) largest = i;
  }
  size_t kept = 0;
  for (size_t i = 0; i < train->clips; ++i) {
    const DataClip clip = train->clip[i];
    const bool held = hash_name(folder, clip.name) < UINT64_MAX / ONE_IN;
    if (i == smallest || (held && i != largest)) {
      data->valid.clip[data->valid.clips++] = clip;
      data->valid.count += clip.count;
      train->count -= clip.count;
    } else {
      train->clip[kept++] = clip;
    }
  }
  train->clips = kept;
  data->split = DATA_NAMES;
  return CENOTE_OK;
}

/// Counts of train: [256] after anything, [256][256] after each code.
typedef struct Counts {
  double all;
  double code[CENOTE_CLASSES];
  double before[CENOTE_CLASSES]; ///< how often it stood before another
  double after[CENOTE_CLASSES][CENOTE_CLASSES];
} Counts;

static void count_codes(const DataSet *train, Counts *counts)
{
  for (size_t i = 0; i < train->clips; ++i) {
    uint8_t last = SILENCE;
    for (size_t t = 0; t < train->clip[i].count; ++t) {
      const uint8_t code = train->clip[i].codes[t];
      counts->all += 1.0;
      counts->code[code] += 1.0;
      counts->before[last] += 1.0;
      counts->after[last][code] += 1.0;
      last = code;
    }
  }
}

CenoteStatus data_baselines(const DataSet *train, const DataSet *valid, double *order0,
                            double *order1)
{
  Counts *counts = calloc(1, sizeof *counts);
  if (!counts) return CENOTE_NO_MEMORY;
  count_codes(train, counts);
  double bits0 = 0.0;
  double bits1 = 0.0;
  for (size_t i = 0; i < valid->clips; ++i) {
    uint8_t last = SILENCE;
    for (size_t t = 0; t < valid->clip[i].count; ++t) {
      const uint8_t code = valid->clip[i].codes[t];
      const double p0 = (counts->code[code] + 0.5) / (counts->all + 0.5 * CENOTE_CLASSES);
      const double p1 =
          (counts->after[last][code] + BACK_OFF * p0) / (counts->before[last] + BACK_OFF);
      bits0 -= log2(p0);
      bits1 -= log2(p1);
      last = code;
    }
  }
  free(counts);
  *order0 = bits0 / (double)valid->count;
  *order1 = bits1 / (double)valid->count;
  return CENOTE_OK;
}
