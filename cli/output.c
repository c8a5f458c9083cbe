// SPDX-License-Identifier: ISC
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 4096, ASIDE = 64 };

struct Output {
  char *path;  ///< where it belongs; NULL: a pipe or device, written straight
  char *aside; ///< where it is meanwhile
  int slot;    ///< of `aside` in the list below
  const char *shown;
  int fd;
  SNDFILE *file; ///< NULL: bytes straight to fd
  bool failed;
  char error[256];
};

// Files under way, for output_abandon: threads render several at a time.
static char *volatile under_way[ASIDE];

static const struct {
  const char *name;
  const char *ending;
  int format;
} formats[] = {
    {"wav", "wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
    {"rf64", "rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_16},
    {"w64", "w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16},
    {"flac", "flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
    {"ogg", "ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
    {"au", "au", SF_FORMAT_AU | SF_FORMAT_PCM_16},
    {"aiff", "aif", SF_FORMAT_AIFF | SF_FORMAT_PCM_16},
    {"raw", "raw", SF_FORMAT_RAW | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE},
};
enum { FORMATS = sizeof formats / sizeof *formats, WAV = 0, RAW = 7 };

static int find_format(const char *name)
{
  for (int i = 0; i < FORMATS; ++i)
    if (strcasecmp(name, formats[i].name) == 0 || strcasecmp(name, formats[i].ending) == 0)
      return i;
  return -1;
}

#define REFUSE(status, ...) (snprintf(err->text, sizeof err->text, __VA_ARGS__), (status))

static bool write_fully(Output *output, const void *bytes, size_t size)
{
  const char *at = bytes;
  while (size > 0 && !output->failed) {
    const ssize_t wrote = write(output->fd, at, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      output->failed = true;
      snprintf(output->error, sizeof output->error, "%s", strerror(errno));
      break;
    }
    at += wrote;
    size -= (size_t)wrote;
  }
  return !output->failed;
}

static void put32(unsigned char *to, uint32_t value)
{
  for (int i = 0; i < 4; ++i) to[i] = (unsigned char)(value >> (8 * i));
}

/// The 44 bytes of a WAV, for a pipe: libsndfile refuses those. Past 4 GB, as of an endless one.
static bool write_wav_header(Output *output, uint32_t rate_hz, uint64_t frames)
{
  unsigned char header[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0";
  const uint32_t bytes = frames < 0x7fffff00 ? (uint32_t)(frames * 2) : 0xffffffff;
  put32(header + 4, bytes == 0xffffffff ? bytes : bytes + 36);
  put32(header + 24, rate_hz);
  put32(header + 28, rate_hz * 2);
  put32(header + 32, 2 | 16u << 16);
  memcpy(header + 36, "data", 4);
  put32(header + 40, bytes);
  return write_fully(output, header, sizeof header);
}

/// A hidden name beside `path`, opened.
static int open_aside(Output *output, const char *path)
{
  const char *slash = strrchr(path, '/');
  const int folder = slash ? (int)(slash - path) + 1 : 0;
  const size_t size = strlen(path) + 16;
  output->path = strdup(path);
  output->aside = malloc(size);
  if (!output->path || !output->aside) return -1;
  snprintf(output->aside, size, "%.*s.%s.XXXXXX", folder, path, path + folder);
  const int fd = mkstemp(output->aside);
  if (fd < 0) {
    free(output->aside);
    output->aside = NULL;
    return -1;
  }
  const mode_t mask = umask(0);
  umask(mask);
  if (fchmod(fd, 0666 & ~mask) != 0) output->failed = true;
  for (int i = 0; i < ASIDE; ++i) {
    char *none = NULL;
    if (__atomic_compare_exchange_n(&under_way[i], &none, output->aside, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
      output->slot = i;
      break;
    }
  }
  return fd;
}

void output_abandon(void)
{
  for (int i = 0; i < ASIDE; ++i)
    if (under_way[i]) unlink(under_way[i]);
}

static CenoteStatus start(Output *output, int which, bool pipe, uint32_t rate_hz, uint64_t frames,
                          CenoteError *err)
{
  if (pipe && (which == WAV || which == RAW)) {
    if (which == RAW || write_wav_header(output, rate_hz, frames)) return CENOTE_OK;
    return REFUSE(CENOTE_FILE_ERROR, "%s: %s", output->shown, output->error);
  }
  SF_INFO info = {.samplerate = (int)rate_hz, .channels = 1, .format = formats[which].format};
  output->file = sf_open_fd(output->fd, SFM_WRITE, &info, SF_FALSE);
  if (!output->file)
    return REFUSE(CENOTE_FILE_ERROR, "%s: %s (wav, raw, flac and au can go to a pipe)",
                  output->shown, sf_strerror(NULL));
  return CENOTE_OK;
}

CenoteStatus output_open(const char *path, const char *format, uint32_t rate_hz, uint64_t frames,
                         Output **out, CenoteError *err)
{
  *out = NULL;
  struct stat st;
  const bool standard = strcmp(path, "-") == 0;
  const bool special = !standard && stat(path, &st) == 0 && !S_ISREG(st.st_mode);
  if (special && S_ISDIR(st.st_mode)) return REFUSE(CENOTE_FILE_ERROR, "%s: is a folder", path);
  const char *dot = strrchr(path, '.');
  int which = find_format(format ? format : dot ? dot + 1 : "wav");
  if (format && which < 0)
    return REFUSE(CENOTE_BAD_ARGUMENT,
                  "format %s is none of: wav, rf64, w64, flac, ogg, au, aiff, raw", format);
  if (which < 0) which = WAV;
  Output *output = calloc(1, sizeof *output);
  if (!output) return REFUSE(CENOTE_NO_MEMORY, "%s: out of memory", path);
  output->shown = standard ? "standard output" : path;
  output->slot = -1;
  if (standard) output->fd = dup(STDOUT_FILENO);
  else output->fd = special ? open(path, O_WRONLY | O_CLOEXEC) : open_aside(output, path);
  CenoteStatus status = CENOTE_OK;
  if (output->fd < 0)
    status = REFUSE(CENOTE_FILE_ERROR, "%s: cannot write: %s", output->shown, strerror(errno));
  if (status == CENOTE_OK) status = start(output, which, standard || special, rate_hz, frames, err);
  if (status == CENOTE_OK) {
    *out = output;
    return status;
  }
  CenoteError ignored;
  output_close(output, false, &ignored);
  return status;
}

bool output_write(Output *output, const float *samples, size_t count)
{
  int16_t number[MOST];
  while (count > 0 && !output->failed) {
    const size_t n = count < MOST ? count : MOST;
    for (size_t i = 0; i < n; ++i) {
      const float s = samples[i] > 1.0f ? 1.0f : samples[i] < -1.0f ? -1.0f : samples[i];
      number[i] = (int16_t)lrintf(s * 32767.0f);
    }
    if (!output->file) {
      write_fully(output, number, n * sizeof *number);
    } else if (sf_writef_short(output->file, number, (sf_count_t)n) != (sf_count_t)n) {
      output->failed = true;
      snprintf(output->error, sizeof output->error, "%s", sf_strerror(output->file));
    }
    samples += n;
    count -= n;
  }
  return !output->failed;
}

CenoteStatus output_close(Output *output, bool keep, CenoteError *err)
{
  if (!output) return CENOTE_OK;
  if (output->file && sf_close(output->file) != 0) output->failed = true;
  if (output->fd >= 0 && fsync(output->fd) != 0 && errno != EINVAL && errno != EROFS)
    output->failed = true;
  if (output->fd >= 0 && close(output->fd) != 0) output->failed = true;
  CenoteStatus status = CENOTE_OK;
  if (keep && output->failed)
    status = REFUSE(CENOTE_FILE_ERROR, "%s: cannot write: %s", output->shown,
                    output->error[0] ? output->error : strerror(errno));
  if (output->aside) {
    if (keep && status == CENOTE_OK && rename(output->aside, output->path) != 0)
      status = REFUSE(CENOTE_FILE_ERROR, "%s: cannot write: %s", output->shown, strerror(errno));
    if (!keep || status != CENOTE_OK) unlink(output->aside);
    if (output->slot >= 0) under_way[output->slot] = NULL;
  }
  free(output->aside);
  free(output->path);
  free(output);
  return status;
}
