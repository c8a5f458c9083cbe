// SPDX-License-Identifier: ISC
// Waits for all sockets at once. Datagrams are taken out of the kernel's small buffers at once and
// wait here; then a turn of bounded work begins, each time with another source than the last, so
// that a flood from one starves neither the others nor the caller's loop.
#include "osc.h"

#include "now.h"
#include "osc_bind.h"
#include "osc_packet.h"
#include "osc_tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  STREAMS_MAX = 64, // TCP connections
  INBOX = 1 << 18,  // bytes of datagrams that wait: a thousand small ones, three of the longest
  TURN = 64,        // of work a call: 1 for each packet, and 1 for each KiB in it
  REST_MS = 100     // before asking for connections again when there was no descriptor for one
};

// A datagram in the inbox; its packet follows.
typedef struct Letter {
  OscPeer from;
  size_t size;
} Letter;

struct Osc {
  OscHandler handler;
  void *data;
  OscWatch watch; // NULL: nobody
  void *watch_data;
  uint64_t bundles;     // numbered so far
  uint64_t connections; // the same
  uint64_t dropped;
  const char *why;
  int64_t accept_ms; // when to accept connections again
  size_t first;      // who began the last turn: 0 the inbox, then the streams
  uint16_t port;
  size_t sockets_count, streams_count;
  OscSocket sockets[OSC_SOCKETS_MAX];
  OscStream streams[STREAMS_MAX];
  size_t inbox_start, inbox_end; // what is in it
  uint8_t inbox[INBOX];
};

static void count(Osc *osc, const char *why)
{
  ++osc->dropped;
  osc->why = why;
}

static void drop(Osc *osc, const char *why)
{
  count(osc, why);
  if (osc->watch) osc->watch(osc->watch_data, NULL, NULL, 0, why);
}

CenoteStatus osc_open(const char *const *bind, size_t binds, uint16_t port, OscHandler handler,
                      void *data, Osc **out, CenoteError *err)
{
  *out = NULL;
  Osc *osc = calloc(1, sizeof *osc);
  if (!osc) {
    if (err) snprintf(err->text, sizeof err->text, "out of memory for the OSC sockets");
    return CENOTE_NO_MEMORY;
  }
  osc->handler = handler;
  osc->data = data;
  osc->port = port;
  CenoteStatus status = osc_bind(bind, binds, &osc->port, osc->sockets, &osc->sockets_count, err);
  if (status == CENOTE_OK) *out = osc;
  else free(osc);
  return status;
}

void osc_close(Osc *osc)
{
  if (!osc) return;
  while (osc->streams_count > 0) osc_stream_clear(&osc->streams[--osc->streams_count]);
  osc_unbind(osc->sockets, &osc->sockets_count);
  free(osc);
}

uint16_t osc_port(const Osc *osc)
{
  return osc->port;
}

uint64_t osc_dropped(const Osc *osc, const char **why)
{
  if (why) *why = osc->why;
  return osc->dropped;
}

void osc_watch(Osc *osc, OscWatch watch, void *data)
{
  osc->watch = watch;
  osc->watch_data = data;
}

// What the packet costs of a turn.
static int take(Osc *osc, const OscPeer *from, const uint8_t *packet, size_t size)
{
  const char *why = NULL;
  const bool valid = osc_valid(packet, size, &why);
  if (osc->watch) osc->watch(osc->watch_data, from, packet, size, why);
  if (!valid) {
    count(osc, why);
  } else {
    size_t lost = osc_walk(packet, size, from, &osc->bundles, osc->handler, osc->data);
    if (lost) drop(osc, "no memory for a message");
  }
  return 1 + (int)(size / 1024);
}

// When the inbox is full, the rest stays in the kernel until all of it is done.
static void collect(Osc *osc, int fd)
{
  while (INBOX - osc->inbox_end >= sizeof(Letter) + OSC_DATAGRAM_MAX) {
    Letter letter = {.from = {.socket = fd, .size = sizeof letter.from.address}};
    uint8_t *at = osc->inbox + osc->inbox_end;
    ssize_t size = recvfrom(fd, at + sizeof letter, OSC_DATAGRAM_MAX, 0,
                            (struct sockaddr *)&letter.from.address, &letter.from.size);
    if (size < 0) break; // nothing left, or news of an answer that was not wanted
    letter.size = (size_t)size;
    memcpy(at, &letter, sizeof letter);
    osc->inbox_end += sizeof letter + letter.size;
  }
}

static int take_letters(Osc *osc, int turn)
{
  int done = 0;
  while (done < turn && osc->inbox_start < osc->inbox_end) {
    const uint8_t *at = osc->inbox + osc->inbox_start;
    Letter letter;
    memcpy(&letter, at, sizeof letter);
    osc->inbox_start += sizeof letter + letter.size;
    done += take(osc, &letter.from, at + sizeof letter, letter.size);
  }
  if (osc->inbox_start == osc->inbox_end) osc->inbox_start = osc->inbox_end = 0;
  return done;
}

