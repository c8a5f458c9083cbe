// SPDX-License-Identifier: ISC
// A 16-bit file, pipe or Icecast stream being written. Used by one thread at a time, never
// in audio time.
#ifndef DAEMON_SINK_H
#define DAEMON_SINK_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Sink Sink;

typedef enum SinkKind {
  SINK_FILE,
  SINK_PIPE, ///< standard output, or a FIFO
  SINK_CAST  ///< Icecast
} SinkKind;

/// Whether `format` is one: rf64, wav, w64, flac, ogg, au, raw.
bool sink_format_known(const char *format);

/// "-" is standard output: wav (header of an endless stream), raw, au or flac; a FIFO takes the
/// same. icecast:// takes ogg, of two channels. A file is written over unless `fresh`, which makes
/// anything that exists there an error. `format` NULL: by the file's ending, else rf64 (wav on a
/// pipe). `split_frames`: a new file every so many frames, PATH-0001, PATH-0002 ... before its
/// ending; 0: one file. Returns at once for a FIFO without a reader and a server that is away.
CenoteStatus sink_open(const char *path, const char *format, uint32_t rate_hz, uint32_t channels,
                       bool fresh, uint64_t split_frames, Sink **out, CenoteError *err);

SinkKind sink_kind(const Sink *sink);
uint32_t sink_channels(const Sink *sink);

/// `finished` hears of each file of a row that is whole, as the next one begins.
typedef void SinkFile(void *data, int lane, const char *path, uint64_t frames);
void sink_on_file(Sink *sink, SinkFile *finished, void *data, int lane);

/// Whether it can be written now: a FIFO waits for its reader, Icecast for its server; each call
/// tries. A file always.
bool sink_ready(Sink *sink);

/// frames[count][channels] in [-1, 1]. False once it cannot be written; sink_error says why.
bool sink_write(Sink *sink, const float *frames, size_t count);

/// Bring the file's header up to date: what a kill leaves is a good file.
void sink_flush(Sink *sink);

/// From any thread: what a peer has not taken goes nowhere, so that a write to it ends. One that
/// sleeps in the kernel wants a signal to its thread besides. A file is left alone.
void sink_give_up(Sink *sink);

const char *sink_error(const Sink *sink);
/// True when it failed because the reader of a pipe has gone.
bool sink_reader_gone(const Sink *sink);
/// What was asked for, for messages: the same from beginning to end, for any thread.
const char *sink_name(const Sink *sink);
/// The file that is being written.
const char *sink_path(const Sink *sink);
/// Frames written, of all files of a row.
uint64_t sink_frames(const Sink *sink);

/// Finish the file; no more writes. False when it is not whole; sink_error says why.
bool sink_finish(Sink *sink);
/// Finish and free. NULL is fine. False as above.
bool sink_close(Sink *sink);

#endif
