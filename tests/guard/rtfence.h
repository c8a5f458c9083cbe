// SPDX-License-Identifier: ISC
// Runs a piece of audio time where it may neither call what rtguard knows nor the system.
#ifndef TESTS_RTFENCE_H
#define TESTS_RTFENCE_H

typedef void (*FenceWork)(void *data);

/// Run under rtguard: how many calls it caught; UINT_MAX when it is not preloaded.
unsigned fence_calls(FenceWork work, void *data);

enum { FENCE_NONE = -1, FENCE_UNUSABLE = -2, FENCE_CRASHED = -3 };

/// Run in a child whose every system call but its own end is trapped (seccomp): the number of the
/// first one, or one of the above. UNUSABLE: the kernel has no such filter. What work changes stays
/// in the child.
int fence_system_call(FenceWork work, void *data);

#endif
