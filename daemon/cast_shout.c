// SPDX-License-Identifier: ISC
// libsndfile's bytes go through its virtual file to libshout, whose socket never waits: its queue
// is watched instead. A stream that breaks is begun anew, with headers of its own.
#include "cast.h"
#include "now.h"

#include <netdb.h>
#include <shout/shout.h>
#include <sndfile.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// A queue past this is a server that does not keep up; nothing taken for so long, one that is dead.
enum {
  QUEUE_BYTES = 65536,
  DEAD_MS = 5000,
  CONNECT_MS = 10000,
  FIRST_MS = 1000,
  LONGEST_MS = 30000
};

struct Cast {
  char host[256];
  char mount[256];
  char user[128];
  char password[256];
  unsigned short port;
  char name[600];
  uint32_t rate_hz;
  shout_t *shout;
  SNDFILE *file;    ///< once connected
  sf_count_t bytes; ///< of this stream
  bool broken;      ///< the rest of this stream goes nowhere
  bool told;        ///< that it is away
  int64_t since_ms; ///< the connection was asked for
  int64_t again_ms; ///< not before
  int64_t wait_ms;
  atomic_bool given_up;
};

/// %XX, so that a password may hold @ and /.
static bool unescape(const char *from, size_t length, char *to, size_t size)
{
  size_t at = 0;
  for (size_t i = 0; i < length; ++i) {
    char c = from[i];
    if (c == '%' && i + 2 < length) {
      const char hex[3] = {from[i + 1], from[i + 2], '\0'};
      char *end;
      c = (char)strtoul(hex, &end, 16);
      if (*end != '\0') return false;
      i += 2;
    }
    if (at + 1 >= size || c == '\0') return false;
    to[at++] = c;
  }
  to[at] = '\0';
  return true;
}

/// HOST[:PORT], an IPv6 address in brackets.
static bool parse_host(Cast *cast, const char *from, size_t length)
{
  char text[300];
  if (length == 0 || length >= sizeof text) return false;
  memcpy(text, from, length);
  text[length] = '\0';
  char *close = text[0] == '[' ? strchr(text, ']') : NULL;
  char *colon = strchr(close ? close : text, ':');
  unsigned long port = 8000;
  if (colon) {
    char *end;
    port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || end == colon + 1 || port < 1 || port > 65535) return false;
    *colon = '\0';
  }
  if (close) *close = '\0';
  cast->port = (unsigned short)port;
  snprintf(cast->host, sizeof cast->host, "%.255s", close ? text + 1 : text);
  return cast->host[0] != '\0';
}

static bool parse(Cast *cast, const char *url)
{
  const char *from = url + strlen("icecast://");
  const char *slash = strchr(from, '/');
  if (!slash || slash[1] == '\0' || strlen(slash) >= sizeof cast->mount) return false;
  snprintf(cast->mount, sizeof cast->mount, "%s", slash);
  snprintf(cast->user, sizeof cast->user, "source");
  const char *at = slash;
  while (at > from && *at != '@') --at;
  if (*at == '@') {
    const char *colon = memchr(from, ':', (size_t)(at - from));
    const char *password = colon ? colon + 1 : from;
    if (colon && colon > from &&
        !unescape(from, (size_t)(colon - from), cast->user, sizeof cast->user))
      return false;
    if (!unescape(password, (size_t)(at - password), cast->password, sizeof cast->password))
      return false;
    from = at + 1;
  }
  if (!parse_host(cast, from, (size_t)(slash - from))) return false;
  snprintf(cast->name, sizeof cast->name, "icecast://%.255s:%u%.255s", cast->host, cast->port,
           cast->mount);
  return true;
}

