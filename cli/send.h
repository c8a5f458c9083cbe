// SPDX-License-Identifier: ISC
// What `cenote send` is made of: a link to the daemon, and messages typed and printed.
#ifndef CLI_SEND_H
#define CLI_SEND_H

#include "osc_packet.h"
#include "osc_tcp.h"

#include <netdb.h>
#include <stdio.h>

typedef struct SendLink {
  bool tcp;
  OscStream stream; ///< of UDP only the socket is used
  uint8_t datagram[OSC_DATAGRAM_MAX];
} SendLink;

/// Milliseconds on a clock that never jumps.
int64_t send_now_ms(void);

// False on failure with errno as it was: ECONNREFUSED where nobody listens, ETIMEDOUT past
// deadline_ms.
bool send_link_open(SendLink *link, const struct addrinfo *to, bool tcp, int64_t deadline_ms);
bool send_link_put(SendLink *link, const void *packet, size_t size, int64_t deadline_ms);
/// The next packet, which lives until the next call.
bool send_link_get(SendLink *link, const uint8_t **packet, size_t *size, int64_t deadline_ms);
void send_link_close(SendLink *link);

/// Add one argument of the command line: `i:3 h:3 f:0.5 d:0.5 s:text T F`, else by its look: a
/// whole number, a number, a string. NULL, or what is wrong with it.
const char *send_add_argument(lo_message message, const char *text);

/// One line: address and values. Strings stand in quotes only where they need them.
void send_print(FILE *out, const char *address, lo_message message);

#endif
