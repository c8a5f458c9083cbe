// SPDX-License-Identifier: ISC
// What audio time must never do, planted for the guards to catch.
#ifndef TESTS_PLANTED_H
#define TESTS_PLANTED_H

void planted_allocation(void *data); ///< data: size_t, bytes to allocate and free
void planted_lock(void *data);       ///< an uncontended mutex; data: not used
void planted_call(void *data);       ///< data: pid_t, for the answer of a system call

#endif
