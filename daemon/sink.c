// SPDX-License-Identifier: ISC
// libsndfile writes everything but WAV on a pipe, which it refuses: that header is ours.
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { CHANNELS = 2, MOST = 1024, WAV_MOST_FRAMES = 0x3ffffff0 };

struct Sink {
  char *path; ///< as asked for
  char *now;  ///< the file of a row that is being written
  int format; ///< libsndfile's; 0: bytes straight to a descriptor
  uint32_t rate_hz;
  bool fresh;
  int fd;
  SNDFILE *file;
  unsigned part; ///< files of the row begun, for a classic WAV past 4 GB
  uint64_t part_frames;
  uint64_t frames;
  bool failed;
  bool gone;
  char error[512];
};

static const struct {
  const char *name;
  int format;
  bool pipe;
} formats[] = {
    {"rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, false},
    {"wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, true},
    {"w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, false},
    {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, true},
    {"ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, false},
    {"au", SF_FORMAT_AU | SF_FORMAT_PCM_16, true},
    {"raw", SF_FORMAT_RAW | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE, true},
};
enum { FORMATS = sizeof formats / sizeof *formats, WAV = 1, RAW = 6 };

static int find_format(const char *name)
{
  for (int i = 0; i < FORMATS; ++i)
    if (strcasecmp(name, formats[i].name) == 0) return i;
  return -1;
}

bool sink_format_known(const char *format)
{
  return find_format(format) >= 0;
}

static CenoteStatus refuse(CenoteError *err, CenoteStatus status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static CenoteStatus refuse(CenoteError *err, CenoteStatus status, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(err->text, sizeof err->text, format, args);
  va_end(args);
  return status;
}

static bool write_fully(Sink *sink, const void *bytes, size_t size)
{
  const char *at = bytes;
  while (size > 0 && !sink->failed) {
    const ssize_t wrote = write(sink->fd, at, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      sink->failed = true;
      sink->gone = errno == EPIPE;
      snprintf(sink->error, sizeof sink->error, "%s: %s", sink->path, strerror(errno));
      break;
    }
    at += wrote;
    size -= (size_t)wrote;
  }
  return !sink->failed;
}

static void put32(unsigned char *to, uint32_t value)
{
  for (int i = 0; i < 4; ++i) to[i] = (unsigned char)(value >> (8 * i));
}

/// The classic 44 bytes, with the sizes that players take for an endless stream.
static bool write_wav_header(Sink *sink)
{
  unsigned char header[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x02\0................data";
  put32(header + 4, 0xffffffff);
  put32(header + 24, sink->rate_hz);
  put32(header + 28, sink->rate_hz * 4);
  put32(header + 32, 4 | 16u << 16);
  memcpy(header + 36, "data", 4);
  put32(header + 40, 0xffffffff);
  return write_fully(sink, header, sizeof header);
}

/// PATH, then PATH-2, PATH-3 before its ending.
static bool name_part(Sink *sink)
{
  const char *slash = strrchr(sink->path, '/');
  const char *dot = strrchr(slash ? slash : sink->path, '.');
  const int stem = (int)(dot ? dot - sink->path : (long)strlen(sink->path));
  const size_t size = strlen(sink->path) + 16;
  free(sink->now);
  sink->now = malloc(size);
  if (!sink->now) return false;
  if (sink->part <= 1) snprintf(sink->now, size, "%s", sink->path);
  else snprintf(sink->now, size, "%.*s-%u%s", stem, sink->path, sink->part, dot ? dot : "");
  return true;
}

static CenoteStatus open_part(Sink *sink, CenoteError *err)
{
  ++sink->part;
  sink->part_frames = 0;
  if (!name_part(sink)) return refuse(err, CENOTE_NO_MEMORY, "%s: out of memory", sink->path);
  sink->fd = open(sink->now, O_RDWR | O_CREAT | O_CLOEXEC | (sink->fresh ? O_EXCL : O_TRUNC), 0666);
  if (sink->fd < 0)
    return refuse(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", sink->now, strerror(errno));
  SF_INFO info = {.samplerate = (int)sink->rate_hz, .channels = CHANNELS, .format = sink->format};
  sink->file = sf_open_fd(sink->fd, SFM_WRITE, &info, SF_TRUE);
  if (!sink->file) // it has closed the descriptor
    return refuse(err, CENOTE_FILE_ERROR, "%s: %s", sink->now, sf_strerror(NULL));
  if ((sink->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_RF64)
    sf_command(sink->file, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
  sink_flush(sink);
  return CENOTE_OK;
}

static CenoteStatus open_pipe(Sink *sink, int format, CenoteError *err)
{
  sink->fd = dup(STDOUT_FILENO);
  if (sink->fd < 0) return refuse(err, CENOTE_FILE_ERROR, "standard output: %s", strerror(errno));
  if (format == WAV || format == RAW) {
    sink->format = 0;
    if (format == WAV && !write_wav_header(sink))
      return refuse(err, CENOTE_FILE_ERROR, "%s", sink->error);
    return CENOTE_OK;
  }
  SF_INFO info = {.samplerate = (int)sink->rate_hz, .channels = CHANNELS, .format = sink->format};
  sink->file = sf_open_fd(sink->fd, SFM_WRITE, &info, SF_TRUE);
  return sink->file ? CENOTE_OK
                    : refuse(err, CENOTE_FILE_ERROR, "standard output: %s", sf_strerror(NULL));
}

CenoteStatus sink_open(const char *path, const char *format, uint32_t rate_hz, bool fresh,
                       Sink **out, CenoteError *err)
{
  *out = NULL;
  const bool pipe = strcmp(path, "-") == 0;
  const char *dot = strrchr(path, '.');
  int which = format ? find_format(format) : -1;
  if (format && which < 0)
    return refuse(err, CENOTE_BAD_ARGUMENT,
                  "format %s is none of: rf64, wav, w64, flac, ogg, au, raw", format);
  if (!format && !pipe && dot) which = find_format(dot + 1);
  // A file named .wav is an RF64 until told otherwise: the same up to 4 GB, and good past it.
  if (!format && which == WAV) which = 0;
  if (which < 0) which = pipe ? WAV : 0;
  if (pipe && !formats[which].pipe)
    return refuse(err, CENOTE_BAD_ARGUMENT, "format %s cannot go to a pipe; wav, raw, au, flac can",
                  formats[which].name);
  Sink *sink = calloc(1, sizeof *sink);
  if (sink) sink->path = strdup(pipe ? "standard output" : path);
  if (!sink || !sink->path) {
    free(sink);
    return refuse(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  }
  sink->format = formats[which].format;
  sink->rate_hz = rate_hz;
  sink->fresh = fresh;
  sink->fd = -1;
  const CenoteStatus status = pipe ? open_pipe(sink, which, err) : open_part(sink, err);
  if (status == CENOTE_OK) *out = sink;
  else sink_close(sink);
  return status;
}

/// Round half to even, as `cenote render` does: both files hold the same numbers.
static int16_t to_16_bit(float x)
{
  return (int16_t)lrintf(x * 32767.0f);
}

static bool roll_over(Sink *sink, size_t count)
{
  if ((sink->format & SF_FORMAT_TYPEMASK) != SF_FORMAT_WAV || !sink->file ||
      sink->part_frames + count <= WAV_MOST_FRAMES)
    return true;
  CenoteError err = {""};
  sf_close(sink->file);
  sink->file = NULL;
  if (open_part(sink, &err) == CENOTE_OK) return true;
  sink->failed = true;
  snprintf(sink->error, sizeof sink->error, "%.500s", err.text);
  return false;
}

bool sink_write(Sink *sink, const float *frames, size_t count)
{
  int16_t number[MOST * CHANNELS];
  while (count > 0 && !sink->failed) {
    const size_t n = count < MOST ? count : MOST;
    if (!roll_over(sink, n)) break;
    for (size_t i = 0; i < n * CHANNELS; ++i) number[i] = to_16_bit(frames[i]);
    if (!sink->file) {
      write_fully(sink, number, n * CHANNELS * sizeof *number);
    } else if (sf_writef_short(sink->file, number, (sf_count_t)n) != (sf_count_t)n) {
      sink->failed = true;
      sink->gone = errno == EPIPE;
      snprintf(sink->error, sizeof sink->error, "%s: %s", sink->now ? sink->now : sink->path,
               sf_strerror(sink->file));
    }
    sink->frames += n;
    sink->part_frames += n;
    frames += n * CHANNELS;
    count -= n;
  }
  return !sink->failed;
}

void sink_flush(Sink *sink)
{
  if (!sink->file || !sink->now) return;
  // The kernel holds what is written, whatever becomes of the process; a sync could stall for
  // longer than the second that may be lost.
  sf_command(sink->file, SFC_UPDATE_HEADER_NOW, NULL, 0);
}

const char *sink_error(const Sink *sink)
{
  return sink->error;
}

bool sink_reader_gone(const Sink *sink)
{
  return sink->gone;
}

const char *sink_path(const Sink *sink)
{
  return sink->now ? sink->now : sink->path;
}

uint64_t sink_frames(const Sink *sink)
{
  return sink->frames;
}

bool sink_close(Sink *sink)
{
  if (!sink) return true;
  bool good = !sink->failed;
  if (sink->file) good = sf_close(sink->file) == 0 && good;
  else if (sink->fd >= 0 && sink->format == 0) good = close(sink->fd) == 0 && good;
  free(sink->path);
  free(sink->now);
  free(sink);
  return good;
}
