// SPDX-License-Identifier: ISC
#include "sink_format.h"

#include <inttypes.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

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
enum { FORMATS = sizeof formats / sizeof *formats, RF64 = 0, WAV = 1, OGG = 4, RAW = 6 };

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

SinkKind sink_kind_of(const char *path, bool fresh)
{
  struct stat about;
  if (fresh) return SINK_FILE;
  if (strncmp(path, "icecast://", 10) == 0) return SINK_CAST;
  if (strcmp(path, "-") == 0) return SINK_PIPE;
  return stat(path, &about) == 0 && S_ISFIFO(about.st_mode) ? SINK_PIPE : SINK_FILE;
}

bool sink_format_choose(const char *path, const char *format, SinkKind kind, uint32_t channels,
                        SinkFormat *out, CenoteError *err)
{
  const char *dot = strrchr(path, '.');
  int which = format ? find_format(format) : -1;
  if (format && which < 0) {
    snprintf(err->text, sizeof err->text,
             "format %s is none of: rf64, wav, w64, flac, ogg, au, raw", format);
    return false;
  }
  if (kind == SINK_CAST && channels != 2) {
    snprintf(err->text, sizeof err->text, "icecast:// takes two channels, not %" PRIu32, channels);
    return false;
  }
  if (kind == SINK_CAST) {
    *out = (SinkFormat){.format = formats[OGG].format};
    if (!format || which == OGG) return true;
    snprintf(err->text, sizeof err->text, "format %s cannot go to Icecast; ogg can", format);
    return false;
  }
  if (!format && dot) which = find_format(dot + 1);
  // A file named .wav is an RF64 until told otherwise: the same up to 4 GB, and good past it.
  if (!format && which == WAV && kind == SINK_FILE) which = RF64;
  if (which < 0) which = kind == SINK_PIPE ? WAV : RF64;
  const bool bytes = kind == SINK_PIPE && (which == WAV || which == RAW);
  *out = (SinkFormat){.format = bytes ? 0 : formats[which].format, .header = bytes && which == WAV};
  // Plain WAV is for two channels at most.
  if (which == WAV && kind == SINK_FILE && channels > 2)
    out->format = SF_FORMAT_WAVEX | SF_FORMAT_PCM_16;
  if (kind == SINK_FILE || formats[which].pipe) return true;
  snprintf(err->text, sizeof err->text, "format %s cannot go to a pipe; wav, raw, au, flac can",
           formats[which].name);
  return false;
}

static unsigned char *put(unsigned char *to, int bytes, uint32_t value)
{
  for (int i = 0; i < bytes; ++i) *to++ = (unsigned char)(value >> (8 * i));
  return to;
}

static unsigned char *put_text(unsigned char *to, const char text[4])
{
  memcpy(to, text, 4);
  return to + 4;
}

/// Up to two channels the classic 44 bytes; past them WAVE_FORMAT_EXTENSIBLE, whose channels have
/// no loudspeakers of their own. The sizes are those that players take for an endless stream.
size_t sink_wav_header(unsigned char header[static SINK_WAV_MOST], uint32_t rate_hz,
                       uint32_t channels)
{
  static const unsigned char pcm[] = "\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"; // a GUID
  const bool extensible = channels > 2;
  unsigned char *at = put_text(header, "RIFF");
  at = put_text(put(at, 4, 0xffffffff), "WAVE");
  at = put(put_text(at, "fmt "), 4, extensible ? 40 : 16);
  at = put(put(at, 2, extensible ? 0xfffe : 1), 2, channels);
  at = put(put(at, 4, rate_hz), 4, rate_hz * 2 * channels);
  at = put(put(at, 2, 2 * channels), 2, 16);
  if (extensible) {
    at = put(put(put(at, 2, 22), 2, 16), 4, 0); // more bytes, bits of a number, no loudspeakers
    memcpy(at, pcm, 16);
    at += 16;
  }
  at = put(put_text(at, "data"), 4, 0xffffffff);
  return (size_t)(at - header);
}
