// SPDX-License-Identifier: ISC
// Finding: the audio files below a folder.
#include "clip_list.h"

#include "status.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEEPEST = 64 }; ///< folders in folders

static bool named_like_audio(const char *name, bool raw)
{
  static const char *const ending[] = {"wav",  "wave", "flac", "aif", "aiff", "aifc", "ogg", "oga",
                                       "opus", "mp3",  "au",   "snd", "rf64", "w64",  "caf"};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < sizeof ending / sizeof *ending; ++i)
    if (strcasecmp(dot + 1, ending[i]) == 0) return true;
  return raw && clip_is_raw(name);
}

bool clip_is_raw(const char *name)
{
  const char *dot = strrchr(name, '.');
  return dot && strcasecmp(dot + 1, "raw") == 0;
}

/// Takes over `path`.
static CenoteStatus append(ClipList *list, char *path, bool named)
{
  if (list->count == list->room) {
    const size_t room = 2 * list->room + 16;
    ClipPath *grown = realloc(list->clip, room * sizeof *grown);
    if (!grown) {
      free(path);
      return CENOTE_NO_MEMORY;
    }
    list->clip = grown;
    list->room = room;
  }
  list->clip[list->count++] = (ClipPath){path, named};
  return CENOTE_OK;
}

static char *join(const char *folder, const char *name)
{
  const size_t length = strlen(folder);
  const bool slash = length > 0 && folder[length - 1] == '/';
  const size_t size = length + strlen(name) + 2;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s%s%s", folder, slash ? "" : "/", name);
  return path;
}

/// The length of the folder in front of the last name, with its slash.
static size_t folder_of(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool stat_folder(const char *path, struct stat *st)
{
  char folder[PATH_MAX];
  const size_t length = folder_of(path);
  if (length >= sizeof folder) return false;
  snprintf(folder, sizeof folder, "%.*s", length > 0 ? (int)length : 1, length > 0 ? path : ".");
  return stat(folder, st) == 0;
}

/// Is it one that a run of the name list->own writes?
static bool is_own(const ClipList *list, const char *path)
{
  struct stat ours;
  struct stat its;
  if (!list->own) return false;
  const char *name = list->own + folder_of(list->own);
  const char *rest = path + folder_of(path);
  if (strncmp(rest, name, strlen(name)) != 0) return false;
  rest += strlen(name);
  const size_t digits = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
  if (digits == 0 || strcmp(rest + 1 + digits, ".wav") != 0) return false;
  return stat_folder(list->own, &ours) && stat_folder(path, &its) && ours.st_dev == its.st_dev &&
         ours.st_ino == its.st_ino;
}

static CenoteStatus walk(ClipList *list, const char *folder, uint32_t depth, CenoteError *err);

/// One entry of a folder; takes over `path`.
static CenoteStatus visit(ClipList *list, char *path, uint32_t depth, CenoteError *err)
{
  struct stat st;
  struct stat target;
  const bool there = lstat(path, &st) == 0;
  if (there && S_ISDIR(st.st_mode) && depth < DEEPEST) {
    const CenoteStatus status = walk(list, path, depth + 1, err);
    free(path);
    return status;
  }
  if (there && named_like_audio(path, list->raw) && !is_own(list, path) &&
      stat(path, &target) == 0 && S_ISREG(target.st_mode))
    return append(list, path, false);
  free(path);
  return CENOTE_OK;
}

static CenoteStatus walk(ClipList *list, const char *folder, uint32_t depth, CenoteError *err)
{
  DIR *stream = opendir(folder);
  if (!stream)
    return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot open: %s", folder, strerror(errno));
  CenoteStatus status = CENOTE_OK;
  for (const struct dirent *entry; status == CENOTE_OK && (entry = readdir(stream));) {
    if (entry->d_name[0] == '.') continue;
    char *path = join(folder, entry->d_name);
    status = path ? visit(list, path, depth, err) : CENOTE_NO_MEMORY;
  }
  closedir(stream);
  return status;
}

static int by_path(const void *a, const void *b)
{
  const ClipPath *x = a;
  const ClipPath *y = b;
  return strcmp(x->path, y->path);
}

CenoteStatus clip_list_add(ClipList *list, const char *path, CenoteError *err)
{
  struct stat st;
  CenoteStatus status;
  if (stat(path, &st) != 0) {
    return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot open: %s", path, strerror(errno));
  }
  const size_t before = list->count;
  if (S_ISDIR(st.st_mode)) {
    status = walk(list, path, 0, err);
    if (status == CENOTE_OK && list->count == before)
      return cn_fail(err, CENOTE_NOT_FOUND, "%s: no audio in this folder", path);
    if (status == CENOTE_OK)
      qsort(list->clip + before, list->count - before, sizeof *list->clip, by_path);
  } else {
    char *copy = strdup(path);
    status = copy ? append(list, copy, true) : CENOTE_NO_MEMORY;
  }
  if (status == CENOTE_NO_MEMORY) cn_fail(err, status, "%s: out of memory", path);
  return status;
}

void clip_list_clear(ClipList *list)
{
  for (size_t i = 0; i < list->count; ++i) free(list->clip[i].path);
  free(list->clip);
  *list = (ClipList){0};
}
