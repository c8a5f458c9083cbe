// SPDX-License-Identifier: ISC
// Reading: libsndfile in pieces, so that only one channel at the model's rate is held. Samples are
// in int16 units; of a 16-bit file they are its very numbers.
#include "clip_list.h"

#include "status.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMES = 4096 }; ///< read at once

typedef struct Samples {
  float *at;
  size_t count;
  size_t room;
} Samples;

/// An open file on its way to samples.
typedef struct Reader {
  const char *path;
  SNDFILE *file;
  SF_INFO info;
  CenoteResampler *resampler; ///< NULL: the file has the model's rate
  float *frames;              ///< [FRAMES][channels]
  float mono[FRAMES];
  Samples samples;
  CenoteError *err;
} Reader;

static bool make_room(Samples *samples, size_t more)
{
  if (samples->room - samples->count >= more) return true;
  const size_t room = 2 * samples->room + more;
  float *grown = realloc(samples->at, room * sizeof *grown);
  if (!grown) return false;
  samples->at = grown;
  samples->room = room;
  return true;
}

/// Take in mono[frames]; `last` gets out what the resampler still holds.
static CenoteStatus append(Reader *reader, uint32_t frames, bool last)
{
  Samples *samples = &reader->samples;
  const float *mono = reader->mono;
  for (;;) {
    if (!make_room(samples, FRAMES))
      return cn_fail(reader->err, CENOTE_NO_MEMORY, "%s: out of memory", reader->path);
    if (!reader->resampler) {
      memcpy(samples->at + samples->count, mono, frames * sizeof *mono);
      samples->count += frames;
      return CENOTE_OK;
    }
    uint32_t used;
    uint32_t made;
    cenote_resampler_process(reader->resampler, mono, frames, &used, samples->at + samples->count,
                             FRAMES, &made, last);
    samples->count += made;
    mono += used;
    frames -= used;
    if (used == 0 && made == 0) return CENOTE_OK;
  }
}

/// The average of each frame's channels, in int16 units.
static CenoteStatus mix(Reader *reader, sf_count_t frames, sf_count_t before)
{
  const int channels = reader->info.channels;
  for (sf_count_t i = 0; i < frames; ++i) {
    float sum = 0.0f;
    for (int c = 0; c < channels; ++c) sum += reader->frames[i * channels + c];
    if (!isfinite(sum))
      return cn_fail(reader->err, CENOTE_FILE_ERROR, "%s: frame %lld is not a finite number",
                     reader->path, (long long)(before + i));
    reader->mono[i] = sum / (float)channels * 32768.0f;
  }
  return CENOTE_OK;
}

static CenoteStatus read_all(Reader *reader)
{
  sf_count_t before = 0;
  for (;;) {
    const sf_count_t frames = sf_readf_float(reader->file, reader->frames, FRAMES);
    if (sf_error(reader->file) != SF_ERR_NO_ERROR)
      return cn_fail(reader->err, CENOTE_FILE_ERROR, "%s: cannot read: %s", reader->path,
                     sf_strerror(reader->file));
    if (frames <= 0) break;
    CenoteStatus status = mix(reader, frames, before);
    if (status == CENOTE_OK) status = append(reader, (uint32_t)frames, false);
    if (status != CENOTE_OK) return status;
    before += frames;
  }
  const CenoteStatus status = append(reader, 0, true);
  if (status == CENOTE_OK && reader->samples.count == 0)
    return cn_fail(reader->err, CENOTE_NOT_FOUND, "%s: no samples in it", reader->path);
  return status;
}

static CenoteStatus open_reader(Reader *reader, uint32_t rate_hz)
{
  struct stat st;
  if (stat(reader->path, &st) != 0 || access(reader->path, R_OK) != 0)
    return cn_fail(reader->err, CENOTE_FILE_ERROR, "%s: cannot open: %s", reader->path,
                   strerror(errno));
  if (S_ISDIR(st.st_mode))
    return cn_fail(reader->err, CENOTE_FILE_ERROR, "%s: this is a folder, want an audio file",
                   reader->path);
  if (!S_ISREG(st.st_mode)) // to open a FIFO would wait for a writer
    return cn_fail(reader->err, CENOTE_FILE_ERROR,
                   "%s: cannot read it as audio: not a regular file", reader->path);
  reader->file = sf_open(reader->path, SFM_READ, &reader->info);
  if (!reader->file)
    return cn_fail(reader->err, CENOTE_NOT_FOUND, "%s: cannot read it as audio: %s", reader->path,
                   sf_strerror(NULL));
  const int rate = reader->info.samplerate;
  if (rate != (int)rate_hz) {
    const CenoteStatus status =
        cenote_resampler_new(rate, rate_hz, CENOTE_BEST, &reader->resampler);
    if (status != CENOTE_OK)
      return cn_fail(reader->err, status, "%s: cannot bring %d Hz to the model's %u Hz: %s",
                     reader->path, rate, rate_hz, cenote_strerror(status));
  }
  reader->frames = malloc((size_t)reader->info.channels * FRAMES * sizeof *reader->frames);
  if (!reader->frames)
    return cn_fail(reader->err, CENOTE_NO_MEMORY, "%s: out of memory", reader->path);
  return CENOTE_OK;
}

CenoteStatus clip_samples(const char *path, uint32_t rate_hz, const ClipRaw *raw, float **samples,
                          size_t *count, CenoteError *err)
{
  *samples = NULL;
  *count = 0;
  Reader *reader = calloc(1, sizeof *reader);
  if (!reader) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  reader->path = path;
  reader->err = err;
  if (raw && clip_is_raw(path))
    reader->info = (SF_INFO){.samplerate = (int)raw->rate_hz,
                             .channels = (int)raw->channels,
                             .format = SF_FORMAT_RAW | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE};
  CenoteStatus status = open_reader(reader, rate_hz);
  if (status == CENOTE_OK) status = read_all(reader);
  if (status == CENOTE_OK) {
    *samples = reader->samples.at;
    *count = reader->samples.count;
  } else {
    free(reader->samples.at);
  }
  if (reader->file) sf_close(reader->file);
  cenote_resampler_free(reader->resampler);
  free(reader->frames);
  free(reader);
  return status;
}
