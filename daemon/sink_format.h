// SPDX-License-Identifier: ISC
// What a path and --format come to.
#ifndef DAEMON_SINK_FORMAT_H
#define DAEMON_SINK_FORMAT_H

#include "sink.h"

enum { SINK_WAV_MOST = 68 }; ///< bytes of a WAV's header at most

typedef struct SinkFormat {
  int format;  ///< libsndfile's; 0: bytes straight to a descriptor
  bool header; ///< those begin with a WAV's
} SinkFormat;

SinkKind sink_kind_of(const char *path, bool fresh);

/// False, with the reason, when that kind does not take it, or not so many channels.
bool sink_format_choose(const char *path, const char *format, SinkKind kind, uint32_t channels,
                        SinkFormat *out, CenoteError *err);

/// The header of a WAV of 16-bit numbers without end; its bytes.
size_t sink_wav_header(unsigned char header[static SINK_WAV_MOST], uint32_t rate_hz,
                       uint32_t channels);

#endif
