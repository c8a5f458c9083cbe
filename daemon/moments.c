// SPDX-License-Identifier: ISC
#include "moments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_MOST = 64 << 20, PRIME_FRAMES = 4096 };

static CenoteStatus refuse(CenoteError *err, CenoteStatus status, const char *path, const char *why)
{
  snprintf(err->text, sizeof err->text, "%.500s: %.500s", path, why);
  return status;
}

CenoteStatus moment_read(const char *path, const CenoteModel *model, Moment **out, CenoteError *err)
{
  struct stat info;
  *out = NULL;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return refuse(err, CENOTE_FILE_ERROR, path, strerror(errno));
  CenoteStatus status = CENOTE_OK;
  Moment *moment = NULL;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    status = refuse(err, CENOTE_FILE_ERROR, path, "not a plain file");
  else if (info.st_size < 64 || info.st_size > STATE_MOST)
    status = refuse(err, CENOTE_BAD_STATE, path, "not a saved state");
  else if ((moment = moment_new((size_t)info.st_size)) == NULL)
    status = refuse(err, CENOTE_NO_MEMORY, path, "out of memory");
  while (status == CENOTE_OK && moment->bytes < moment->room) {
    const ssize_t got = read(fd, moment->state + moment->bytes, moment->room - moment->bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) status = refuse(err, CENOTE_FILE_ERROR, path, "cannot be read whole");
    else moment->bytes += (size_t)got;
  }
  close(fd);
  if (status == CENOTE_OK) moment->hash = cenote_state_hash(moment->state, moment->bytes);
  if (status == CENOTE_OK && moment->hash == 0)
    status = refuse(err, CENOTE_BAD_STATE, path, "not a saved state, or a damaged one");
  CenoteError why = {""};
  if (status == CENOTE_OK && model &&
      cenote_state_check(model, moment->state, moment->bytes, &why) != CENOTE_OK)
    status = refuse(err, CENOTE_BAD_STATE, path, why.text);
  if (status == CENOTE_OK) {
    *out = moment;
  } else {
    free(moment);
  }
  return status;
}

