// SPDX-License-Identifier: ISC
// A stereo 16-bit file or pipe being written. Used by one thread at a time, never in audio time.
#ifndef DAEMON_SINK_H
#define DAEMON_SINK_H

#include <cenote/cenote.h>

typedef struct Sink Sink;

/// Whether `format` is one: rf64, wav, w64, flac, ogg, au, raw.
bool sink_format_known(const char *format);

/// "-" is standard output: wav (header of an endless stream), raw, au or flac. A file is written
/// over unless `fresh`, which makes an existing one an error. `format` NULL: by the file's ending,
/// else rf64 (wav on standard output).
CenoteStatus sink_open(const char *path, const char *format, uint32_t rate_hz, bool fresh,
                       Sink **out, CenoteError *err);

/// frames[count][2] in [-1, 1]. False once it cannot be written; sink_error says why.
bool sink_write(Sink *sink, const float *frames, size_t count);

/// Bring the file's header up to date: what a kill leaves is a good file.
void sink_flush(Sink *sink);

const char *sink_error(const Sink *sink);
/// True when it failed because the reader of a pipe has gone.
bool sink_reader_gone(const Sink *sink);
const char *sink_path(const Sink *sink);
uint64_t sink_frames(const Sink *sink);

/// Finish the file. NULL is fine. False when the last of it could not be written.
bool sink_close(Sink *sink);

#endif
