// SPDX-License-Identifier: ISC
#include "kit.h"

#include <stdlib.h>
#include <string.h>

/// Steps that the resampler has read when it gives its first frame, counted by trying.
static uint32_t look_of(CenoteResampler *resampler)
{
  uint32_t look = 0;
  float frame[64];
  for (uint32_t made = 0; made == 0 && look < STREAM_ROOM / 4; ++look) {
    const float zero = 0.0f;
    uint32_t used;
    cenote_resampler_process(resampler, &zero, 1, &used, frame, 64, &made, false);
  }
  cenote_resampler_reset(resampler);
  return look;
}

static Stream *stream_new(const CenoteModel *model, double model_hz, double rate_hz)
{
  Stream *stream = calloc(1, sizeof *stream);
  if (!stream) return NULL;
  stream->pace = model_hz / rate_hz;
  stream->speed = 1.0;
  ramp_set(&stream->cross, 1.0f);
  ramp_set(&stream->envelope, 1.0f);
  ramp_set(&stream->run, 1.0f);
  ramp_set(&stream->gain, 1.0f);
  for (int c = 0; c < ENGINE_CHANNELS; ++c) ramp_set(&stream->pan[c], 1.0f);
  CenoteStatus status = cenote_voice_new(model, &stream->voice);
  if (status == CENOTE_OK)
    status = cenote_resampler_new(model_hz, rate_hz, CENOTE_LIVE, &stream->own);
  if (status == CENOTE_OK) {
    stream->least_look = look_of(stream->own);
    stream_begin(stream, 1.0);
    return stream;
  }
  cenote_voice_free(stream->voice);
  free(stream);
  return NULL;
}

Kit *kit_new(const CenoteModel *model, double rate_hz, size_t past_bytes)
{
  const CenoteModelInfo *info = cenote_model_info(model);
  const double model_hz = info->sample_rate_hz;
  Kit *kit = calloc(1, sizeof *kit);
  if (!kit) return NULL;
  kit->hash = info->hash;
  kit->state_bytes = info->state_bytes;
  kit->levels = info->levels;
  kit->past_every = (uint32_t)(rate_hz / 4.0);
  kit->past_room = (uint32_t)(past_bytes / info->state_bytes);
  kit->stream[0] = stream_new(model, model_hz, rate_hz);
  kit->stream[1] = stream_new(model, model_hz, rate_hz);
  bool good = kit->stream[0] && kit->stream[1];
  if (good && model_hz != rate_hz)
    good = cenote_resampler_new(rate_hz, model_hz, CENOTE_LIVE, &kit->ear) == CENOTE_OK;
  if (good && kit->past_room > 0) {
    kit->past = malloc(kit->past_room * kit->state_bytes);
    kit->past_frame = malloc(kit->past_room * sizeof *kit->past_frame);
    good = kit->past && kit->past_frame;
    // In the working set from now on: audio time must meet no new page.
    if (good) memset(kit->past, 0, kit->past_room * kit->state_bytes);
  }
  if (good) return kit;
  kit_free(kit);
  return NULL;
}

void kit_free(Kit *kit)
{
  if (!kit) return;
  for (int i = 0; i < 2; ++i) {
    Stream *stream = kit->stream[i];
    if (!stream) continue;
    for (uint32_t k = 0; k < stream->laters; ++k)
      if (!stream->later[k].done && stream->later[k].command.kind == COMMAND_SAVE)
        free(stream->later[k].command.object);
    for (uint32_t k = 0; k < stream->saves; ++k) free(stream->save[k].object);
    cenote_voice_free(kit->stream[i]->voice);
    cenote_resampler_free(kit->stream[i]->own);
    free(kit->stream[i]);
  }
  cenote_resampler_free(kit->ear);
  free(kit->past);
  free(kit->past_frame);
  free(kit);
}

Moment *moment_new(size_t room)
{
  const size_t size = (sizeof(Moment) + room + 63) / 64 * 64;
  Moment *moment = aligned_alloc(64, size);
  if (!moment) return NULL;
  memset(moment, 0, size);
  moment->room = room;
  return moment;
}
