// SPDX-License-Identifier: ISC
#include "options_file.h"

#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN = 128 };

/// What the command line says, found out before it is obeyed.
typedef struct Given {
  const char *config; ///< --config
  bool none;          ///< --no-config, or a question
  bool place;         ///< where the sound goes
  bool model;
  bool option[KNOWN]; ///< by its place in the table
} Given;

static bool is(const char *name, const char *const *list)
{
  for (; *list; ++list)
    if (strcmp(name, *list) == 0) return true;
  return false;
}

static bool asks(const char *name)
{
  return strncmp(name, "list-", 5) == 0 || strncmp(name, "help", 4) == 0 ||
         strcmp(name, "version") == 0;
}

/// False: no memory. getopt_long puts the arguments in another order, which must stay for the
/// second time: there the last option's missing argument would be taken from the front. So it gets
/// a copy.
static bool look(int argc, char *const *own, const struct option *known, Given *given)
{
  static const char *const place[] = {"device", "output", "no-audio", NULL};
  char **argv = calloc((size_t)argc + 1, sizeof *argv);
  if (!argv) return false;
  memcpy(argv, own, (size_t)argc * sizeof *argv);
  opterr = 0; // told the second time
  for (;;) {
    int at = -1;
    const int option = getopt_long(argc, argv, "", known, &at);
    if (option == -1) break;
    if (option == '?' || option == ':' || at < 0 || at >= KNOWN) continue;
    const char *name = known[at].name;
    given->option[at] = true;
    if (strcmp(name, "config") == 0) given->config = optarg;
    if (strcmp(name, "no-config") == 0 || asks(name)) given->none = true;
    if (is(name, place)) given->place = true;
  }
  given->model = optind < argc;
  opterr = 1;
  optind = 0; // from the beginning, as at the first time
  free(argv);
  return true;
}

/// One line of the file; -1 or a status.
static int obey(const char *key, const char *value, const struct option *known, const Given *given,
                OptionsTake take, Options *out)
{
  static const char *const sound[] = {"device", "output", "format", "no-audio", "fast", NULL};
  static const char *const truth[] = {"yes", "true", "on", "1", NULL};
  static const char *const lie[] = {"no", "false", "off", "0", NULL};
  const Config *file = &out->config;
  if (strcmp(key, "preset") == 0) {
    if (!given->model) out->model = value;
    return -1;
  }
  int at = 0;
  while (known[at].name && strcmp(known[at].name, key) != 0) ++at;
  if (!known[at].name || asks(key) || strstr(key, "config")) {
    log_error("%s:%u: %s: no such key (the keys are the long options of cenoted --help, and "
              "preset)",
              file->path, file->line, key);
    return 2;
  }
  if (given->option[at] || (given->place && is(key, sound))) return -1;
  char where[sizeof file->path + 16];
  snprintf(where, sizeof where, "%s:%u", file->path, file->line);
  if (known[at].has_arg == required_argument) return take(where, known[at].val, value, out);
  if (is(value, truth)) return take(where, known[at].val, NULL, out);
  if (is(value, lie)) return -1;
  log_error("%s: %s: %s: want yes or no", where, key, value);
  return 2;
}

int options_from_file(int argc, char **argv, const struct option *known, OptionsTake take,
                      Options *out)
{
  Given given = {.none = false};
  if (!look(argc, argv, known, &given)) {
    log_error("out of memory");
    return 1;
  }
  if (given.none) return -1;
  CenoteError err;
  if (config_open(given.config, &out->config, &err) != CENOTE_OK) {
    log_error("%s", err.text);
    return 2;
  }
  for (;;) {
    const char *key;
    const char *value;
    const int found = config_next(&out->config, &key, &value, &err);
    if (found == 0) return -1;
    if (found < 0) log_error("%s", err.text);
    const int status = found < 0 ? 2 : obey(key, value, known, &given, take, out);
    if (status >= 0) return status;
  }
}
