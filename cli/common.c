// SPDX-License-Identifier: ISC
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int cli_fail(const char *command, const char *format, ...)
{
  va_list args;
  fprintf(stderr, "cenote %s: ", command);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  return CLI_FAILED;
}

int cli_usage(const char *command, const char *format, ...)
{
  va_list args;
  fprintf(stderr, "cenote %s: ", command);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\nTry 'cenote %s --help'.\n", command);
  return CLI_USAGE;
}

bool cli_number(const char *text, double low, double high, double *out)
{
  char *end;
  *out = strtod(text, &end);
  return end != text && *end == '\0' && *out >= low && *out <= high;
}

bool cli_whole(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
  char *end;
  errno = 0;
  if (text[0] < '0' || text[0] > '9') return false;
  *out = strtoull(text, &end, 10);
  return *end == '\0' && errno == 0 && *out >= low && *out <= high;
}

CenoteModel *cli_load(const char *command, const char *argument, char *path)
{
  char found[1024];
  CenoteError err;
  CenoteModel *model;
  if (!path) path = found;
  if (cenote_find_model(argument, path, sizeof found, &err) == CENOTE_OK &&
      cenote_model_load(path, &model, &err) == CENOTE_OK)
    return model;
  cli_fail(command, "%s", err.text);
  return NULL;
}
