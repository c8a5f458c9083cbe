// SPDX-License-Identifier: ISC
// What ring.c (audio time) and ring_new.c (load time) share.
#ifndef DAEMON_RING_STRUCT_H
#define DAEMON_RING_STRUCT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct Ring {
  size_t mask; ///< items - 1; the number of items is a power of two
  size_t size; ///< bytes of an item
  char *data;
  _Alignas(64) _Atomic size_t write; ///< items ever written; the writer's
  _Atomic uint64_t lost;             ///< items that found no room; the writer's
  _Alignas(64) _Atomic size_t read;  ///< items ever read; the reader's
};

#endif