CenoteStatus cast_open(const char *url, uint32_t rate_hz, Cast **out, CenoteError *err)
{
  *out = NULL;
  Cast *cast = calloc(1, sizeof *cast);
  if (!cast) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return CENOTE_NO_MEMORY;
  }
  cast->rate_hz = rate_hz;
  cast->wait_ms = FIRST_MS;
  atomic_init(&cast->given_up, false);
  const bool good = parse(cast, url);
  const char *secret = getenv("ICECAST_PASSWORD");
  if (cast->password[0] == '\0' && secret)
    snprintf(cast->password, sizeof cast->password, "%s", secret);
  if (!good || cast->password[0] == '\0') { // the URL is not repeated: it may hold the password
    snprintf(err->text, sizeof err->text, "icecast://: %s",
             good ? "no password, neither in the URL nor in ICECAST_PASSWORD"
                  : "want icecast://USER:PASSWORD@HOST:PORT/MOUNT");
    free(cast);
    return CENOTE_BAD_ARGUMENT;
  }
  shout_init();
  *out = cast;
  return CENOTE_OK;
}

const char *cast_name(const Cast *cast)
{
  return cast->name;
}

/// Away from the server; told once, until it is back.
static void lose(Cast *cast, const char *why)
{
  cast->broken = true;
  if (cast->file) sf_close(cast->file);
  cast->file = NULL;
  if (!cast->told && !atomic_load(&cast->given_up))
    fprintf(stderr, "cenoted: %s: %s; trying again\n", cast->name, why);
  cast->told = true;
  if (cast->shout) {
    shout_close(cast->shout);
    shout_free(cast->shout);
  }
  cast->shout = NULL;
  cast->again_ms = now_ms() + cast->wait_ms;
  cast->wait_ms = cast->wait_ms * 2 < LONGEST_MS ? cast->wait_ms * 2 : LONGEST_MS;
}

/// Whether anybody listens there. libshout never frees what a refused connection held (2.4.6:
/// shout_close and shout_free both decline), so that weeks of trying would fill the memory.
static bool anybody(const Cast *cast)
{
  char port[8];
  snprintf(port, sizeof port, "%u", cast->port);
  const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  if (getaddrinfo(cast->host, port, &want, &found) != 0) return false;
  bool there = false;
  for (const struct addrinfo *at = found; at && !there; at = at->ai_next) {
    const int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    const struct timeval most = {.tv_sec = 3}; // for connect too
    if (fd < 0) continue;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    there = connect(fd, at->ai_addr, at->ai_addrlen) == 0;
    close(fd);
  }
  freeaddrinfo(found);
  return there;
}

static void connect_now(Cast *cast)
{
  if (!anybody(cast)) {
    lose(cast, "nobody listens there");
    return;
  }
  cast->shout = shout_new();
  if (!cast->shout) {
    lose(cast, "out of memory");
    return;
  }
  shout_t *shout = cast->shout;
  cast->since_ms = now_ms();
  bool good = shout_set_host(shout, cast->host) == SHOUTERR_SUCCESS;
  good = good && shout_set_port(shout, cast->port) == SHOUTERR_SUCCESS;
  good = good && shout_set_user(shout, cast->user) == SHOUTERR_SUCCESS;
  good = good && shout_set_password(shout, cast->password) == SHOUTERR_SUCCESS;
  good = good && shout_set_mount(shout, cast->mount) == SHOUTERR_SUCCESS;
  good = good && shout_set_protocol(shout, SHOUT_PROTOCOL_HTTP) == SHOUTERR_SUCCESS;
  good = good && shout_set_content_format(shout, SHOUT_FORMAT_OGG, SHOUT_USAGE_AUDIO, NULL) ==
                     SHOUTERR_SUCCESS;
  good = good && shout_set_agent(shout, "cenoted") == SHOUTERR_SUCCESS;
  good = good && shout_set_nonblocking(shout, 1) == SHOUTERR_SUCCESS;
  const int status = good ? shout_open(shout) : shout_get_errno(shout);
  if (status != SHOUTERR_SUCCESS && status != SHOUTERR_BUSY) lose(cast, shout_get_error(shout));
}

