// SPDX-License-Identifier: ISC
#ifndef DAEMON_RTKIT_H
#define DAEMON_RTKIT_H

#include <stdbool.h>
#include <sys/types.h>

/// Have RealtimeKit, by D-Bus, give a thread of this process SCHED_RR. Its price is
/// RLIMIT_RTTIME: threads that take a fraction of a second without a pause get ordinary priority
/// back. False: `why`.
bool rtkit_ask(pid_t thread, char why[static 128]);

#endif
