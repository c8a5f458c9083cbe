// SPDX-License-Identifier: ISC
// Allocations that fail on demand: link with --wrap of malloc, calloc, realloc, strdup and
// aligned_alloc.
#ifndef TESTS_FAIL_ALLOC_H
#define TESTS_FAIL_ALLOC_H

#include <stddef.h>

/// Allocation number `index` (0: the next one) and none other returns NULL; SIZE_MAX: none does.
void fail_alloc_at(size_t index);

/// Allocations since fail_alloc_at.
size_t fail_alloc_count(void);

#endif
