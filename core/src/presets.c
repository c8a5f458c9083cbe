// SPDX-License-Identifier: ISC
// Where presets are. A preset is a folder with weights.safetensors in it.
#include "status.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PRESET "starter"

enum { PATH_SIZE = 4096 };

/// Folder number `index` of the search; false past the last. An empty path is one to pass over.
static bool search_folder(size_t index, char path[static PATH_SIZE])
{
  path[0] = '\0';
  const char *list = getenv("CENOTE_PRESET_PATH");
  while (list && *list) {
    const size_t length = strcspn(list, ":");
    if (index-- == 0) {
      snprintf(path, PATH_SIZE, "%.*s", (int)length, list);
      return true;
    }
    list += length + (list[length] == ':');
  }
  const char *data = getenv("XDG_DATA_HOME");
  const char *home = getenv("HOME");
  char program[PATH_SIZE];
  switch (index) {
  case 0:
    if (data && *data) snprintf(path, PATH_SIZE, "%s/cenote/presets", data);
    else if (home && *home) snprintf(path, PATH_SIZE, "%s/.local/share/cenote/presets", home);
    return true;
  case 1:   // BUILD/cli/cenote has BUILD/presets beside its folder,
  case 2: { // PREFIX/bin/cenote has PREFIX/share
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return true;
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) *slash = '\0';
    const char *beside = index == 1 ? "../presets" : "../share/cenote/presets";
    if (snprintf(path, PATH_SIZE, "%s/%s", program, beside) >= PATH_SIZE) path[0] = '\0';
    return true;
  }
  case 3:
    snprintf(path, PATH_SIZE, "%s/presets", CENOTE_DATADIR);
    return true;
  default:
    return false;
  }
}

static bool is_preset(const char *parent, const char *name, char *folder, size_t size)
{
  char weights[PATH_SIZE + 300];
  snprintf(weights, sizeof weights, "%s/%s/weights.safetensors", parent, name);
  struct stat st;
  if (stat(weights, &st) != 0 || !S_ISREG(st.st_mode)) return false;
  return (size_t)snprintf(folder, size, "%s/%s", parent, name) < size;
}

static int visible(const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

/// Whether a folder earlier in the search already gave this name.
static bool seen_before(size_t place, const char *name)
{
  char parent[PATH_SIZE];
  char folder[PATH_SIZE];
  for (size_t i = 0; i < place && search_folder(i, parent); ++i)
    if (parent[0] && is_preset(parent, name, folder, sizeof folder)) return true;
  return false;
}

bool cenote_list_presets(size_t index, char *name, size_t name_size, char *folder,
                         size_t folder_size)
{
  char parent[PATH_SIZE];
  bool found = false;
  for (size_t place = 0; !found && search_folder(place, parent); ++place) {
    struct dirent **entry = NULL;
    const int entries = parent[0] ? scandir(parent, &entry, visible, alphasort) : 0;
    for (int i = 0; i < entries; ++i) {
      const char *d = entry[i]->d_name;
      if (!found && is_preset(parent, d, folder, folder_size) && !seen_before(place, d) &&
          index-- == 0)
        found = (size_t)snprintf(name, name_size, "%s", d) < name_size;
      free(entry[i]);
    }
    free(entry);
  }
  return found;
}

static CenoteStatus not_found(const char *name, CenoteError *err)
{
  char list[512] = "";
  char each[256];
  char folder[PATH_SIZE];
  size_t at = 0;
  for (size_t i = 0;
       at < sizeof list - 1 && cenote_list_presets(i, each, sizeof each, folder, sizeof folder);
       ++i)
    at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "", each);
  return cn_fail(err, CENOTE_NOT_FOUND,
                 "no preset %s (a file needs '/' or .safetensors in its name); presets: %s", name,
                 list[0] ? list : "none");
}

CenoteStatus cenote_find_preset(const char *name, char *folder, size_t size, CenoteError *err)
{
  if (!name) name = DEFAULT_PRESET;
  const bool plain = name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && strlen(name) < 256;
  char parent[PATH_SIZE];
  for (size_t place = 0; plain && search_folder(place, parent); ++place)
    if (parent[0] && is_preset(parent, name, folder, size)) return CENOTE_OK;
  return not_found(name, err);
}

CenoteStatus cenote_find_model(const char *arg, char *path, size_t size, CenoteError *err)
{
  if (arg && (strchr(arg, '/') || strstr(arg, ".safetensors"))) {
    if ((size_t)snprintf(path, size, "%s", arg) < size) return CENOTE_OK;
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%.64s...: the name is too long", arg);
  }
  char folder[PATH_SIZE];
  const CenoteStatus status = cenote_find_preset(arg, folder, sizeof folder, err);
  if (status != CENOTE_OK) return status;
  if ((size_t)snprintf(path, size, "%s/weights.safetensors", folder) < size) return CENOTE_OK;
  return cn_fail(err, CENOTE_BAD_ARGUMENT, "%.64s...: the path is too long", folder);
}
