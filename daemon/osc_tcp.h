// SPDX-License-Identifier: ISC
// One TCP connection as a sequence of packets; the daemon's end, or that of `cenote send`.
#ifndef DAEMON_OSC_TCP_H
#define DAEMON_OSC_TCP_H

#include "osc.h"

enum {
  OSC_STREAM_PACKET = 1 << 20, ///< bytes; who announces more is hung up on
  OSC_STREAM_UNREAD = 1 << 20, ///< bytes of answers kept for a client that does not read
  OSC_STREAM_CHUNK = 1 << 16   ///< bytes a read
};

typedef enum OscFraming {
  OSC_FRAMING_UNKNOWN,    ///< no byte yet; the first one tells
  OSC_FRAMING_SIZES,      ///< four bytes of size before each packet
  OSC_FRAMING_SLIP,       ///< RFC 1055: END after each packet
  OSC_FRAMING_SLIP_DOUBLE ///< OSC 1.1: END before and after
} OscFraming;

typedef struct OscBytes {
  uint8_t *bytes;
  size_t start, end; ///< what is in it
  size_t capacity;
} OscBytes;

/// One TCP connection.
typedef struct OscStream {
  OscPeer peer;
  int fd;
  OscFraming framing;
  OscBytes in, out;
  size_t scanned;  ///< bytes of `in` looked through for an END
  bool busy;       ///< whole packets may be left of the last turn
  bool ended;      ///< the client will send no more
  const char *why; ///< not NULL: to be hung up on, and the reason ("" if there is none to tell)
} OscStream;

/// Make a socket non-blocking, and closed on exec.
bool osc_set_flags(int fd);

/// Takes the socket, which is non-blocking. `udp`: a UDP socket of the same address, for answers
/// sent there.
void osc_stream_init(OscStream *stream, int fd, int udp, uint64_t id);
void osc_stream_clear(OscStream *stream);
/// Take in what has arrived, at most one chunk.
void osc_stream_read(OscStream *stream);
/// The next whole packet, which lies in the stream's buffer until the next call; false: none yet.
bool osc_stream_next(OscStream *stream, const uint8_t **packet, size_t *size);
/// Send, or keep what the socket does not take.
void osc_stream_send(OscStream *stream, const uint8_t *packet, size_t size);
/// Send more of what was kept.
void osc_stream_flush(OscStream *stream);

#endif
