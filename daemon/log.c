// SPDX-License-Identifier: ISC
#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 4096 };

static const struct {
  const char *name;
  int priority; ///< syslog's
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARN] = {"warn", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

static atomic_int said = LOG_LEVEL_INFO;

bool log_level_find(const char *name, LogLevel *out)
{
  for (int i = 0; i <= LOG_LEVEL_DEBUG; ++i) {
    if (strcmp(levels[i].name, name) != 0) continue;
    *out = (LogLevel)i;
    return true;
  }
  return false;
}

void log_set_level(LogLevel level)
{
  atomic_store_explicit(&said, (int)level, memory_order_relaxed);
}

/// Whether standard error is the journal's: JOURNAL_STREAM names its device and inode, and goes on
/// to do so in whatever the service starts with its output elsewhere.
static bool to_journal(void)
{
  const char *stream = getenv("JOURNAL_STREAM");
  struct stat is;
  uintmax_t device = 0;
  uintmax_t inode = 0;
  if (!stream || sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) != 2) return false;
  return fstat(STDERR_FILENO, &is) == 0 && is.st_dev == (dev_t)device && is.st_ino == (ino_t)inode;
}

/// In one write, so that lines of different threads do not mix.
static void say(LogLevel level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void say(LogLevel level, const char *format, va_list args)
{
  if ((int)level > atomic_load_explicit(&said, memory_order_relaxed)) return;
  char priority[8] = "";
  char text[LINE];
  if (to_journal()) snprintf(priority, sizeof priority, "<%d>", levels[level].priority);
  vsnprintf(text, sizeof text, format, args);
  fprintf(stderr, "%scenoted: %s\n", priority, text);
}

// One each, for the compiler checks the arguments of what is called by name.
#define SAY(level)                                                                                 \
  va_list args;                                                                                    \
  va_start(args, format);                                                                          \
  say(level, format, args);                                                                        \
  va_end(args)

void log_error(const char *format, ...)
{
  SAY(LOG_LEVEL_ERROR);
}

void log_warn(const char *format, ...)
{
  SAY(LOG_LEVEL_WARN);
}

void log_info(const char *format, ...)
{
  SAY(LOG_LEVEL_INFO);
}

void log_debug(const char *format, ...)
{
  SAY(LOG_LEVEL_DEBUG);
}
