// SPDX-License-Identifier: ISC
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/// Names come from files and from users: a line stays one printable line whatever they hold.
static void make_plain(char *text)
{
  for (; *text; ++text)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

static void say(const char *command, const char *format, va_list args)
{
  CenoteError line;
  vsnprintf(line.text, sizeof line.text, format, args);
  make_plain(line.text);
  fprintf(stderr, "cenote %s: %s\n", command, line.text);
}

int cli_fail(const char *command, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  say(command, format, args);
  va_end(args);
  return CLI_FAILED;
}

int cli_usage(const char *command, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  say(command, format, args);
  va_end(args);
  fprintf(stderr, "Try 'cenote %s --help'.\n", command);
  return CLI_USAGE;
}

CenoteStatus cli_error(CenoteError *err, CenoteStatus status, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(err->text, sizeof err->text, format, args);
  va_end(args);
  return status;
}

/// All options that a shortened one may mean, as "--a, --b"; how many they are.
static int list_meant(const struct option *known, const char *text, CenoteError *list)
{
  int count = 0;
  size_t used = 0;
  const size_t length = strcspn(text, "=");
  list->text[0] = '\0';
  for (; known->name; ++known) {
    if (strncmp(known->name, text, length) != 0 || used >= sizeof list->text) continue;
    const int wrote = snprintf(list->text + used, sizeof list->text - used, "%s--%s",
                               count++ > 0 ? ", " : "", known->name);
    used += wrote > 0 ? (size_t)wrote : 0;
  }
  return count;
}

static void refuse_long(const char *command, const char *text, const struct option *known)
{
  CenoteError list;
  if (optopt != 0) cli_usage(command, "%s: this option takes no value", text);
  else if (list_meant(known, text + 2, &list) > 1)
    cli_usage(command, "%s: ambiguous: %s", text, list.text);
  else cli_usage(command, "%s: no such option", text);
}

int cli_option(const char *command, int argc, char **argv, const char *letters,
               const struct option *known)
{
  opterr = 0;
  const int option = getopt_long(argc, argv, letters, known, NULL);
  const char *text = argv[optind > 0 ? optind - 1 : 0];
  if (option == ':') cli_usage(command, "%s: a value is missing", text);
  else if (option == '?' && strncmp(text, "--", 2) != 0)
    cli_usage(command, "-%c: no such option", optopt);
  else if (option == '?') refuse_long(command, text, known);
  return option == ':' ? '?' : option;
}

bool cli_number(const char *text, double low, double high, double *out)
{
  char *end;
  // Neither blanks, nor hexadecimal, nor "nan": what strtod takes beyond plain numbers.
  if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return false;
  *out = strtod(text, &end);
  return *end == '\0' && *out >= low && *out <= high;
}

bool cli_whole(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
  if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0') return false;
  errno = 0;
  *out = strtoull(text, NULL, 10);
  return errno == 0 && *out >= low && *out <= high;
}

int cli_check_output(const char *command, const char *output, bool standard)
{
  if (output[0] == '\0') return cli_usage(command, "'': not the name of a file");
  if (standard || strcmp(output, "-") != 0) return CLI_DONE;
  return cli_usage(command, "-: this does not go to standard output, want the name of a file");
}

int cli_check_same(const char *command, const char *output, const char *input, const char *what)
{
  struct stat out;
  struct stat in;
  if (!output || !input || stat(output, &out) != 0 || stat(input, &in) != 0 ||
      !S_ISREG(in.st_mode) || out.st_dev != in.st_dev || out.st_ino != in.st_ino)
    return CLI_DONE;
  return cli_fail(command, "%s: this is %s itself, want another file", output, what);
}

bool cli_precision(const char *command, const char *text, CenotePrecision *out)
{
  if (cenote_precision_find(text, out)) return true;
  cli_usage(command, "--precision: %s is none of f32, bf16, int8, int4, auto", text);
  return false;
}

CenoteModel *cli_load(const char *command, const char *argument, CenotePrecision precision,
                      char *path)
{
  char found[CLI_PATH];
  CenoteError err;
  CenoteModel *model;
  if (!path) path = found;
  if (cenote_find_model(argument, path, CLI_PATH, &err) == CENOTE_OK &&
      cenote_model_load_as(path, precision, &model, &err) == CENOTE_OK)
    return model;
  cli_fail(command, "%s", err.text);
  return NULL;
}

json_t *cli_json_text(const char *text)
{
  json_t *string = json_string(text);
  char *plain = string ? NULL : strdup(text);
  if (!plain) return string;
  for (char *c = plain; *c; ++c)
    if ((unsigned char)*c >= 0x80) *c = '?';
  string = json_string(plain);
  free(plain);
  return string;
}

int cli_print_json(const char *command, json_t *answer)
{
  const bool good = answer && json_dumpf(answer, stdout, JSON_INDENT(2)) == 0;
  json_decref(answer);
  if (!good) return cli_fail(command, "the answer cannot be written");
  putchar('\n');
  return CLI_DONE;
}

void cli_print_plain(const char *text)
{
  for (; *text; ++text) putchar((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}
