// SPDX-License-Identifier: ISC
// What a path and --format come to.
#ifndef DAEMON_SINK_FORMAT_H
#define DAEMON_SINK_FORMAT_H

#include "sink.h"

typedef struct SinkFormat {
  int format;  ///< libsndfile's; 0: bytes straight to a descriptor
  bool header; ///< those begin with a WAV's
} SinkFormat;

SinkKind sink_kind_of(const char *path, bool fresh);

/// False, with the reason, when that kind does not take it.
bool sink_format_choose(const char *path, const char *format, SinkKind kind, SinkFormat *out,
                        CenoteError *err);

#endif