static sf_count_t get_length(void *data)
{
  return ((const Cast *)data)->bytes;
}

/// The end is the only place there is.
static sf_count_t seek(sf_count_t to, int whence, void *data)
{
  (void)to;
  (void)whence;
  return ((const Cast *)data)->bytes;
}

static sf_count_t read_nothing(void *to, sf_count_t count, void *data)
{
  (void)to;
  (void)count;
  (void)data;
  return 0;
}

static sf_count_t send_bytes(const void *from, sf_count_t count, void *data)
{
  Cast *cast = data;
  cast->bytes += count;
  if (cast->broken) return count;
  const int status = shout_send(cast->shout, from, (size_t)count);
  cast->broken = status != SHOUTERR_SUCCESS && status != SHOUTERR_BUSY;
  return count;
}

static void begin_stream(Cast *cast)
{
  static SF_VIRTUAL_IO io = {get_length, seek, read_nothing, send_bytes, get_length};
  SF_INFO info = {
      .samplerate = (int)cast->rate_hz, .channels = 2, .format = SF_FORMAT_OGG | SF_FORMAT_VORBIS};
  cast->broken = false;
  cast->bytes = 0;
  cast->file = sf_open_virtual(&io, SFM_WRITE, &info, cast);
  if (!cast->file) {
    lose(cast, sf_strerror(NULL));
    return;
  }
  fprintf(stderr, "cenoted: %s: connected\n", cast->name);
  cast->told = false;
}

bool cast_ready(Cast *cast)
{
  if (cast->file && !cast->broken) return true;
  if (cast->file) lose(cast, shout_get_error(cast->shout));
  if (atomic_load(&cast->given_up)) return false;
  if (!cast->shout && now_ms() >= cast->again_ms) connect_now(cast);
  if (!cast->shout) return false;
  const int status = shout_get_connected(cast->shout);
  if (status == SHOUTERR_CONNECTED) begin_stream(cast);
  else if (status != SHOUTERR_BUSY) lose(cast, shout_get_error(cast->shout));
  else if (now_ms() - cast->since_ms > CONNECT_MS) lose(cast, "no answer");
  return cast->file != NULL;
}

/// Until no more than `most` bytes wait, or the server is dead.
static void drain(Cast *cast, size_t most, int64_t longest_ms)
{
  ssize_t before = shout_queuelen(cast->shout);
  int64_t moved_ms = now_ms();
  while (!cast->broken && before > (ssize_t)most && !atomic_load(&cast->given_up)) {
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    const int status = shout_send(cast->shout, NULL, 0);
    const ssize_t left = shout_queuelen(cast->shout);
    if (status != SHOUTERR_SUCCESS && status != SHOUTERR_BUSY) cast->broken = true;
    if (left < before) moved_ms = now_ms();
    if (now_ms() - moved_ms > longest_ms) cast->broken = true;
    before = left;
  }
}

void cast_write(Cast *cast, const int16_t *numbers, size_t count)
{
  if (!cast->file) return;
  sf_writef_short(cast->file, numbers, (sf_count_t)count);
  if (cast->broken) return;
  drain(cast, QUEUE_BYTES, DEAD_MS);
  if (!cast->broken) cast->wait_ms = FIRST_MS;
}

void cast_give_up(Cast *cast)
{
  atomic_store(&cast->given_up, true);
}

void cast_end(Cast *cast)
{
  if (cast->file) {
    sf_close(cast->file);
    if (!cast->broken) drain(cast, 0, 1000);
  }
  cast->file = NULL;
  cast->broken = true;
  if (cast->shout) {
    shout_close(cast->shout);
    shout_free(cast->shout);
  }
  cast->shout = NULL;
  atomic_store(&cast->given_up, true);
}

void cast_close(Cast *cast)
{
  if (!cast) return;
  cast_end(cast);
  memset(cast->password, 0, sizeof cast->password);
  free(cast);
}
