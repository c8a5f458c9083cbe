// SPDX-License-Identifier: ISC
// `cenote send`: one message to the daemon, and its replies. Most messages have no reply, or
// several; a `/sync` sent after them is answered when the daemon is through with them, so nothing
// is guessed from silence.
#include "cli.h"

#include "send.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_MS = 2000, SLOW_TIMEOUT_MS = 30000 };

// Messages that are always answered, and by what. The slow ones load or write files.
typedef struct Due {
  const char *address, *reply;
  bool slow;
} Due;

static const Due dues[] = {
    {"/status", "/status.reply", false},
    {"/version", "/version.reply", false},
    {"/sync", "/synced", false},
    {"/ping", "/pong", false},
    {"/notify", "/done", false},
    {"/quit", "/done", false},
    {"/clock", "/clock.reply", false},
    {"/latency", "/latency.reply", false},
    {"/model/info", "/model/info.reply", false},
    {"/model/load", "/done", true},
    {"/model/free", "/done", true},
    {"/preset/load", "/done", true},
    {"/rec/start", "/done", true},
    {"/rec/stop", "/done", true},
    {"/log/start", "/done", true},
    {"/log/stop", "/done", true},
    {"/slot/read", "/done", true},
    {"/slot/write", "/done", true},
    {"/voice/*/model", "/done", true},
    {"/voice/*/prime", "/done", true},
};

typedef struct Job {
  const char *host, *port;
  bool tcp;
  uint64_t timeout_ms;
  const char *address;
  lo_message message;
  bool pattern;   // the address means several
  const Due *due; // NULL: ask by /sync when it is done
  int32_t sync;
  bool complete, failed;
  char reason[256];
} Job;

static const char help[] =
    "Usage: cenote send [OPTION]... ADDRESS [VALUE]...\n"
    "Send an OSC message to a running cenoted and print its replies, one a line.\n"
    "\n"
    "      --host HOST   the daemon's machine (127.0.0.1)\n"
    "      --port PORT   its port (7770)\n"
    "      --tcp         over TCP (UDP)\n"
    "      --timeout MS  how long a reply may take (2000; 30000 where files are read)\n"
    "  -h, --help        print this and exit\n"
    "\n"
    "A VALUE is sent as what it looks like: 3 a whole number, 0.5 a number, T and F true and\n"
    "false, anything else a string. i:3 h:3 f:3 d:3 s:3 say which. cenoted --help-osc lists the\n"
    "addresses.\n"
    "\n"
    "Exit status: 0 done, 1 the daemon answered /fail or not at all, 2 wrong usage.\n"
    "\n"
    "  cenote send /status\n"
    "  cenote send /voice/1/temperature 0.9\n"
    "  cenote send '/voice/*/mute' 1\n";

static bool string_is(lo_message message, int at, const char *text)
{
  const char *types = lo_message_get_types(message);
  return lo_message_get_argc(message) > at && (types[at] == 's' || types[at] == 'S') &&
         !strcmp((const char *)lo_message_get_argv(message)[at], text);
}

static bool is_synced(const Job *job, const OscMessage *reply)
{
  int32_t id;
  if (strcmp(reply->address, "/synced") || strcmp(lo_message_get_types(reply->message), "i"))
    return false;
  memcpy(&id, lo_message_get_argv(reply->message)[0], sizeof id);
  return id == job->sync;
}

static bool is_due(const Job *job, const OscMessage *reply)
{
  if (!strcmp(reply->address, job->address)) return true;
  if (strcmp(reply->address, job->due->reply)) return false;
  return strcmp(reply->address, "/done") || string_is(reply->message, 0, job->address);
}

static void note_failure(Job *job, lo_message message)
{
  const char *types = lo_message_get_types(message);
  const char *why = "no reason given";
  if (!strncmp(types, "ss", 2)) why = (const char *)lo_message_get_argv(message)[1];
  if (!job->failed) snprintf(job->reason, sizeof job->reason, "%s", why);
  job->failed = true;
  if (job->due) job->complete = true;
}

static void take_reply(void *data, const OscMessage *reply)
{
  Job *job = data;
  bool is_failure = !strcmp(reply->address, "/fail");
  if (!job->due && is_synced(job, reply)) {
    job->complete = true;
    return;
  }
  send_print(stdout, reply->address, reply->message);
  if (is_failure && (job->pattern || string_is(reply->message, 0, job->address)))
    note_failure(job, reply->message);
  else if (job->due && is_due(job, reply)) job->complete = true;
}

static bool put_message(SendLink *link, const char *address, lo_message message, int64_t deadline)
{
  size_t size;
  void *packet = lo_message_serialise(message, address, NULL, &size);
  bool ok = packet && send_link_put(link, packet, size, deadline);
  free(packet);
  return ok;
}

static bool put_all(const Job *job, SendLink *link, int64_t deadline)
{
  if (!put_message(link, job->address, job->message, deadline)) return false;
  if (job->due) return true;
  lo_message sync = lo_message_new();
  lo_message_add_int32(sync, job->sync);
  bool ok = put_message(link, "/sync", sync, deadline);
  lo_message_free(sync);
  return ok;
}

