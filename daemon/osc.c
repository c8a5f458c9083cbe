// SPDX-License-Identifier: ISC
// Waits for all sockets at once. Each turn takes a bounded amount of work, beginning with another
// socket than the last, so that a flood at one starves neither the others nor the caller's loop.
#include "osc.h"

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
#include <time.h>
#include <unistd.h>

enum {
  STREAMS_MAX = 64, // TCP connections
  TURN = 256,       // of work a call: 1 for each packet, and 1 for each KiB in it
  REST_MS = 100,    // before asking for connections again when there was no descriptor for one
};

struct Osc {
  OscHandler handler;
  void *data;
  uint64_t bundles;     // numbered so far
  uint64_t connections; // the same
  uint64_t dropped;
  const char *why;
  int64_t accept_ms; // when to accept connections again
  size_t first;      // who begins the next turn
  uint16_t port;
  size_t sockets_count, streams_count;
  OscSocket sockets[OSC_SOCKETS_MAX];
  OscStream streams[STREAMS_MAX];
  uint8_t datagram[OSC_DATAGRAM_MAX + 1];
};

static int64_t now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void drop(Osc *osc, const char *why)
{
  ++osc->dropped;
  osc->why = why;
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

// What the packet costs of a turn.
static int take(Osc *osc, const OscPeer *from, const uint8_t *packet, size_t size)
{
  const char *why = NULL;
  if (!osc_valid(packet, size, &why)) {
    drop(osc, why);
  } else {
    size_t lost = osc_walk(packet, size, from, &osc->bundles, osc->handler, osc->data);
    if (lost) drop(osc, "no memory for a message");
  }
  return 1 + (int)(size / 1024);
}

static int take_datagrams(Osc *osc, int fd, int turn)
{
  int done = 0;
  while (done < turn) {
    OscPeer from = {.socket = fd, .size = sizeof from.address};
    ssize_t size = recvfrom(fd, osc->datagram, sizeof osc->datagram, 0,
                            (struct sockaddr *)&from.address, &from.size);
    if (size < 0) break; // nothing left, or news of an answer that was not wanted
    done += take(osc, &from, osc->datagram, (size_t)size);
  }
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

// Fill what poll is to wait for: sockets, streams, `wake`. Returns whether some stream has work
// left from the last turn already.
static bool prepare(Osc *osc, int wake, struct pollfd *waits, nfds_t *count)
{
  bool work_left = false;
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
  size_t all = osc->sockets_count + osc->streams_count;
  osc->first = (osc->first + 1) % all;
  int turn = TURN;
  for (size_t i = 0; i < all && turn > 0; ++i) {
    size_t at = (osc->first + i) % all;
    short events = waits[at].revents;
    if (events & POLLNVAL) return false;
    if (at >= osc->sockets_count) {
      OscStream *stream = &osc->streams[at - osc->sockets_count];
      if (events || stream->busy) turn -= take_stream(osc, stream, events, turn);
    } else if (events) {
      const OscSocket *socket = &osc->sockets[at];
      if (socket->fd == socket->udp) turn -= take_datagrams(osc, socket->fd, turn);
      else accept_stream(osc, socket);
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
