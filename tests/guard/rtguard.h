// SPDX-License-Identifier: ISC
// The guard library of LD_PRELOAD. Weak: without it these are NULL.
#ifndef TESTS_RTGUARD_H
#define TESTS_RTGUARD_H

/// From here on, what this thread must not call in audio time is named on standard error.
__attribute__((weak)) void rtguard_enter(void);
/// Ends that; how many calls there were.
__attribute__((weak)) unsigned rtguard_leave(void);

#endif
