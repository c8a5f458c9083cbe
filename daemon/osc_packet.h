// SPDX-License-Identifier: ISC
// From bytes to messages, with no socket in sight: shared by the daemon's transport, `cenote send`
// and the fuzz target.
#ifndef DAEMON_OSC_PACKET_H
#define DAEMON_OSC_PACKET_H

#include "osc.h"

enum {
  OSC_NESTING_MAX = 8,     ///< bundles within bundles
  OSC_MESSAGES_MAX = 1024, ///< in one packet; bounds the work that it can ask for
  OSC_ADDRESS_MAX = 255,   ///< characters; bounds the work of matching a pattern
  OSC_DATAGRAM_MAX = 65507 ///< bytes that one UDP packet carries
};

/// Hand each message of a packet that is osc_valid to handler. `*bundles` numbers the bundles and
/// goes on from packet to packet. Returns how many messages were lost for want of memory.
size_t osc_walk(const void *packet, size_t size, const OscPeer *from, uint64_t *bundles,
                OscHandler handler, void *data);

/// Big-endian whole numbers, as OSC has them.
uint32_t osc_get32(const uint8_t *bytes);
uint64_t osc_get64(const uint8_t *bytes);
void osc_put32(uint8_t *bytes, uint32_t value);

/// Bytes that a string takes in a packet: it and 1 to 4 zeros.
size_t osc_string_size(const uint8_t *text);

#endif
