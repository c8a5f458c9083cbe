// SPDX-License-Identifier: ISC
// libsndfile makes the bytes; they are written here, so that each failure is seen with its reason
// and a pipe can be written to: there only headers of ours are put in front, and what libsndfile
// wants to put right in a header that has gone is let go.
#include "output.h"

#include "aside.h"
#include "cli.h"

#include <errno.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { PIECE = 1024, LARGEST_HEADER = 1024 };

/// What goes to a pipe in a format.
typedef enum Pipe { PIPE_NONE, PIPE_PLAIN, PIPE_WAV, PIPE_AU } Pipe;

struct OutputFormat {
  const char *name;
  const char *ending; ///< besides the name
  int major;
  Pipe pipe;
  bool long_files; ///< more than 4 GB
};

static const OutputFormat formats[] = {
    {"wav", "wave", SF_FORMAT_WAV, PIPE_WAV, false},
    {"rf64", "rf64", SF_FORMAT_RF64, PIPE_NONE, true},
    {"w64", "w64", SF_FORMAT_W64, PIPE_NONE, true},
    {"flac", "flac", SF_FORMAT_FLAC, PIPE_PLAIN, true},
    {"raw", "pcm", SF_FORMAT_RAW | SF_ENDIAN_LITTLE, PIPE_PLAIN, true},
    {"au", "snd", SF_FORMAT_AU, PIPE_AU, false},
    {"aiff", "aif", SF_FORMAT_AIFF, PIPE_NONE, false},
    {"ogg", "oga", SF_FORMAT_OGG, PIPE_PLAIN, true},
};
enum { FORMATS = sizeof formats / sizeof *formats };

struct Output {
  Aside file;
  SNDFILE *sound;
  sf_count_t at;  ///< where libsndfile writes next
  sf_count_t end; ///< one past the last byte it has written
  int error;      ///< errno of the first write that failed, or 0
};

const OutputFormat *output_format(const char *name, const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *dot = strrchr(slash ? slash : path, '.');
  const char *wanted = name ? name : dot ? dot + 1 : "wav";
  for (int i = 0; i < FORMATS; ++i)
    if (strcasecmp(wanted, formats[i].name) == 0 || strcasecmp(wanted, formats[i].ending) == 0)
      return &formats[i];
  return name ? NULL : &formats[0];
}

/// False, with output->error, when not all could be written. A signal ends it too.
static bool put(Output *output, const void *bytes, size_t size, sf_count_t at)
{
  const char *from = bytes;
  while (size > 0 && output->error == 0) {
    const ssize_t wrote = output->file.aside ? pwrite(output->file.fd, from, size, (off_t)at)
                                             : write(output->file.fd, from, size);
    if (wrote < 0) {
      output->error = errno;
      break;
    }
    from += wrote;
    at += wrote;
    size -= (size_t)wrote;
  }
  return output->error == 0;
}

static sf_count_t get_length(void *user)
{
  return ((const Output *)user)->end;
}

static sf_count_t seek(sf_count_t offset, int whence, void *user)
{
  Output *output = user;
  if (whence == SEEK_CUR) offset += output->at;
  if (whence == SEEK_END) offset += output->end;
  return output->at = offset;
}

static sf_count_t tell(void *user)
{
  return ((const Output *)user)->at;
}

static sf_count_t read_nothing(void *bytes, sf_count_t count, void *user)
{
  (void)bytes, (void)count, (void)user;
  return 0;
}

static sf_count_t put_next(const void *bytes, sf_count_t count, void *user)
{
  Output *output = user;
  const bool gone = !output->file.aside && output->at != output->end;
  if (!gone && !put(output, bytes, (size_t)count, output->at)) return 0;
  output->at += count;
  if (output->at > output->end) output->end = output->at;
  return count;
}

static void put32(unsigned char *to, uint32_t value, bool big)
{
  for (int i = 0; i < 4; ++i) to[big ? 3 - i : i] = (unsigned char)(value >> (8 * i));
}

