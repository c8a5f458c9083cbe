// SPDX-License-Identifier: ISC
// A TCP stream cut into packets, in either of the two ways that clients use. The first byte tells
// them apart: no packet is so long that the first byte of its size is not 0, and SLIP begins with
// an END (OSC 1.1) or with the packet itself (liblo).
#include "osc_tcp.h"

#include "osc_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLIP_END = 0xC0, SLIP_ESC = 0xDB, SLIP_ESC_END = 0xDC, SLIP_ESC_ESC = 0xDD };

bool osc_set_flags(int fd)
{
  int flags = fcntl(fd, F_GETFL);
  return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
         fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

void osc_stream_init(OscStream *stream, int fd, int udp, uint64_t id)
{
  *stream = (OscStream){.fd = fd, .peer = {.connection = id, .socket = udp}};
  stream->peer.size = sizeof stream->peer.address;
  if (getpeername(fd, (struct sockaddr *)&stream->peer.address, &stream->peer.size) != 0)
    stream->why = "";
  // Answers are small and waited for; a peer that vanished without a word is found out in time.
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
}

void osc_stream_clear(OscStream *stream)
{
  close(stream->fd);
  free(stream->in.bytes);
  free(stream->out.bytes);
}

// Room for `more` bytes at the end.
static bool reserve(OscBytes *buffer, size_t more)
{
  if (buffer->start > 0) {
    memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->end - buffer->start);
    buffer->end -= buffer->start;
    buffer->start = 0;
  }
  if (more <= buffer->capacity - buffer->end) return true;
  size_t capacity = buffer->capacity ? buffer->capacity : 4096;
  while (capacity - buffer->end < more) capacity *= 2;
  uint8_t *bytes = realloc(buffer->bytes, capacity);
  if (!bytes) return false;
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return true;
}

static bool try_again(int error)
{
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

void osc_stream_read(OscStream *stream)
{
  OscBytes *in = &stream->in;
  if (!reserve(in, OSC_STREAM_CHUNK)) {
    stream->why = "no memory for a packet";
    return;
  }
  ssize_t got = recv(stream->fd, in->bytes + in->end, OSC_STREAM_CHUNK, 0);
  if (got > 0) in->end += (size_t)got;
  else if (got == 0) stream->ended = true;
  else if (!try_again(errno)) stream->why = "";
}

static OscFraming framing_of(uint8_t first)
{
  if (first == 0) return OSC_FRAMING_SIZES;
  if (first == SLIP_END) return OSC_FRAMING_SLIP_DOUBLE;
  return first == '/' || first == '#' ? OSC_FRAMING_SLIP : OSC_FRAMING_UNKNOWN;
}

static bool next_sized(OscStream *stream, const uint8_t **packet, size_t *size)
{
  OscBytes *in = &stream->in;
  if (in->end - in->start < 4) return false;
  size_t wanted = osc_get32(in->bytes + in->start);
  if (wanted > OSC_STREAM_PACKET) {
    stream->why = "a packet of more than 1 MiB on TCP";
    return false;
  }
  if (in->end - in->start - 4 < wanted) return false;
  *packet = in->bytes + in->start + 4;
  *size = wanted;
  in->start += 4 + wanted;
  return true;
}

// In place. A broken escape leaves a size that is no multiple of four, or else bytes that are not
// OSC or not what was meant: so it empties the packet, which is then refused.
static size_t unescape(uint8_t *bytes, size_t size)
{
  size_t to = 0;
  for (size_t from = 0; from < size; ++from) {
    uint8_t byte = bytes[from];
    if (byte == SLIP_ESC) {
      uint8_t escaped = ++from < size ? bytes[from] : 0;
      if (escaped != SLIP_ESC_END && escaped != SLIP_ESC_ESC) return 0;
      byte = escaped == SLIP_ESC_END ? SLIP_END : SLIP_ESC;
    }
    bytes[to++] = byte;
  }
  return to;
}

// Two ENDs with nothing between them are no packet.
static bool next_slip(OscStream *stream, const uint8_t **packet, size_t *size)
{
  OscBytes *in = &stream->in;
  while (in->start < in->end) {
    uint8_t *start = in->bytes + in->start;
    size_t left = in->end - in->start;
    uint8_t *end = memchr(start + stream->scanned, SLIP_END, left - stream->scanned);
    if (!end) {
      stream->scanned = left;
      if (left > OSC_STREAM_PACKET) stream->why = "a packet of more than 1 MiB on TCP";
      break;
    }
    stream->scanned = 0;
    in->start += (size_t)(end - start) + 1;
    if (end == start) continue;
    *packet = start;
    *size = unescape(start, (size_t)(end - start));
    return true;
  }
  return false;
}

bool osc_stream_next(OscStream *stream, const uint8_t **packet, size_t *size)
{
  OscBytes *in = &stream->in;
  if (stream->why || in->start == in->end) return false;
  if (stream->framing == OSC_FRAMING_UNKNOWN) {
    stream->framing = framing_of(in->bytes[in->start]);
    if (stream->framing == OSC_FRAMING_UNKNOWN) {
      stream->why = "a TCP stream that is neither size-prefixed nor SLIP";
      return false;
    }
  }
  if (stream->framing == OSC_FRAMING_SIZES) return next_sized(stream, packet, size);
  return next_slip(stream, packet, size);
}

static void put(OscBytes *out, uint8_t byte)
{
  out->bytes[out->end++] = byte;
}

static void put_framed(OscStream *stream, const uint8_t *packet, size_t size)
{
  OscBytes *out = &stream->out;
  if (stream->framing == OSC_FRAMING_SIZES) {
    osc_put32(out->bytes + out->end, (uint32_t)size);
    memcpy(out->bytes + out->end + 4, packet, size);
    out->end += 4 + size;
    return;
  }
  if (stream->framing == OSC_FRAMING_SLIP_DOUBLE) put(out, SLIP_END);
  for (size_t i = 0; i < size; ++i) {
    bool special = packet[i] == SLIP_END || packet[i] == SLIP_ESC;
    if (special) put(out, SLIP_ESC);
    put(out, !special ? packet[i] : packet[i] == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC);
  }
  put(out, SLIP_END);
}

void osc_stream_send(OscStream *stream, const uint8_t *packet, size_t size)
{
  if (stream->why) return;
  if (stream->out.end - stream->out.start + size > OSC_STREAM_UNREAD) {
    stream->why = "a TCP client that does not read";
    return;
  }
  if (!reserve(&stream->out, 2 * size + 4)) {
    stream->why = "no memory for an answer";
    return;
  }
  put_framed(stream, packet, size);
  osc_stream_flush(stream);
}

void osc_stream_flush(OscStream *stream)
{
  OscBytes *out = &stream->out;
  while (!stream->why && out->start < out->end) {
    ssize_t sent = send(stream->fd, out->bytes + out->start, out->end - out->start, MSG_NOSIGNAL);
    if (sent > 0) {
      out->start += (size_t)sent;
    } else {
      if (sent < 0 && !try_again(errno)) stream->why = "";
      return;
    }
  }
}
