// SPDX-License-Identifier: ISC
#include "rt/ring.h"

#include "rt/ring_struct.h"

#include <string.h>

CENOTE_RT size_t ring_space(const Ring *ring)
{
  const size_t read = atomic_load_explicit(&ring->read, memory_order_acquire);
  const size_t write = atomic_load_explicit(&ring->write, memory_order_relaxed);
  return ring->mask + 1 - (write - read);
}

CENOTE_RT bool ring_write(Ring *ring, const void *items, size_t count)
{
  if (ring_space(ring) < count) {
    atomic_fetch_add_explicit(&ring->lost, count, memory_order_relaxed);
    return false;
  }
  const size_t write = atomic_load_explicit(&ring->write, memory_order_relaxed);
  const size_t at = write & ring->mask;
  const size_t first = ring->mask + 1 - at < count ? ring->mask + 1 - at : count;
  memcpy(ring->data + at * ring->size, items, first * ring->size);
  memcpy(ring->data, (const char *)items + first * ring->size, (count - first) * ring->size);
  atomic_store_explicit(&ring->write, write + count, memory_order_release);
  return true;
}

CENOTE_RT uint64_t ring_lost(const Ring *ring)
{
  return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}

CENOTE_RT size_t ring_filled(const Ring *ring)
{
  const size_t write = atomic_load_explicit(&ring->write, memory_order_acquire);
  return write - atomic_load_explicit(&ring->read, memory_order_relaxed);
}

CENOTE_RT size_t ring_read(Ring *ring, void *items, size_t count)
{
  const size_t filled = ring_filled(ring);
  if (count > filled) count = filled;
  const size_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
  const size_t at = read & ring->mask;
  const size_t first = ring->mask + 1 - at < count ? ring->mask + 1 - at : count;
  memcpy(items, ring->data + at * ring->size, first * ring->size);
  memcpy((char *)items + first * ring->size, ring->data, (count - first) * ring->size);
  atomic_store_explicit(&ring->read, read + count, memory_order_release);
  return count;
}
