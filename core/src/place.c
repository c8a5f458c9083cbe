// SPDX-License-Identifier: ISC
#include "place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINKS = 40 }; ///< as the kernel follows

/// What the link at `path` leads to; NULL when it is no link, or with errno ENOMEM.
static char *follow(const char *path)
{
  char to[PATH_MAX];
  const ssize_t length = readlink(path, to, sizeof to);
  if (length < 0) return NULL;
  const char *slash = strrchr(path, '/');
  const size_t folder = slash && to[0] != '/' ? (size_t)(slash - path) + 1 : 0;
  char *whole = malloc(folder + (size_t)length + 1);
  errno = ENOMEM; // malloc need not say so
  if (!whole) return NULL;
  memcpy(whole, path, folder);
  memcpy(whole + folder, to, (size_t)length);
  whole[folder + (size_t)length] = '\0';
  return whole;
}

/// What a plain open would give a new file.
static mode_t plain_mode(void)
{
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

char *cn_place(const char *path, mode_t *mode)
{
  struct stat st;
  char *place = strdup(path);
  if (!place) errno = ENOMEM;
  for (int links = 0; place; ++links) {
    char *next = follow(place);
    if (!next && errno != ENOMEM) break;
    free(place);
    if (!next) errno = ENOMEM;
    if (next && links == MOST_LINKS) {
      free(next);
      next = NULL;
      errno = ELOOP;
    }
    place = next;
  }
  if (place) *mode = stat(place, &st) == 0 ? st.st_mode & 0777 : plain_mode();
  return place;
}
