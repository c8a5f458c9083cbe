// SPDX-License-Identifier: ISC
// What comes in, on standard error, as scsynth's /dumpOSC has it, and why it was dropped. So many
// lines a second and no more, for a flood must not stop the daemon at a slow terminal.
#ifndef DAEMON_DUMP_H
#define DAEMON_DUMP_H

#include "osc.h"

typedef struct Dump {
  int32_t level; ///< 0 off, 1 what messages say, 2 the bytes of packets, 3 both
  int64_t second;
  uint32_t lines; ///< printed in that second
} Dump;

/// Whether to print that many lines more now; never when it is off.
bool dump_room(Dump *dump, uint32_t lines);
/// A packet as it came; why (NULL: it was not) it was dropped. Without a packet: what else was.
void dump_packet(Dump *dump, const OscPeer *from, const void *packet, size_t size, const char *why);
void dump_message(Dump *dump, const OscMessage *message);

#endif
