// SPDX-License-Identifier: ISC
// A client of the Non (or New) Session Manager, API 1.1: where NSM_URL names one, it says which
// folder to go on from and when to save. Its socket hears that server and nobody else.
#ifndef DAEMON_NSM_H
#define DAEMON_NSM_H

#include <stdbool.h>

typedef struct NsmCalls {
  /// Go on as `folder`, which is there but may be empty, says; or save to it. False when it can't.
  bool (*open)(void *data, const char *folder);
  bool (*save)(void *data, const char *folder);
  void *data;
} NsmCalls;

typedef struct Nsm Nsm;

/// Announce `program`, as it was called. NULL: NSM_URL is not set or of no use, which is said.
Nsm *nsm_start(const char *program, const NsmCalls *calls);
/// Do what the server has asked for; never waits.
void nsm_tend(Nsm *nsm);
/// NULL is fine.
void nsm_stop(Nsm *nsm);

#endif
