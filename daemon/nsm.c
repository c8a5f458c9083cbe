// SPDX-License-Identifier: ISC
#include "nsm.h"

#include "log.h"
#include "osc.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// Codes of the API.
enum { GENERAL = -1, NO_SESSION = -6, CREATE_FAILED = -10 };

enum { PACKETS = 8 }; // in one turn

struct Nsm {
  int socket; ///< connected: the kernel drops what others send
  NsmCalls calls;
  char folder[1024]; ///< empty: no session yet
  bool gone;         ///< that nobody answers there any more, and it was said
};

/// A socket that is connected to the server; -1: why not is said.
static int connect_to(const char *url)
{
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
  struct addrinfo *found = NULL;
  char *host = lo_url_get_hostname(url);
  char *port = lo_url_get_port(url);
  const bool udp = strncmp(url, "osc.udp:", 8) == 0;
  const int error = udp && host && port ? getaddrinfo(host, port, &hints, &found) : EAI_NONAME;
  int fd = -1;
  for (const struct addrinfo *at = found; at && fd == -1; at = at->ai_next) {
    fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1 || connect(fd, at->ai_addr, at->ai_addrlen) == 0) continue;
    close(fd);
    fd = -1;
  }
  if (fd == -1)
    log_warn("NSM_URL %s: %s", url,
             !udp    ? "want osc.udp://HOST:PORT/"
             : error ? gai_strerror(error)
                     : strerror(errno));
  if (found) freeaddrinfo(found);
  free(host);
  free(port);
  return fd;
}

/// Takes the message and frees it.
static void post(const Nsm *nsm, const char *address, lo_message message)
{
  size_t size = 0;
  void *packet = message ? lo_message_serialise(message, address, NULL, &size) : NULL;
  if (packet && send(nsm->socket, packet, size, 0) == -1)
    log_debug("session manager: %s", strerror(errno));
  free(packet);
  lo_message_free(message);
}

static void reply(const Nsm *nsm, const char *address, const char *text)
{
  lo_message message = lo_message_new();
  lo_message_add(message, "ss", address, text);
  post(nsm, "/reply", message);
}

static void refuse(const Nsm *nsm, const char *address, int code, const char *text)
{
  lo_message message = lo_message_new();
  lo_message_add(message, "sis", address, code, text);
  post(nsm, "/error", message);
  log_warn("session manager: %s: %s", address, text);
}

static void do_open(Nsm *nsm, const char *address, const char *folder)
{
  const size_t size = strlen(folder);
  if (folder[0] != '/' || size >= sizeof nsm->folder) {
    refuse(nsm, address, GENERAL, "not a path that it can take");
  } else if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
    refuse(nsm, address, CREATE_FAILED, strerror(errno));
  } else if (!nsm->calls.open(nsm->calls.data, folder)) {
    refuse(nsm, address, GENERAL, "the session cannot be read");
  } else {
    memcpy(nsm->folder, folder, size + 1);
    reply(nsm, address, "opened");
    log_debug("session in %s", folder);
  }
}

static void do_save(const Nsm *nsm, const char *address)
{
  if (nsm->folder[0] == '\0') refuse(nsm, address, NO_SESSION, "no session is open");
  else if (nsm->calls.save(nsm->calls.data, nsm->folder)) reply(nsm, address, "saved");
  else refuse(nsm, address, GENERAL, "the session cannot be written");
}

/// Liblo's strings lie at multiples of four.
static const char *text(lo_message message, int at)
{
  return (const char *)lo_message_get_argv(message)[at];
}

static void obey(Nsm *nsm, const char *address, lo_message message)
{
  const char *types = lo_message_get_types(message);
  if (strcmp(address, "/nsm/client/open") == 0 && strncmp(types, "sss", 3) == 0)
    do_open(nsm, address, text(message, 0));
  else if (strcmp(address, "/nsm/client/save") == 0) do_save(nsm, address);
  else if (strcmp(address, "/reply") == 0 && strncmp(types, "sss", 3) == 0)
    log_debug("session manager: %s (%s)", text(message, 1), text(message, 2));
  else if (strcmp(address, "/error") == 0 && strncmp(types, "sis", 3) == 0)
    log_warn("session manager: %s: %s", text(message, 0), text(message, 2));
}

void nsm_tend(Nsm *nsm)
{
  char packet[8192];
  for (int i = 0; nsm && i < PACKETS; ++i) {
    const ssize_t size = recv(nsm->socket, packet, sizeof packet, MSG_DONTWAIT);
    if (size == -1 && errno == ECONNREFUSED && !nsm->gone) {
      nsm->gone = true;
      log_warn("session manager: nobody answers at NSM_URL");
    }
    if (size <= 0) return;
    if (packet[0] != '/' || !osc_valid(packet, (size_t)size, NULL)) continue;
    lo_message message = lo_message_deserialise(packet, (size_t)size, NULL);
    if (message) obey(nsm, packet, message);
    lo_message_free(message);
  }
}

Nsm *nsm_start(const char *program, const NsmCalls *calls)
{
  const char *url = getenv("NSM_URL");
  if (!url || !*url) return NULL;
  Nsm *nsm = calloc(1, sizeof *nsm);
  if (!nsm) return NULL;
  nsm->calls = *calls;
  nsm->socket = connect_to(url);
  if (nsm->socket == -1) {
    free(nsm);
    return NULL;
  }
  lo_message message = lo_message_new();
  lo_message_add(message, "sssiii", "cenoted", ":switch:", program, 1, 1, (int)getpid());
  post(nsm, "/nsm/server/announce", message);
  return nsm;
}

void nsm_stop(Nsm *nsm)
{
  if (!nsm) return;
  close(nsm->socket);
  free(nsm);
}
