// SPDX-License-Identifier: ISC
#include "service.h"

#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_NS INT64_C(10000000000)

/// The manager's socket; its name begins with '/', or with '@' for one that is not in the file
/// system. -1: none, or unusable.
static int connect_to(const char *name)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t size = strlen(name);
  if ((name[0] != '/' && name[0] != '@') || size < 2 || size >= sizeof address.sun_path) {
    errno = EINVAL;
    return -1;
  }
  memcpy(address.sun_path, name, size);
  if (name[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd == -1) return -1;
  const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  if (connect(fd, (const struct sockaddr *)&address, length) == 0) return fd;
  close(fd);
  return -1;
}

/// Never waits: a manager that does not read must not stop the daemon.
static void tell(const Service *service, const char *text)
{
  if (send(service->socket, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
    log_debug("NOTIFY_SOCKET: %s", strerror(errno));
}

/// Half of WATCHDOG_USEC, if it is meant for this process.
static int64_t watchdog_ns(void)
{
  const char *usec = getenv("WATCHDOG_USEC");
  const char *pid = getenv("WATCHDOG_PID");
  if (!usec || (pid && strtoll(pid, NULL, 10) != (long long)getpid())) return 0;
  const long long every = strtoll(usec, NULL, 10);
  return every > 0 && every < INT64_MAX / 1000 ? every * 500 : 0;
}

void service_open(Service *service)
{
  *service = (Service){.socket = -1};
  const char *name = getenv("NOTIFY_SOCKET");
  if (!name) return;
  service->socket = connect_to(name);
  if (service->socket == -1) log_warn("NOTIFY_SOCKET %s: %s", name, strerror(errno));
  else service->watchdog_ns = watchdog_ns();
}

bool service_due(const Service *service, int64_t now_ns)
{
  if (service->socket == -1) return false;
  if (!service->ready || now_ns >= service->status_due_ns) return true;
  return service->watchdog_ns > 0 && now_ns >= service->sign_due_ns;
}

static void tell_status(Service *service, const ServiceState *state)
{
  char text[512];
  snprintf(text, sizeof text, "%sSTATUS=%.200s: %" PRIu32 " %s, load %.0f %%, %" PRIu64 " xruns",
           service->ready ? "" : "READY=1\n", state->preset, state->voices,
           state->voices == 1 ? "voice" : "voices", (double)state->load, state->xruns);
  for (char *at = strstr(text, "STATUS="); *at; ++at) // a line each, whatever a file is called
    if (*at == '\n' || *at == '\r') *at = '?';
  tell(service, text);
}

void service_tend(Service *service, const ServiceState *state, int64_t now_ns)
{
  if (service->socket == -1 || (!service->ready && state->frames == 0 && !state->idle)) return;
  if (!service->ready || now_ns >= service->status_due_ns) {
    tell_status(service, state);
    service->ready = true;
    service->status_due_ns = now_ns + STATUS_NS;
  }
  if (service->watchdog_ns == 0 || now_ns < service->sign_due_ns) return;
  service->sign_due_ns = now_ns + service->watchdog_ns;
  if (state->frames == service->frames && !state->idle) return;
  service->frames = state->frames;
  tell(service, "WATCHDOG=1");
}

void service_stopping(Service *service)
{
  if (service->socket != -1) tell(service, "STOPPING=1");
}

void service_close(Service *service)
{
  if (service->socket != -1) close(service->socket);
  service->socket = -1;
}
