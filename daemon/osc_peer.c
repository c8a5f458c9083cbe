// SPDX-License-Identifier: ISC
// Who a client is: its address compared, judged and named.
#include "osc.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct sockaddr_in *as_v4(const OscPeer *peer)
{
  return (const struct sockaddr_in *)&peer->address;
}

static const struct sockaddr_in6 *as_v6(const OscPeer *peer)
{
  return (const struct sockaddr_in6 *)&peer->address;
}

bool osc_peer_equal(const OscPeer *a, const OscPeer *b)
{
  if (a->connection || b->connection) return a->connection == b->connection;
  if (a->address.ss_family != b->address.ss_family) return false;
  if (a->address.ss_family == AF_INET6)
    return as_v6(a)->sin6_port == as_v6(b)->sin6_port &&
           as_v6(a)->sin6_scope_id == as_v6(b)->sin6_scope_id &&
           !memcmp(&as_v6(a)->sin6_addr, &as_v6(b)->sin6_addr, sizeof(struct in6_addr));
  return as_v4(a)->sin_port == as_v4(b)->sin_port &&
         as_v4(a)->sin_addr.s_addr == as_v4(b)->sin_addr.s_addr;
}

bool osc_peer_loopback(const OscPeer *peer)
{
  if (peer->address.ss_family == AF_INET) return ntohl(as_v4(peer)->sin_addr.s_addr) >> 24 == 127;
  if (peer->address.ss_family != AF_INET6) return false;
  const struct in6_addr *address = &as_v6(peer)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(address) ||
         (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

void osc_peer_name(const OscPeer *peer, char text[static 64])
{
  char host[48] = "?", port[8] = "?";
  getnameinfo((const struct sockaddr *)&peer->address, peer->size, host, sizeof host, port,
              sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  bool v6 = peer->address.ss_family == AF_INET6;
  snprintf(text, 64, "%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

OscPeer osc_peer_with_port(const OscPeer *peer, uint16_t port)
{
  OscPeer other = *peer;
  other.connection = 0;
  if (peer->address.ss_family == AF_INET6)
    ((struct sockaddr_in6 *)&other.address)->sin6_port = htons(port);
  else ((struct sockaddr_in *)&other.address)->sin_port = htons(port);
  return other;
}
