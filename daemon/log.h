// SPDX-License-Identifier: ISC
// What the daemon says on standard error: one line each, "cenoted: " before it, and systemd's
// <priority> before that where the journal reads. Any thread may call, none of audio time.
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>

typedef enum LogLevel { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } LogLevel;

/// error, warn, info or debug; false for anything else.
bool log_level_find(const char *name, LogLevel *out);
/// What is said from now on: that level and the graver ones. Info at first.
void log_set_level(LogLevel level);

/// Format without "cenoted: " and without the end of the line.
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
