// SPDX-License-Identifier: ISC
// Reading a folder into codes.
#include "data.h"

#include "hash.h"
#include "status.h"
#include "try.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/// A folder on its way into memory.
typedef struct Loader {
  const DataOptions *options;
  Data *data;
  size_t done;
  size_t files;
  CenoteError *err;
} Loader;

static void clear_set(DataSet *set)
{
  for (size_t i = 0; i < set->clips; ++i) {
    if (set->clip[i].name) free(set->clip[i].codes);
    free(set->clip[i].name);
  }
  free(set->clip);
  *set = (DataSet){0};
}

void data_clear(Data *data)
{
  clear_set(&data->valid); // it may hold parts of train
  clear_set(&data->train);
  *data = (Data){0};
}

/// What is louder than trim_db below the peak, and 10 ms around it.
static void trim(const DataOptions *options, float **samples, size_t *count)
{
  float peak = 0.0f;
  for (size_t i = 0; i < *count; ++i) peak = fmaxf(peak, fabsf((*samples)[i]));
  const float quiet = peak * (float)pow(10.0, -options->trim_db / 20.0);
  const size_t margin = options->config->sample_rate_hz / 100;
  size_t first = 0;
  size_t last = *count;
  while (first < last && fabsf((*samples)[first]) <= quiet) ++first;
  while (last > first && fabsf((*samples)[last - 1]) <= quiet) --last;
  first = first > margin ? first - margin : 0;
  last = *count - last > margin ? last + margin : *count;
  *samples += first;
  *count = last - first;
}

static bool constant(const float *samples, size_t count)
{
  for (size_t i = 1; i < count; ++i)
    if (samples[i] < samples[0] || samples[i] > samples[0]) return false;
  return true;
}

/// One file as codes; its message names it.
static CenoteStatus load_clip(const DataOptions *options, const char *path, DataClip *out,
                              CenoteError *err)
{
  float *samples;
  size_t count;
  const ClipRaw *raw = options->raw.rate_hz > 0 ? &options->raw : NULL;
  CN_TRY(clip_samples(path, options->config->sample_rate_hz, raw, &samples, &count, err));
  CenoteStatus status = CENOTE_OK;
  float *used = samples;
  if (count < 2) status = cn_fail(err, CENOTE_NOT_FOUND, "%s: a single sample", path);
  else if (constant(samples, count)) status = cn_fail(err, CENOTE_NOT_FOUND, "%s: silent", path);
  if (status == CENOTE_OK) {
    if (options->trim_db > 0.0) trim(options, &used, &count);
    *out = (DataClip){strdup(path), malloc(count), count};
    if (out->name && out->codes) {
      cn_encode_clip(options->config, used, count, out->codes);
    } else {
      free(out->name);
      free(out->codes);
      status = cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
    }
  }
  free(samples);
  return status;
}

static CenoteStatus load_list(Loader *loader, const ClipList *list, DataSet *set)
{
  const DataOptions *options = loader->options;
  set->clip = calloc(list->count + 1, sizeof *set->clip);
  if (!set->clip) return cn_fail(loader->err, CENOTE_NO_MEMORY, "out of memory");
  for (size_t i = 0; i < list->count; ++i) {
    CenoteError why;
    DataClip *clip = &set->clip[set->clips];
    if (options->progress) options->progress(options->arg, loader->done++, loader->files);
    const CenoteStatus status = load_clip(options, list->clip[i].path, clip, &why);
    if (status == CENOTE_OK) {
      set->count += clip->count;
      ++set->clips;
    } else if (status == CENOTE_NO_MEMORY || options->strict) {
      return cn_fail(loader->err, status, "%s", why.text);
    } else {
      ++loader->data->skipped;
      if (options->skip) options->skip(options->arg, why.text);
    }
  }
  return CENOTE_OK;
}

/// PATH/name, if that is a folder; free() it.
static char *folder_in(const char *path, const char *name)
{
  struct stat st;
  const size_t size = strlen(path) + strlen(name) + 2;
  char *full = malloc(size);
  if (full) snprintf(full, size, "%s/%s", path, name);
  if (full && stat(full, &st) == 0 && S_ISDIR(st.st_mode)) return full;
  free(full);
  return NULL;
}

static CenoteStatus load_folders(Loader *loader, const char *train, const char *valid)
{
  Data *data = loader->data;
  const ClipList empty = {.raw = loader->options->raw.rate_hz > 0, .own = loader->options->own};
  ClipList list[2] = {empty, empty};
  CenoteStatus status = clip_list_add(&list[0], train, loader->err);
  if (status == CENOTE_OK && valid) status = clip_list_add(&list[1], valid, loader->err);
  loader->files = list[0].count + list[1].count;
  if (status == CENOTE_OK) status = load_list(loader, &list[0], &data->train);
  if (status == CENOTE_OK && valid) status = load_list(loader, &list[1], &data->valid);
  clip_list_clear(&list[0]);
  clip_list_clear(&list[1]);
  if (status == CENOTE_OK && data->train.clips == 0)
    status = cn_fail(loader->err, CENOTE_NOT_FOUND, "%s: none of its files can be used", train);
  if (status == CENOTE_OK && valid && data->valid.clips == 0)
    status = cn_fail(loader->err, CENOTE_NOT_FOUND, "%s: none of its files can be used", valid);
  if (status == CENOTE_OK && !valid && data_split(train, data) != CENOTE_OK)
    status = cn_fail(loader->err, CENOTE_NO_MEMORY, "%s: out of memory", train);
  return status;
}

/// Sound of one code teaches nothing.
static CenoteStatus check_train(const char *path, const DataSet *train, CenoteError *err)
{
  const uint8_t first = train->clip[0].codes[0];
  for (size_t i = 0; i < train->clips; ++i)
    for (size_t t = 0; t < train->clip[i].count; ++t)
      if (train->clip[i].codes[t] != first) return CENOTE_OK;
  return cn_fail(err, CENOTE_NOT_FOUND,
                 "%s: too quiet, every sample has code %u: there is nothing to learn", path, first);
}

static uint64_t hash_set(uint64_t hash, const DataSet *set)
{
  for (size_t i = 0; i < set->clips; ++i)
    hash = cn_hash(hash, set->clip[i].codes, set->clip[i].count);
  return hash;
}

CenoteStatus data_load(const char *path, const DataOptions *options, Data *out, CenoteError *err)
{
  *out = (Data){0};
  Loader loader = {.options = options, .data = out, .err = err};
  char *train = folder_in(path, "train");
  char *valid = train ? folder_in(path, "valid") : NULL;
  CenoteStatus status = load_folders(&loader, train ? train : path, valid);
  if (status == CENOTE_OK) status = check_train(path, &out->train, err);
  free(train);
  free(valid);
  if (status != CENOTE_OK) {
    data_clear(out);
    return status;
  }
  out->fingerprint = hash_set(hash_set(0, &out->train), &out->valid);
  return CENOTE_OK;
}
