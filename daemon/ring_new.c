// SPDX-License-Identifier: ISC
#include "rt/ring.h"
#include "rt/ring_struct.h"

#include <stdlib.h>

Ring *ring_new(size_t items, size_t size)
{
  size_t whole = 1;
  while (whole < items) whole *= 2;
  Ring *ring = aligned_alloc(_Alignof(Ring), sizeof *ring);
  char *data = calloc(whole, size);
  if (!ring || !data) {
    free(ring);
    free(data);
    return NULL;
  }
  ring->mask = whole - 1;
  ring->size = size;
  ring->data = data;
  atomic_init(&ring->write, 0);
  atomic_init(&ring->lost, 0);
  atomic_init(&ring->read, 0);
  return ring;
}

void ring_free(Ring *ring)
{
  if (!ring) return;
  free(ring->data);
  free(ring);
}

size_t ring_room(const Ring *ring)
{
  return ring->mask + 1;
}
