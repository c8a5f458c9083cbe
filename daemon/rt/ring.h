// SPDX-License-Identifier: ISC
// A queue of equal items between one writer thread and one reader thread, without locks. Each side
// loads the other's index once (acquire), works, and stores its own (release).
#ifndef DAEMON_RING_H
#define DAEMON_RING_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Ring Ring;

/// Room for at least `items` items of `size` bytes; NULL when there is no memory.
Ring *ring_new(size_t items, size_t size);
/// NULL is fine; both threads have ended.
void ring_free(Ring *ring);

/// Items that it can hold.
size_t ring_room(const Ring *ring);

/// For the writer alone: items that can be written now.
CENOTE_RT size_t ring_space(const Ring *ring);
/// For the writer alone: all `count` items, seen by the reader at once, or none: false.
CENOTE_RT bool ring_write(Ring *ring, const void *items, size_t count);

/// Items that found no room, in all.
CENOTE_RT uint64_t ring_lost(const Ring *ring);

/// For the reader alone: items that can be read now.
CENOTE_RT size_t ring_filled(const Ring *ring);
/// For the reader alone: up to `count` items; how many there were.
CENOTE_RT size_t ring_read(Ring *ring, void *items, size_t count);

#endif
