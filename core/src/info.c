// SPDX-License-Identifier: ISC
// What a loaded model says of itself, and the codes it reads.
#include "config.h"
#include "rt/codec.h"
#include "rt/rt.h"

bool cenote_model_level(const CenoteModel *model, uint32_t level, CenoteLevelInfo *out)
{
  if (level >= model->levels) return false;
  *out = (CenoteLevelInfo){
      .width = model->config.width[level],
      .hidden = model->config.hidden[level],
      .every = model->config.every[level],
      .blocks = model->level[level].downs + model->level[level].ups,
      .macs = model->level[level].macs,
  };
  return true;
}

bool cenote_model_note(const CenoteModel *model, size_t index, const char **key, const char **value)
{
  if (index >= model->notes) return false;
  *key = model->note[2 * index];
  *value = model->note[2 * index + 1];
  return true;
}

const float *cenote_model_samples(const CenoteModel *model)
{
  return model->sample;
}

void cn_encode_clip(const CnConfig *config, const float *samples, size_t count, uint8_t *codes)
{
  double low = count > 0 ? (double)samples[0] : 0.0;
  double high = low;
  for (size_t i = 1; config->min_max_scaling && i < count; ++i) {
    if ((double)samples[i] < low) low = (double)samples[i];
    if ((double)samples[i] > high) high = (double)samples[i];
  }
  for (size_t i = 0; i < count; ++i) {
    const double s = (double)samples[i];
    const double y =
        config->min_max_scaling ? -1.0 + 2.0 * (s - low) / (high - low + 1e-6) : s / 32768.0;
    codes[i] = cn_encode(config->encoding, y);
  }
}

void cenote_model_encode(const CenoteModel *model, const float *samples, size_t count,
                         uint8_t *codes)
{
  cn_encode_clip(&model->config, samples, count, codes);
}
