// SPDX-License-Identifier: ISC
#ifndef DAEMON_OSC_BIND_H
#define DAEMON_OSC_BIND_H

#include "osc.h"

enum { OSC_SOCKETS_MAX = 32 }; ///< UDP and TCP, of 16 addresses

/// A socket that packets or connections arrive at.
typedef struct OscSocket {
  int fd;
  int udp; ///< the UDP socket of the same address; `fd` itself if this is one
} OscSocket;

/// As osc_open; sockets[OSC_SOCKETS_MAX], *count of them, all at *port.
CenoteStatus osc_bind(const char *const *bind, size_t binds, uint16_t *port, OscSocket *sockets,
                      size_t *count, CenoteError *err);
/// Close all of them.
void osc_unbind(OscSocket *sockets, size_t *count);

#endif
