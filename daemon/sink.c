// SPDX-License-Identifier: ISC
// libsndfile writes everything but WAV on a pipe, which it refuses: that header is ours.
#include "sink.h"

#include "cast.h"
#include "sink_format.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 2048 }; // numbers at a time
#define WAV_MOST_BYTES 0xffffffc0u

struct Sink {
  SinkKind kind;
  char *path;  ///< as asked for, or what to call it
  char *now;   ///< the file of a row that is being written
  int format;  ///< libsndfile's; 0: bytes straight to a descriptor
  bool header; ///< those bytes begin with a WAV's
  uint32_t rate_hz;
  uint32_t channels;
  bool fresh;
  bool split;
  pthread_mutex_t lock; ///< of fd, which another thread may turn away
  int fd;               ///< -1: none yet
  SNDFILE *file;
  Cast *cast;
  unsigned part; ///< files of the row begun
  uint64_t part_frames;
  uint64_t part_most; ///< 0: without end
  uint64_t frames;
  SinkFile *on_file;
  void *on_file_data;
  int on_file_lane;
  bool finished;
  bool failed;
  bool gone;
  char error[512];
};

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

/// libsndfile's words, without its own before the system's.
static const char *reason(SNDFILE *file)
{
  static const char prefix[] = "System error : ";
  const char *text = sf_strerror(file);
  return strncmp(text, prefix, sizeof prefix - 1) == 0 ? text + sizeof prefix - 1 : text;
}

static bool fail(Sink *sink, const char *why)
{
  if (sink->failed) return false;
  sink->failed = true;
  sink->gone = errno == EPIPE;
  const size_t length = strlen(why);
  const int stop = length > 0 && why[length - 1] == '.' ? 1 : 0;
  snprintf(sink->error, sizeof sink->error, "%.300s: %.*s", sink_path(sink), (int)length - stop,
           why);
  return false;
}

