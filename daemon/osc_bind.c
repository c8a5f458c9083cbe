// SPDX-License-Identifier: ISC
// Opens the sockets: UDP and TCP on one port number of every address asked for, and of no other.
#include "osc_bind.h"

#include "osc_tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESSES_MAX = OSC_SOCKETS_MAX / 2, FREE_PORT_TRIES = 100 };

typedef struct Address {
  struct sockaddr_storage socket;
  socklen_t size;
  bool optional; // without it there is still another to listen at
} Address;

typedef struct Addresses {
  Address all[ADDRESSES_MAX];
  size_t count;
} Addresses;

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
  if (address->ss_family == AF_INET6) ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
  else ((struct sockaddr_in *)address)->sin_port = htons(port);
}

// All addresses of a name. When it has several, those that this machine lacks are left out.
static CenoteStatus resolve(const char *name, bool optional, Addresses *out, CenoteError *err)
{
  struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE};
  struct addrinfo *list = NULL;
  int failed = getaddrinfo(name, NULL, &hints, &list);
  if (failed) {
    snprintf(err->text, sizeof err->text, "--bind %s: %s", name,
             failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
    return CENOTE_BAD_ARGUMENT;
  }
  for (struct addrinfo *one = list; one; one = one->ai_next) {
    bool known = one->ai_family != AF_INET && one->ai_family != AF_INET6;
    for (size_t i = 0; i < out->count; ++i)
      known = known || (out->all[i].size == one->ai_addrlen &&
                        !memcmp(&out->all[i].socket, one->ai_addr, one->ai_addrlen));
    if (known) continue;
    if (out->count == ADDRESSES_MAX) {
      snprintf(err->text, sizeof err->text, "--bind %s: more than %d addresses in all", name,
               ADDRESSES_MAX);
      freeaddrinfo(list);
      return CENOTE_BAD_ARGUMENT;
    }
    Address *address = &out->all[out->count++];
    *address = (Address){.size = one->ai_addrlen, .optional = optional || list->ai_next};
    memcpy(&address->socket, one->ai_addr, one->ai_addrlen);
  }
  freeaddrinfo(list);
  return CENOTE_OK;
}

// A bound socket, or -1 with errno.
static int open_socket(const Address *address, int type)
{
  int fd = socket(address->socket.ss_family, type, 0);
  if (fd < 0) return -1;
  bool ok = osc_set_flags(fd);
  if (address->socket.ss_family == AF_INET6)
    ok = ok && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)) == 0;
  if (type == SOCK_STREAM) // a restart need not wait for old connections to be forgotten
    ok = ok && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0;
  else // a burst should wait, not be lost; the kernel grants what it may
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){1 << 20}, sizeof(int));
  ok = ok && bind(fd, (const struct sockaddr *)&address->socket, address->size) == 0;
  if (type == SOCK_STREAM) ok = ok && listen(fd, 16) == 0;
  if (ok) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static uint16_t port_of(int fd)
{
  struct sockaddr_storage address = {0};
  socklen_t size = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                             : ((struct sockaddr_in *)&address)->sin_port);
}

void osc_unbind(OscSocket *sockets, size_t *count)
{
  while (*count > 0) close(sockets[--*count].fd);
}

// Both sockets of one address. *port 0 becomes the one found. 0, or what went wrong.
static int bind_address(Address *address, uint16_t *port, OscSocket *sockets, size_t *count)
{
  set_port(&address->socket, *port);
  int udp = open_socket(address, SOCK_DGRAM);
  if (udp < 0) return errno;
  if (*port == 0) *port = port_of(udp);
  set_port(&address->socket, *port);
  int tcp = open_socket(address, SOCK_STREAM);
  if (tcp < 0) {
    int error = errno;
    close(udp);
    return error;
  }
  sockets[(*count)++] = (OscSocket){.fd = udp, .udp = udp};
  sockets[(*count)++] = (OscSocket){.fd = tcp, .udp = udp};
  return 0;
}

static bool absent(int error)
{
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

static CenoteStatus explain(const Address *address, uint16_t port, int error, CenoteError *err)
{
  char host[64] = "?";
  getnameinfo((const struct sockaddr *)&address->socket, address->size, host, sizeof host, NULL, 0,
              NI_NUMERICHOST);
  const char *remedy = "";
  if (error == EADDRINUSE)
    remedy = " (is another cenoted running? --port N takes another port, --port 0 any free one)";
  else if (error == EADDRNOTAVAIL)
    remedy = " (not an address of this machine: --bind takes one that is)";
  else if (error == EACCES) remedy = " (--port N takes another port)";
  snprintf(err->text, sizeof err->text, "%s port %u: %s%s", host, port, strerror(error), remedy);
  return CENOTE_BAD_ARGUMENT;
}

static CenoteStatus bind_all(Addresses *addresses, uint16_t *port, OscSocket *sockets,
                             size_t *count, CenoteError *err)
{
  const uint16_t asked = *port;
  for (int tries = 1;; ++tries) {
    int error = 0;
    size_t at = 0;
    *port = asked;
    for (; at < addresses->count; ++at) {
      error = bind_address(&addresses->all[at], port, sockets, count);
      bool spare = *count > 0 || at + 1 < addresses->count;
      if (error && !(absent(error) && addresses->all[at].optional && spare)) break;
      error = 0;
    }
    if (!error) return CENOTE_OK;
    osc_unbind(sockets, count);
    if (asked != 0 || error != EADDRINUSE || tries == FREE_PORT_TRIES)
      return explain(&addresses->all[at], *port, error, err);
  }
}

CenoteStatus osc_bind(const char *const *bind, size_t binds, uint16_t *port, OscSocket *sockets,
                      size_t *count, CenoteError *err)
{
  static const char *const loopback[] = {"127.0.0.1", "::1"};
  CenoteError ignored;
  Addresses addresses = {0};
  if (!err) err = &ignored;
  *count = 0;
  for (size_t i = 0; i < (binds ? binds : 2); ++i) {
    bool optional = binds == 0 && i > 0;
    CenoteStatus status = resolve(binds ? bind[i] : loopback[i], optional, &addresses, err);
    if (status != CENOTE_OK) return status;
  }
  return bind_all(&addresses, port, sockets, count, err);
}