/// The 44 bytes of a WAV. Sizes that 32 bits cannot hold are written as of an endless one.
static bool put_wav_header(Output *output, uint32_t rate_hz, uint64_t bytes)
{
  unsigned char header[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0........\x02\0\x10\0data";
  const bool fits = bytes < UINT32_MAX - 36;
  put32(header + 4, fits ? (uint32_t)bytes + 36 : UINT32_MAX, false);
  put32(header + 24, rate_hz, false);
  put32(header + 28, 2 * rate_hz, false);
  put32(header + 40, fits ? (uint32_t)bytes : UINT32_MAX, false);
  return put(output, header, sizeof header, 0);
}

static bool put_au_header(Output *output, uint32_t rate_hz, uint64_t bytes)
{
  unsigned char header[28] = ".snd"; // with the least text that may follow, four zeros
  const uint32_t field[] = {sizeof header, bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX,
                            3 /* 16-bit linear */, rate_hz, 1};
  for (size_t i = 0; i < 5; ++i) put32(header + 4 * (i + 1), field[i], true);
  return put(output, header, sizeof header, 0);
}

static CenoteStatus cannot_write(const Output *output, CenoteError *err)
{
  const char *why = output->error   ? strerror(output->error)
                    : output->sound ? sf_strerror(output->sound)
                                    : sf_strerror(NULL);
  return cli_error(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", output->file.shown, why);
}

static CenoteStatus start(Output *output, const OutputFormat *format, uint32_t rate_hz,
                          uint64_t frames, CenoteError *err)
{
  static SF_VIRTUAL_IO calls = {get_length, seek, read_nothing, put_next, tell};
  const bool straight = !output->file.aside;
  if (straight && format->pipe == PIPE_NONE)
    return cli_error(err, CENOTE_BAD_ARGUMENT,
                     "%s: %s needs a file; wav, flac, raw, au and ogg can"
                     " go to a pipe",
                     output->file.shown, format->name);
  if (!straight && !format->long_files && 2 * frames > UINT32_MAX - LARGEST_HEADER)
    return cli_error(err, CENOTE_BAD_ARGUMENT,
                     "%s: %s holds no more than 4 GB; rf64, w64, flac and"
                     " raw do",
                     output->file.shown, format->name);
  SF_INFO info = {.samplerate = (int)rate_hz, .channels = 1};
  info.format =
      format->major | (format->major == SF_FORMAT_OGG ? SF_FORMAT_VORBIS : SF_FORMAT_PCM_16);
  if (straight && format->pipe == PIPE_WAV) {
    if (!put_wav_header(output, rate_hz, 2 * frames)) return cannot_write(output, err);
    info.format = SF_FORMAT_RAW | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE;
  } else if (straight && format->pipe == PIPE_AU) {
    if (!put_au_header(output, rate_hz, 2 * frames)) return cannot_write(output, err);
    info.format = SF_FORMAT_RAW | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG;
  }
  output->sound = sf_open_virtual(&calls, SFM_WRITE, &info, output);
  if (!output->sound) return cannot_write(output, err);
  // An RF64 file of less than 4 GB is a WAV that every player reads.
  sf_command(output->sound, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
  return CENOTE_OK;
}

CenoteStatus output_open(const char *path, const OutputFormat *format, uint32_t rate_hz,
                         uint64_t frames, Output **out, CenoteError *err)
{
  *out = NULL;
  Output *output = calloc(1, sizeof *output);
  if (!output) return cli_error(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  CenoteStatus status = aside_open(path, &output->file, err);
  if (status == CENOTE_OK) {
    status = start(output, format, rate_hz, frames, err);
    if (status == CENOTE_OK) *out = output;
    else output_drop(output);
  } else {
    free(output);
  }
  return status;
}

CenoteStatus output_write(Output *output, const float *samples, size_t count, CenoteError *err)
{
  int16_t number[PIECE];
  while (count > 0) {
    const size_t n = count < PIECE ? count : PIECE;
    for (size_t i = 0; i < n; ++i) number[i] = output_int16(samples[i]);
    const sf_count_t wrote = sf_writef_short(output->sound, number, (sf_count_t)n);
    if (wrote != (sf_count_t)n || output->error != 0) return cannot_write(output, err);
    samples += n;
    count -= n;
  }
  return CENOTE_OK;
}

CenoteStatus output_keep(Output *output, CenoteError *err)
{
  const int closed = sf_close(output->sound);
  output->sound = NULL;
  CenoteStatus status = CENOTE_OK;
  if (output->error != 0) status = cannot_write(output, err);
  else if (closed != 0)
    status = cli_error(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", output->file.shown,
                       sf_error_number(closed));
  if (status == CENOTE_OK) status = aside_keep(&output->file, err);
  else aside_drop(&output->file);
  free(output);
  return status;
}

void output_drop(Output *output)
{
  if (!output) return;
  if (output->sound) sf_close(output->sound);
  aside_drop(&output->file);
  free(output);
}
