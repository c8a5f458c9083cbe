// SPDX-License-Identifier: ISC
#include "aside.h"

#include "cli.h"
#include "trainer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static CenoteStatus cannot_write(const Aside *file, int error, CenoteError *err)
{
  return cli_error(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", file->shown, strerror(error));
}

/// A hidden file in the folder where `path` leads, with the rights of what is there.
static CenoteStatus open_hidden(const char *path, Aside *file, CenoteError *err)
{
  static const char name[] = ".cenote-XXXXXX";
  mode_t mode;
  file->place = place_find(path, &mode);
  if (!file->place) return cannot_write(file, errno, err);
  const char *slash = strrchr(file->place, '/');
  const size_t folder = slash ? (size_t)(slash - file->place) + 1 : 0;
  file->aside = malloc(folder + sizeof name);
  int error = ENOMEM;
  if (file->aside) {
    memcpy(file->aside, file->place, folder);
    memcpy(file->aside + folder, name, sizeof name);
    file->fd = mkstemp(file->aside);
    if (file->fd >= 0 && fchmod(file->fd, mode) == 0) return CENOTE_OK;
    error = errno;
    if (file->fd < 0) free(file->aside), file->aside = NULL;
  }
  aside_drop(file);
  return cannot_write(file, error, err);
}

CenoteStatus aside_open(const char *path, Aside *out, CenoteError *err)
{
  *out = (Aside){.fd = -1, .shown = path};
  if (strcmp(path, "-") == 0) {
    out->shown = "standard output";
    out->fd = dup(STDOUT_FILENO);
    return out->fd >= 0 ? CENOTE_OK : cannot_write(out, errno, err);
  }
  struct stat st;
  const bool there = stat(path, &st) == 0;
  if (!there && errno != ENOENT) return cannot_write(out, errno, err);
  if (there && S_ISDIR(st.st_mode)) return cannot_write(out, EISDIR, err);
  if (there && access(path, W_OK) != 0) return cannot_write(out, errno, err);
  const size_t length = strlen(path);
  if (length == 0 || path[length - 1] == '/')
    return cli_error(err, CENOTE_FILE_ERROR, "'%s': cannot write: not the name of a file", path);
  if (!there || S_ISREG(st.st_mode)) return open_hidden(path, out, err);
  out->fd = open(path, O_WRONLY | O_CLOEXEC);
  return out->fd >= 0 ? CENOTE_OK : cannot_write(out, errno, err);
}

CenoteStatus aside_keep(Aside *file, CenoteError *err)
{
  // A pipe or a device has nothing to sync, and says so with EINVAL or the like.
  int error = file->aside && fsync(file->fd) != 0 && errno != EINVAL ? errno : 0;
  if (close(file->fd) != 0 && error == 0) error = errno;
  file->fd = -1;
  if (error == 0 && file->aside && rename(file->aside, file->place) != 0) error = errno;
  if (error != 0) {
    aside_drop(file);
    return cannot_write(file, error, err);
  }
  free(file->aside);
  free(file->place);
  return CENOTE_OK;
}

void aside_drop(Aside *file)
{
  if (file->fd >= 0) close(file->fd);
  if (file->aside) unlink(file->aside);
  free(file->aside);
  free(file->place);
  *file = (Aside){.fd = -1, .shown = file->shown};
}
