// SPDX-License-Identifier: ISC
#include "replay_file.h"

#include "replay_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_MOST ((size_t)4 << 30)

const char *replay_file_read(const char *path, ReplayFile *file)
{
  struct stat info;
  FILE *from = fopen(path, "rb");
  const char *why = NULL;
  *file = (ReplayFile){NULL, 0};
  if (!from || fstat(fileno(from), &info) != 0) why = strerror(errno);
  else if (!S_ISREG(info.st_mode) || info.st_size < 8) why = "not a log of cenoted";
  else if ((size_t)info.st_size > LOG_MOST) why = "longer than 4 GB";
  if (!why) {
    file->size = (size_t)info.st_size;
    file->bytes = malloc(file->size);
    if (!file->bytes) why = "out of memory";
    else if (fread(file->bytes, file->size, 1, from) != 1) why = "cannot be read whole";
    else if (memcmp(file->bytes, REPLAY_MAGIC, 8) != 0) why = "not a log of cenoted";
  }
  if (from) fclose(from);
  return why;
}

void replay_file_free(ReplayFile *file)
{
  free(file->bytes);
}

bool replay_file_next(const ReplayFile *file, size_t *at, ReplayChunk *out)
{
  uint64_t head[2];
  if (file->size - *at < sizeof head) return false;
  memcpy(head, file->bytes + *at, sizeof head);
  if (head[1] > file->size - *at - sizeof head) return false;
  *out = (ReplayChunk){head[0], head[1], file->bytes + *at + sizeof head};
  *at += sizeof head + (size_t)head[1];
  return true;
}