CenoteStatus moment_write(const char *path, Moment *moment, CenoteError *err)
{
  char aside[JOB_TEXT + 16];
  if (moment->bytes == 0) return refuse(err, CENOTE_NOT_FOUND, path, "the slot is empty");
  snprintf(aside, sizeof aside, "%s.%ld~", path, (long)getpid());
  const int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return refuse(err, CENOTE_FILE_ERROR, path, strerror(errno));
  cenote_state_seal(moment->state, moment->bytes);
  size_t done = 0;
  while (done < moment->bytes) {
    const ssize_t wrote = write(fd, moment->state + done, moment->bytes - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    done += (size_t)wrote;
  }
  const bool good = done == moment->bytes && fsync(fd) == 0;
  const int why = errno;
  close(fd);
  if (good && rename(aside, path) == 0) return CENOTE_OK;
  const int reason = good ? errno : why;
  unlink(aside);
  return refuse(err, CENOTE_FILE_ERROR, path, strerror(reason));
}

/// The file's sound at the model's rate, mono: *count samples in *out, to be freed.
static CenoteStatus read_sound(const Job *job, double rate_hz, float **out, size_t *count,
                               CenoteError *err)
{
  SF_INFO info = {0};
  *out = NULL;
  *count = 0;
  SNDFILE *file = sf_open(job->path, SFM_READ, &info);
  if (!file) return refuse(err, CENOTE_FILE_ERROR, job->path, sf_strerror(NULL));
  CenoteStatus status = CENOTE_OK;
  const double most_s = job->length_s > 0.0 ? job->length_s : 3600.0;
  const sf_count_t begin = (sf_count_t)(job->begin_s * info.samplerate);
  const size_t frames = (size_t)(most_s * info.samplerate);
  const size_t room = (size_t)(most_s * rate_hz) + 1024;
  float frame[PRIME_FRAMES];
  float mono[PRIME_FRAMES];
  CenoteResampler *resampler = NULL;
  if (info.channels < 1 || info.channels > 64 || info.samplerate < 1 ||
      (begin > 0 && sf_seek(file, begin, SEEK_SET) != begin))
    status = refuse(err, CENOTE_FILE_ERROR, job->path, "has no such start");
  if (status == CENOTE_OK && info.samplerate != (int)rate_hz &&
      cenote_resampler_new(info.samplerate, rate_hz, CENOTE_BEST, &resampler) != CENOTE_OK)
    status = refuse(err, CENOTE_BAD_ARGUMENT, job->path, "its rate cannot be converted");
  size_t held = 0;
  size_t done = 0;
  const size_t n = status == CENOTE_OK ? PRIME_FRAMES / (size_t)info.channels : 0;
  for (bool more = status == CENOTE_OK; more && held < room;) {
    const size_t want = frames - done < n ? frames - done : n;
    const size_t got = want > 0 ? (size_t)sf_readf_float(file, frame, (sf_count_t)want) : 0;
    const size_t channels = (size_t)info.channels;
    for (size_t i = 0; i < got; ++i) {
      mono[i] = 0.0f;
      for (size_t c = 0; c < channels; ++c) mono[i] += frame[i * channels + c];
      mono[i] /= (float)channels;
    }
    done += got;
    more = got > 0;
    const size_t step = 16 * PRIME_FRAMES;
    uint32_t at = 0;
    do {
      float *grown = realloc(*out, (held + step) * sizeof **out);
      if (!grown) {
        status = refuse(err, CENOTE_NO_MEMORY, job->path, "out of memory");
        more = false;
        break;
      }
      *out = grown;
      uint32_t used = (uint32_t)got - at;
      uint32_t made = used;
      if (resampler)
        cenote_resampler_process(resampler, mono + at, used, &used, *out + held, (uint32_t)step,
                                 &made, got == 0);
      else memcpy(*out + held, mono + at, used * sizeof *mono);
      at += used;
      held += made;
      if (made == 0 && used == 0) break;
    } while (at < got || (got == 0 && resampler && held < room));
  }
  cenote_resampler_free(resampler);
  sf_close(file);
  *count = held;
  if (status == CENOTE_OK && held == 0)
    status = refuse(err, CENOTE_FILE_ERROR, job->path, "has no sound there");
  return status;
}

CenoteStatus moment_prime(Job *job)
{
  const CenoteModel *model = job->loaded->model;
  const double rate_hz = cenote_model_info(model)->sample_rate_hz;
  float *sound;
  size_t count;
  CenoteStatus status = read_sound(job, rate_hz, &sound, &count, &job->error);
  CenoteVoice *voice = NULL;
  uint8_t *codes = status == CENOTE_OK ? malloc(count) : NULL;
  if (status == CENOTE_OK) status = codes ? cenote_voice_new(model, &voice) : CENOTE_NO_MEMORY;
  if (status == CENOTE_OK)
    status = cenote_voice_restore(voice, job->moment[0]->state, job->moment[0]->bytes);
  if (status == CENOTE_OK) {
    for (size_t i = 0; i < count; ++i) sound[i] *= 32768.0f;
    cenote_model_encode(model, sound, count, codes);
    double bits = 0.0;
    for (size_t at = 0; at < count; at += 65536) {
      const uint32_t n = (uint32_t)(count - at < 65536 ? count - at : 65536);
      bits += cenote_voice_listen(voice, codes + at, n, NULL);
    }
    job->bits = bits / (double)count;
    cenote_voice_save(voice, job->moment[0]->state);
    job->moment[0]->bytes = cenote_model_info(model)->state_bytes;
    job->moment[0]->hash = cenote_model_info(model)->hash;
  }
  cenote_voice_free(voice);
  free(codes);
  free(sound);
  return status;
}

CenoteStatus moments_find(Job *job)
{
  char folder[JOB_TEXT + 16];
  snprintf(folder, sizeof folder, "%s/slots", job->folder);
  DIR *dir = opendir(folder);
  if (!dir) return CENOTE_OK; // a preset need not have any
  job->found = calloc(ENGINE_SLOTS, sizeof *job->found);
  CenoteStatus status = job->found ? CENOTE_OK : CENOTE_NO_MEMORY;
  for (struct dirent *entry; status == CENOTE_OK && (entry = readdir(dir)) != NULL;) {
    const char *dot = strrchr(entry->d_name, '.');
    if (!dot || strcmp(dot, ".state") != 0 || job->founds == ENGINE_SLOTS) continue;
    char path[2 * JOB_TEXT];
    Found *found = &job->found[job->founds];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    snprintf(found->name, sizeof found->name, "%.*s", (int)(dot - entry->d_name), entry->d_name);
    status = moment_read(path, job->loaded->model, &found->moment, &job->error);
    job->founds += status == CENOTE_OK;
  }
  closedir(dir);
  return status;
}

CenoteStatus moments_keep(Job *job)
{
  CenoteStatus status = CENOTE_OK;
  for (uint32_t k = 0; k < job->count && status == CENOTE_OK; ++k) {
    char path[2 * JOB_TEXT];
    if (!job->moment[k] || job->moment[k]->bytes == 0) continue;
    snprintf(path, sizeof path, "%s/voice-%u.state", job->folder, (unsigned)k + 1);
    status = moment_write(path, job->moment[k], &job->error);
  }
  return status;
}
