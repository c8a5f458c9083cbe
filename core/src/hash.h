// SPDX-License-Identifier: ISC
#ifndef CN_HASH_H
#define CN_HASH_H

#include <stddef.h>
#include <stdint.h>

/// Mix bytes into a running 64-bit hash (start with any seed). Not cryptographic: it tells models
/// and damaged states apart. The same on every little-endian machine.
uint64_t cn_hash(uint64_t seed, const void *bytes, size_t size);

#endif
