// SPDX-License-Identifier: ISC
// What systemd (or another manager that sets NOTIFY_SOCKET) is told: ready, how it goes, that the
// sound goes on, stopping. The protocol is a datagram of lines, too little to want libsystemd for.
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Service {
  int socket;          ///< -1: nobody listens, and every call does nothing
  int64_t watchdog_ns; ///< between two signs of life: half of what is asked for; 0: none are
  int64_t sign_due_ns;
  int64_t status_due_ns;
  uint64_t frames; ///< at the last sign of life
  bool ready;
} Service;

/// How the daemon does.
typedef struct ServiceState {
  uint64_t frames;    ///< rendered so far
  bool idle;          ///< that they need not grow: they wait for a reader, or it is over
  const char *preset; ///< what plays
  uint32_t voices;    ///< that sound
  float load;         ///< %
  uint64_t xruns;
} ServiceState;

/// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
void service_open(Service *service);

/// Whether service_tend has something to do by now: what to ask the state for.
bool service_due(const Service *service, int64_t now_ns);
/// READY=1 with the first frames, STATUS= every 10 s, and WATCHDOG=1 in time, but only if more
/// frames have been rendered since the last or none need be. now_ns: of a clock that never stops.
void service_tend(Service *service, const ServiceState *state, int64_t now_ns);

void service_stopping(Service *service);
void service_close(Service *service);

#endif