// Talk to one address of the host. 0, or what went wrong.
static int converse(Job *job, const struct addrinfo *to)
{
  static SendLink link; // 64 KiB
  const int64_t deadline = send_now_ms() + (int64_t)job->timeout_ms;
  if (!send_link_open(&link, to, job->tcp, deadline)) return errno;
  bool ok = put_all(job, &link, deadline);
  uint64_t bundles = 0;
  while (ok && !job->complete) {
    const uint8_t *packet;
    size_t size;
    ok = send_link_get(&link, &packet, &size, deadline);
    if (ok && osc_valid(packet, size, NULL))
      osc_walk(packet, size, NULL, &bundles, take_reply, job);
  }
  int error = ok ? 0 : errno;
  send_link_close(&link);
  return error;
}

static int explain(const Job *job, int error)
{
  switch (error) {
  case 0:
    return job->failed ? cli_fail("send", "%s: %s", job->address, job->reason) : CLI_DONE;
  case ECONNREFUSED:
    return cli_fail("send", "%s port %s: nobody listens there; is cenoted running?", job->host,
                    job->port);
  case ETIMEDOUT:
    return cli_fail("send", "%s: no reply from %s port %s within %llu ms; is cenoted running?",
                    job->address, job->host, job->port, (unsigned long long)job->timeout_ms);
  case EMSGSIZE:
    return cli_fail("send", "%s: too long for UDP; --tcp takes up to 1 MiB", job->address);
  default:
    return cli_fail("send", "%s port %s: %s", job->host, job->port, strerror(error));
  }
}

static int run(Job *job)
{
  struct addrinfo hints = {.ai_socktype = job->tcp ? SOCK_STREAM : SOCK_DGRAM};
  struct addrinfo *list = NULL;
  int failed = getaddrinfo(job->host, job->port, &hints, &list);
  if (failed) return cli_fail("send", "%s: %s", job->host, gai_strerror(failed));
  int error = ECONNREFUSED;
  for (struct addrinfo *one = list; one && error == ECONNREFUSED; one = one->ai_next)
    error = converse(job, one);
  freeaddrinfo(list);
  return explain(job, error);
}

static void find_due(Job *job)
{
  job->pattern = strpbrk(job->address, "?*[{") != NULL;
  for (size_t i = 0; i < sizeof dues / sizeof *dues; ++i)
    if (!fnmatch(dues[i].address, job->address, FNM_PATHNAME)) job->due = &dues[i];
  if (job->timeout_ms == 0)
    job->timeout_ms = job->due && job->due->slow ? SLOW_TIMEOUT_MS : TIMEOUT_MS;
  if (job->pattern) job->due = NULL;
  job->sync = (int32_t)getpid();
}

// The address and values of the command line, as a message that the daemon will take.
static int build(Job *job, int count, char **words)
{
  job->address = words[0];
  for (int i = 1; i < count; ++i) {
    const char *wrong = send_add_argument(job->message, words[i]);
    if (wrong) return cli_usage("send", "%s: %s", words[i], wrong);
  }
  size_t size;
  const char *why = "out of memory";
  void *packet = lo_message_serialise(job->message, job->address, NULL, &size);
  bool ok = packet && osc_valid(packet, size, &why);
  free(packet);
  if (ok) return CLI_DONE;
  return cli_usage("send", "%s: %s", job->address,
                   *job->address == '/' ? why : "want an ADDRESS that begins with '/'");
}

int cmd_send(int argc, char **argv)
{
  enum { HOST = 256, PORT, TCP, TIMEOUT };
  static const struct option options[] = {
      {"host", required_argument, NULL, HOST}, {"port", required_argument, NULL, PORT},
      {"tcp", no_argument, NULL, TCP},         {"timeout", required_argument, NULL, TIMEOUT},
      {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
  Job job = {.host = "127.0.0.1", .port = "7770"};
  uint64_t port;
  // '+': what follows the address are values, and may begin with '-'.
  for (int option; (option = cli_option("send", argc, argv, "+:h", options)) != -1;) {
    switch (option) {
    case HOST:
      job.host = optarg;
      break;
    case PORT:
      job.port = optarg;
      if (!cli_whole(optarg, 1, 65535, &port))
        return cli_usage("send", "--port %s: want a number from 1 to 65535", optarg);
      break;
    case TCP:
      job.tcp = true;
      break;
    case TIMEOUT:
      if (!cli_whole(optarg, 1, 3600000, &job.timeout_ms))
        return cli_usage("send", "--timeout %s: want milliseconds from 1 to 3600000", optarg);
      break;
    case 'h':
      fputs(help, stdout);
      return CLI_DONE;
    default:
      return CLI_USAGE;
    }
  }
  if (optind == argc) return cli_usage("send", "no ADDRESS to send to");
  job.message = lo_message_new();
  int status = build(&job, argc - optind, argv + optind);
  if (status == CLI_DONE) {
    find_due(&job);
    status = run(&job);
  }
  lo_message_free(job.message);
  return status;
}
