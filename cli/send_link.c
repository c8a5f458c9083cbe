// SPDX-License-Identifier: ISC
// One socket to the daemon, every wait bounded.
#include "send.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t send_now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool wait_for(int fd, short events, int64_t deadline_ms)
{
  struct pollfd one = {.fd = fd, .events = events};
  for (;;) {
    int64_t left = deadline_ms - send_now_ms();
    int ready = poll(&one, 1, left > 0 ? (int)left : 0);
    if (ready > 0) return true;
    if (ready == 0) errno = ETIMEDOUT;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// The outcome of a connection begun without waiting.
static bool connected(int fd, int64_t deadline_ms)
{
  int error = 0;
  socklen_t size = sizeof error;
  if (!wait_for(fd, POLLOUT, deadline_ms)) return false;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return false;
  errno = error;
  return error == 0;
}

bool send_link_open(SendLink *link, const struct addrinfo *to, bool tcp, int64_t deadline_ms)
{
  int fd = socket(to->ai_family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
  if (fd < 0) return false;
  bool ok = osc_set_flags(fd);
  // Connected, a UDP socket hears that nobody listens, and hears nobody else.
  if (ok && connect(fd, to->ai_addr, to->ai_addrlen) != 0)
    ok = errno == EINPROGRESS && connected(fd, deadline_ms);
  if (!ok) {
    int error = errno;
    close(fd);
    errno = error;
    return false;
  }
  link->tcp = tcp;
  osc_stream_init(&link->stream, fd, -1, 1);
  link->stream.framing = OSC_FRAMING_SIZES;
  return true;
}

void send_link_close(SendLink *link)
{
  osc_stream_clear(&link->stream);
}

// A stream that failed says why in words of its own, or has hung up.
static bool alive(const OscStream *stream)
{
  if (!stream->why && !stream->ended) return true;
  errno = stream->why && *stream->why ? EPROTO : ECONNRESET;
  return false;
}

bool send_link_put(SendLink *link, const void *packet, size_t size, int64_t deadline_ms)
{
  OscStream *stream = &link->stream;
  if (!link->tcp) return send(stream->fd, packet, size, MSG_NOSIGNAL) >= 0;
  osc_stream_send(stream, packet, size);
  while (alive(stream) && stream->out.start < stream->out.end) {
    if (!wait_for(stream->fd, POLLOUT, deadline_ms)) return false;
    osc_stream_flush(stream);
  }
  return alive(stream);
}

bool send_link_get(SendLink *link, const uint8_t **packet, size_t *size, int64_t deadline_ms)
{
  OscStream *stream = &link->stream;
  for (;;) {
    if (link->tcp && osc_stream_next(stream, packet, size)) return true;
    if (!alive(stream) || !wait_for(stream->fd, POLLIN, deadline_ms)) return false;
    if (link->tcp) {
      osc_stream_read(stream);
      continue;
    }
    ssize_t got = recv(stream->fd, link->datagram, sizeof link->datagram, 0);
    if (got >= 0) {
      *packet = link->datagram;
      *size = (size_t)got;
      return true;
    }
    if (errno != EAGAIN && errno != EINTR) return false;
  }
}