static bool write_fully(Sink *sink, const void *bytes, size_t size)
{
  const char *at = bytes;
  while (size > 0 && !sink->failed) {
    const ssize_t wrote = write(sink->fd, at, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(sink, strerror(errno));
    at += wrote;
    size -= (size_t)wrote;
  }
  return !sink->failed;
}

/// PATH, then PATH-2, PATH-3 before its ending; of a split PATH-0001, PATH-0002.
static bool name_part(Sink *sink)
{
  const char *slash = strrchr(sink->path, '/');
  const char *dot = strrchr(slash ? slash : sink->path, '.');
  const int stem = (int)(dot ? dot - sink->path : (long)strlen(sink->path));
  const size_t size = strlen(sink->path) + 16;
  free(sink->now);
  sink->now = malloc(size);
  if (!sink->now) return false;
  if (sink->part <= 1 && !sink->split) snprintf(sink->now, size, "%s", sink->path);
  else
    snprintf(sink->now, size, "%.*s-%0*u%s", stem, sink->path, sink->split ? 4 : 1, sink->part,
             dot ? dot : "");
  return true;
}

/// The descriptor stays ours, so that sink_give_up may turn it away until the very end.
static bool open_file(Sink *sink)
{
  SF_INFO info = {
      .samplerate = (int)sink->rate_hz, .channels = (int)sink->channels, .format = sink->format};
  sink->file = sf_open_fd(sink->fd, SFM_WRITE, &info, SF_FALSE);
  return sink->file != NULL;
}

static CenoteStatus open_part(Sink *sink, CenoteError *err)
{
  // A new file is never behind a link, nor a device that waits there. The parts of an earlier run
  // stay, and this one's come after them: a daemon that is started again keeps what it played.
  const int how = sink->fresh ? O_EXCL | O_NOFOLLOW : sink->split ? O_EXCL : O_TRUNC;
  sink->part_frames = 0;
  do {
    ++sink->part;
    if (!name_part(sink)) return refuse(err, CENOTE_NO_MEMORY, "%s: out of memory", sink->path);
    sink->fd = open(sink->now, O_RDWR | O_CREAT | O_CLOEXEC | how, 0666);
  } while (sink->fd < 0 && errno == EEXIST && sink->split && !sink->fresh);
  if (sink->fd < 0)
    return refuse(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", sink->now, strerror(errno));
  struct stat about;
  if (sink->fresh && (fstat(sink->fd, &about) != 0 || !S_ISREG(about.st_mode)))
    return refuse(err, CENOTE_FILE_ERROR, "%s: not an ordinary file", sink->now);
  if (!open_file(sink)) return refuse(err, CENOTE_FILE_ERROR, "%s: %s", sink->now, reason(NULL));
  if ((sink->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_RF64)
    sf_command(sink->file, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
  sink_flush(sink);
  return CENOTE_OK;
}

/// Once there is a descriptor: what goes down a pipe before the sound.
static bool begin_pipe(Sink *sink)
{
  unsigned char header[SINK_WAV_MOST];
  if (sink->format == 0 && !sink->header) return true;
  if (sink->format == 0)
    return write_fully(sink, header, sink_wav_header(header, sink->rate_hz, sink->channels));
  return open_file(sink) || fail(sink, reason(NULL));
}

/// Without a reader an open for writing would wait; this one fails, until there is one.
static bool open_fifo(Sink *sink)
{
  const int fd = open(sink->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    if (errno != ENXIO && errno != EINTR) fail(sink, strerror(errno));
    return false;
  }
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags & ~O_NONBLOCK); // libsndfile wants writes that wait
  pthread_mutex_lock(&sink->lock);
  sink->fd = fd;
  pthread_mutex_unlock(&sink->lock);
  return begin_pipe(sink);
}

static CenoteStatus begin(Sink *sink, const char *path, CenoteError *err)
{
  if (sink->kind == SINK_FILE) return open_part(sink, err);
  if (sink->kind == SINK_CAST) return cast_open(path, sink->rate_hz, &sink->cast, err);
  const bool standard = strcmp(path, "-") == 0;
  if (standard) sink->fd = dup(STDOUT_FILENO);
  if (standard && sink->fd < 0)
    return refuse(err, CENOTE_FILE_ERROR, "standard output: %s", strerror(errno));
  if (standard) begin_pipe(sink);
  else open_fifo(sink);
  return sink->failed ? refuse(err, CENOTE_FILE_ERROR, "%s", sink->error) : CENOTE_OK;
}

CenoteStatus sink_open(const char *path, const char *format, uint32_t rate_hz, uint32_t channels,
                       bool fresh, uint64_t split_frames, Sink **out, CenoteError *err)
{
  *out = NULL;
  const SinkKind kind = sink_kind_of(path, fresh);
  SinkFormat form;
  if (!sink_format_choose(path, format, kind, channels, &form, err)) return CENOTE_BAD_ARGUMENT;
  Sink *sink = calloc(1, sizeof *sink);
  if (sink) sink->path = strdup(strcmp(path, "-") == 0 ? "standard output" : path);
  if (!sink || !sink->path) {
    free(sink);
    return refuse(err, CENOTE_NO_MEMORY, "out of memory");
  }
  pthread_mutex_init(&sink->lock, NULL);
  sink->kind = kind;
  sink->format = form.format;
  sink->header = form.header;
  sink->rate_hz = rate_hz;
  sink->channels = channels;
  sink->fresh = fresh;
  sink->split = kind == SINK_FILE && split_frames > 0;
  sink->part_most = sink->split ? split_frames : 0;
  const int type = form.format & SF_FORMAT_TYPEMASK;
  const uint64_t most = WAV_MOST_BYTES / (2 * channels);
  if ((type == SF_FORMAT_WAV || type == SF_FORMAT_WAVEX) &&
      (sink->part_most == 0 || sink->part_most > most))
    sink->part_most = most;
  sink->fd = -1;
  const CenoteStatus status = begin(sink, path, err);
  if (status == CENOTE_OK) *out = sink;
  else sink_close(sink);
  return status;
}

SinkKind sink_kind(const Sink *sink)
{
  return sink->kind;
}

uint32_t sink_channels(const Sink *sink)
{
  return sink->channels;
}

void sink_on_file(Sink *sink, SinkFile *finished, void *data, int lane)
{
  sink->on_file = finished;
  sink->on_file_data = data;
  sink->on_file_lane = lane;
}

bool sink_ready(Sink *sink)
{
  if (sink->cast) return cast_ready(sink->cast);
  return sink->fd >= 0 || (!sink->failed && !sink->finished && open_fifo(sink));
}

/// Round half to even, as `cenote render` does: both files hold the same numbers.
static int16_t to_16_bit(float x)
{
  return (int16_t)lrintf(x * 32767.0f);
}

/// End the file of now; its last bytes may not fit.
static bool end_part(Sink *sink)
{
  bool good = true;
  errno = 0;
  if (sink->file) {
    const int status = sf_close(sink->file);
    sink->file = NULL;
    if (status != 0) good = fail(sink, errno != 0 ? strerror(errno) : sf_error_number(status));
  }
  pthread_mutex_lock(&sink->lock);
  const int fd = sink->fd;
  sink->fd = -1;
  pthread_mutex_unlock(&sink->lock);
  if (fd >= 0 && close(fd) != 0) good = fail(sink, strerror(errno));
  return good;
}

static bool next_part(Sink *sink)
{
  CenoteError err = {""};
  if (!end_part(sink)) return false;
  if (sink->on_file)
    sink->on_file(sink->on_file_data, sink->on_file_lane, sink->now, sink->part_frames);
  if (open_part(sink, &err) == CENOTE_OK) return true;
  sink->failed = true;
  snprintf(sink->error, sizeof sink->error, "%.500s", err.text);
  return false;
}

static void write_numbers(Sink *sink, const int16_t *numbers, size_t count)
{
  size_t wrote = count;
  if (sink->cast) {
    cast_write(sink->cast, numbers, count);
  } else if (!sink->file) {
    if (!write_fully(sink, numbers, count * sink->channels * sizeof *numbers)) wrote = 0;
  } else {
    errno = 0;
    const sf_count_t taken = sf_writef_short(sink->file, numbers, (sf_count_t)count);
    wrote = taken > 0 ? (size_t)taken : 0;
    if (wrote != count) fail(sink, errno != 0 ? strerror(errno) : reason(sink->file));
  }
  sink->frames += wrote;
  sink->part_frames += wrote;
}

bool sink_write(Sink *sink, const float *frames, size_t count)
{
  int16_t number[MOST];
  const size_t channels = sink->channels;
  while (count > 0 && !sink->failed) {
    if (sink->part_most > 0 && sink->part_frames == sink->part_most && !next_part(sink)) break;
    size_t n = count < MOST / channels ? count : MOST / channels;
    if (sink->part_most > 0 && n > sink->part_most - sink->part_frames)
      n = (size_t)(sink->part_most - sink->part_frames);
    for (size_t i = 0; i < n * channels; ++i) number[i] = to_16_bit(frames[i]);
    write_numbers(sink, number, n);
    frames += n * channels;
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

void sink_give_up(Sink *sink)
{
  if (sink->cast) cast_give_up(sink->cast);
  if (sink->kind != SINK_PIPE) return;
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  pthread_mutex_lock(&sink->lock);
  if (nowhere >= 0 && sink->fd >= 0) dup2(nowhere, sink->fd);
  pthread_mutex_unlock(&sink->lock);
  if (nowhere >= 0) close(nowhere);
}

const char *sink_error(const Sink *sink)
{
  return sink->error;
}

bool sink_reader_gone(const Sink *sink)
{
  return sink->gone;
}

const char *sink_name(const Sink *sink)
{
  return sink->cast ? cast_name(sink->cast) : sink->path;
}

const char *sink_path(const Sink *sink)
{
  return sink->now ? sink->now : sink_name(sink);
}

uint64_t sink_frames(const Sink *sink)
{
  return sink->frames;
}

bool sink_finish(Sink *sink)
{
  if (sink->finished) return !sink->failed;
  sink->finished = true;
  if (sink->cast) cast_end(sink->cast);
  return end_part(sink) && !sink->failed;
}

bool sink_close(Sink *sink)
{
  if (!sink) return true;
  const bool good = sink_finish(sink);
  cast_close(sink->cast);
  pthread_mutex_destroy(&sink->lock);
  free(sink->path);
  free(sink->now);
  free(sink);
  return good;
}
