// SPDX-License-Identifier: ISC
#include "replay_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ReplayLog {
  FILE *file;
  int error;
  uint64_t lost;
  char path[1024];
};

CenoteStatus replay_log_open(const char *path, ReplayLog **out, CenoteError *err)
{
  *out = NULL;
  ReplayLog *log = calloc(1, sizeof *log);
  const int fd = log ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666) : -1;
  if (log && fd >= 0) log->file = fdopen(fd, "wb");
  if (!log || !log->file) {
    snprintf(err->text, sizeof err->text, "%.900s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    free(log);
    return CENOTE_FILE_ERROR;
  }
  snprintf(log->path, sizeof log->path, "%s", path);
  if (fwrite(REPLAY_MAGIC, 8, 1, log->file) != 1) log->error = errno;
  *out = log;
  return CENOTE_OK;
}

static void put(ReplayLog *log, const void *bytes, size_t size)
{
  if (size > 0 && log->error == 0 && fwrite(bytes, size, 1, log->file) != 1)
    log->error = errno ? errno : EIO;
}

void replay_log_add_two(ReplayLog *log, ReplayKind kind, const void *head, size_t head_size,
                        const void *bytes, size_t size)
{
  const uint64_t chunk[] = {(uint64_t)kind, head_size + size};
  put(log, chunk, sizeof chunk);
  put(log, head, head_size);
  put(log, bytes, size);
}

void replay_log_add(ReplayLog *log, ReplayKind kind, const void *bytes, size_t size)
{
  replay_log_add_two(log, kind, bytes, size, NULL, 0);
}

void replay_log_flush(ReplayLog *log)
{
  if (fflush(log->file) != 0 && log->error == 0) log->error = errno;
}

void replay_log_lost(ReplayLog *log, uint64_t count)
{
  log->lost += count;
}

bool replay_log_close(ReplayLog *log, uint64_t end_frame, CenoteError *err)
{
  replay_log_add(log, REPLAY_END, &end_frame, sizeof end_frame);
  if (fclose(log->file) != 0 && log->error == 0) log->error = errno;
  const bool good = log->error == 0 && log->lost == 0;
  if (log->error != 0)
    snprintf(err->text, sizeof err->text, "%.900s: %s", log->path, strerror(log->error));
  else if (log->lost > 0)
    snprintf(err->text, sizeof err->text, "%.900s: %" PRIu64 " commands did not get into it",
             log->path, log->lost);
  free(log);
  return good;
}
