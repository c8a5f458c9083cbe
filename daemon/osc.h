// SPDX-License-Identifier: ISC
// OSC 1.0 over UDP and TCP on sockets of our own (liblo would bind every interface, fire bundles
// early and drop mistyped messages in silence). A packet is validated wholly before liblo sees it;
// what can't be parsed is dropped and counted. One thread calls all of this.
#ifndef DAEMON_OSC_H
#define DAEMON_OSC_H

#include <cenote/cenote.h>
#include <lo/lo.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct Osc Osc;

/// Who sent a message; copy it to answer later. An answer to a TCP client that has hung up goes
/// nowhere.
typedef struct OscPeer {
  uint64_t connection; ///< TCP: which one, never used again; UDP: 0
  int socket;          ///< UDP: the socket that it wrote to
  socklen_t size;
  struct sockaddr_storage address;
} OscPeer;

/// One message. `timetag` is NTP time, 1 for now; messages of one bundle, and of the bundles within
/// it, come in the order in which they stand there, with `bundle` the same number (0: not in a
/// bundle), `last` true on the last one. `address` may be a pattern, at most 255
/// characters, none of them a control character. All of it lives until the handler returns.
/// Arrays are flattened, colours are whole numbers. Of liblo's `argv`, T, F, N and I are NULL, and
/// the others lie at multiples of four bytes, not of a lo_arg's eight: cast the pointer (`(const
/// char *)argv[i]`) or memcpy.
typedef struct OscMessage {
  const OscPeer *from;
  uint64_t timetag;
  uint64_t bundle;
  bool last;
  const char *address;
  lo_message message;
} OscMessage;

typedef void (*OscHandler)(void *data, const OscMessage *message);

/// Bind UDP and TCP on `port` (0: any, the same for all) of each address; none: 127.0.0.1 and ::1
/// (no IPv6 is no error). On failure err names address, port and reason.
CenoteStatus osc_open(const char *const *bind, size_t binds, uint16_t port, OscHandler handler,
                      void *data, Osc **out, CenoteError *err);
/// NULL is fine.
void osc_close(Osc *osc);

uint16_t osc_port(const Osc *osc);

/// Wait up to timeout_ms for packets (or for `wake`, a readable descriptor, -1: none), hand each
/// message to the handler. False when a socket failed for good.
bool osc_poll(Osc *osc, int wake, int timeout_ms);

/// Hears of each packet before its messages are handled, and of what is dropped: `why` NULL: it is
/// not; packet and from NULL: it was no packet.
typedef void (*OscWatch)(void *data, const OscPeer *from, const void *packet, size_t size,
                         const char *why);
void osc_watch(Osc *osc, OscWatch watch, void *data);

/// Send, from the port that the peer wrote to. Never blocks: a TCP client that does not read is
/// hung up on. Takes the message and frees it; NULL is fine.
void osc_send(Osc *osc, const OscPeer *to, const char *address, lo_message message);

/// Packets dropped as not OSC, and answers that could not be sent; why (may be NULL; NULL if there
/// was none) the last one was.
uint64_t osc_dropped(const Osc *osc, const char **why);

/// OSC 1.0 pattern matching, bounded in time: ? * [a-z] [!a] {foo,bar}.
bool osc_match(const char *pattern, const char *address);

bool osc_peer_equal(const OscPeer *a, const OscPeer *b);
/// 127.0.0.0/8, ::1 and what maps to them.
bool osc_peer_loopback(const OscPeer *peer);
/// "127.0.0.1:51234" for messages; text[64].
void osc_peer_name(const OscPeer *peer, char text[static 64]);
/// The same peer at another UDP port (for /notify's port argument).
OscPeer osc_peer_with_port(const OscPeer *peer, uint16_t port);

/// Whether bytes are one well-formed OSC message or bundle (nesting at most 8 deep, at most 1024
/// messages): sizes in fours, strings terminated and padded, blob and element sizes within, known
/// type tags, brackets paired. *why (may be NULL) says what is not.
bool osc_valid(const void *packet, size_t size, const char **why);

#endif