static void accept_stream(Osc *osc, const OscSocket *socket)
{
  int fd = accept(socket->fd, NULL, NULL);
  if (fd < 0) {
    // Out of descriptors or memory: the client waits, and would wake every poll till then.
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      osc->accept_ms = now_ms() + REST_MS;
    return;
  }
  if (osc->streams_count == STREAMS_MAX || !osc_set_flags(fd)) {
    drop(osc, "more than 64 TCP connections");
    close(fd);
    return;
  }
  osc_stream_init(&osc->streams[osc->streams_count++], fd, socket->udp, ++osc->connections);
}

static int take_stream(Osc *osc, OscStream *stream, short events, int turn)
{
  int done = 0;
  bool readable = events & (POLLIN | POLLHUP | POLLERR);
  if (events & POLLOUT) osc_stream_flush(stream);
  stream->busy = true;
  while (done < turn && stream->busy) {
    const uint8_t *packet;
    size_t size;
    if (osc_stream_next(stream, &packet, &size)) {
      done += take(osc, &stream->peer, packet, size);
    } else if (stream->ended && !stream->why) {
      stream->why = "";
    } else if (readable && !stream->why) {
      osc_stream_read(stream);
      readable = false; // once a turn
      ++done;
    } else {
      stream->busy = false;
    }
  }
  return done;
}

static void hang_up(Osc *osc)
{
  for (size_t i = 0; i < osc->streams_count;) {
    OscStream *stream = &osc->streams[i];
    if (!stream->why) {
      ++i;
      continue;
    }
    if (*stream->why) drop(osc, stream->why);
    osc_stream_clear(stream);
    *stream = osc->streams[--osc->streams_count];
  }
}

// Fill what poll is to wait for: sockets, streams, `wake`. Returns whether there is work left from
// the last turn already.
static bool prepare(Osc *osc, int wake, struct pollfd *waits, nfds_t *count)
{
  bool work_left = osc->inbox_end > 0;
  bool accepting = now_ms() >= osc->accept_ms;
  *count = 0;
  for (size_t i = 0; i < osc->sockets_count; ++i) {
    bool listens = osc->sockets[i].fd != osc->sockets[i].udp;
    short events = !listens || accepting ? POLLIN : 0;
    waits[(*count)++] = (struct pollfd){.fd = osc->sockets[i].fd, .events = events};
  }
  for (size_t i = 0; i < osc->streams_count; ++i) {
    OscStream *stream = &osc->streams[i];
    bool unsent = stream->out.start < stream->out.end;
    short events = (short)(stream->ended ? 0 : POLLIN);
    if (unsent) events |= POLLOUT;
    waits[(*count)++] = (struct pollfd){.fd = stream->fd, .events = events};
    work_left = work_left || stream->busy;
  }
  if (wake >= 0) waits[(*count)++] = (struct pollfd){.fd = wake, .events = POLLIN};
  return work_left;
}

bool osc_poll(Osc *osc, int wake, int timeout_ms)
{
  struct pollfd waits[OSC_SOCKETS_MAX + STREAMS_MAX + 1];
  nfds_t count;
  hang_up(osc);
  bool work_left = prepare(osc, wake, waits, &count);
  if (poll(waits, count, work_left ? 0 : timeout_ms) < 0) return errno != EFAULT && errno != EINVAL;
  for (nfds_t i = 0; i < count; ++i)
    if (waits[i].revents & POLLNVAL) return false;
  const size_t sources = 1 + osc->streams_count; // those just accepted come next time
  for (size_t i = 0; i < osc->sockets_count; ++i) {
    const OscSocket *socket = &osc->sockets[i];
    if (!waits[i].revents) continue;
    if (socket->fd == socket->udp) collect(osc, socket->fd);
    else accept_stream(osc, socket);
  }
  osc->first = (osc->first + 1) % sources;
  int turn = TURN;
  for (size_t i = 0; i < sources && turn > 0; ++i) {
    size_t source = (osc->first + i) % sources;
    if (source == 0) {
      turn -= take_letters(osc, turn);
    } else {
      OscStream *stream = &osc->streams[source - 1];
      short events = waits[osc->sockets_count + source - 1].revents;
      if (events || stream->busy) turn -= take_stream(osc, stream, events, turn);
    }
  }
  return true;
}

static OscStream *find_stream(Osc *osc, uint64_t connection)
{
  for (size_t i = 0; i < osc->streams_count; ++i)
    if (osc->streams[i].peer.connection == connection) return &osc->streams[i];
  return NULL;
}

static void send_datagram(Osc *osc, const OscPeer *to, const void *packet, size_t size)
{
  ssize_t sent = sendto(to->socket, packet, size, MSG_NOSIGNAL,
                        (const struct sockaddr *)&to->address, to->size);
  if (sent >= 0 || errno == ECONNREFUSED) return; // nobody listens there: nobody misses it
  drop(osc, errno == EMSGSIZE ? "an answer too long for UDP" : "an answer that could not be sent");
}

void osc_send(Osc *osc, const OscPeer *to, const char *address, lo_message message)
{
  if (!message) return;
  size_t size = lo_message_length(message, address);
  void *packet = malloc(size);
  if (!packet) {
    drop(osc, "no memory for an answer");
  } else {
    lo_message_serialise(message, address, packet, &size);
    OscStream *stream = to->connection ? find_stream(osc, to->connection) : NULL;
    if (stream) osc_stream_send(stream, packet, size);
    else if (!to->connection) send_datagram(osc, to, packet, size);
  }
  free(packet);
  lo_message_free(message);
}
