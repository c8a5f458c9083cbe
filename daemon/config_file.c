// SPDX-License-Identifier: ISC
#include "config_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LONGEST = 1 << 20 };

#define BLANK " \t\r"

static CenoteStatus unreadable(Config *config, CenoteError *err)
{
  snprintf(err->text, sizeof err->text, "%.900s: %s", config->path, strerror(errno));
  config_close(config);
  return CENOTE_FILE_ERROR;
}

static CenoteStatus refuse(Config *config, const char *why, CenoteError *err)
{
  snprintf(err->text, sizeof err->text, "%.900s: %s", config->path, why);
  config_close(config);
  return CENOTE_FILE_ERROR;
}

/// The file at config->path; CENOTE_NOT_FOUND when there is none, or only in a folder that is
/// closed to us, such as the home that a service was started from.
static CenoteStatus take_in(Config *config, CenoteError *err)
{
  FILE *file = fopen(config->path, "r");
  if (!file) {
    struct stat there;
    unreadable(config, err);
    return stat(config->path, &there) == 0 ? CENOTE_FILE_ERROR : CENOTE_NOT_FOUND;
  }
  config->text = malloc(LONGEST + 1);
  if (!config->text) {
    fclose(file);
    return unreadable(config, err);
  }
  const size_t size = fread(config->text, 1, LONGEST + 1, file);
  const int error = ferror(file) ? errno : 0;
  fclose(file);
  errno = error;
  if (error != 0) return unreadable(config, err);
  if (size > LONGEST) return refuse(config, "longer than 1 MiB", err);
  if (memchr(config->text, '\0', size)) return refuse(config, "not a text file", err);
  config->text[size] = '\0';
  config->next = config->text;
  config->end = config->text + size;
  return CENOTE_OK;
}

/// Look in FOLDER/cenote, FOLDER being `size` characters. XDG has relative ones ignored.
static CenoteStatus look_in(Config *config, const char *folder, size_t size, const char *below,
                            CenoteError *err)
{
  if (size == 0 || folder[0] != '/') return CENOTE_NOT_FOUND;
  if (snprintf(config->path, sizeof config->path, "%.*s%s/cenote/cenoted.conf", (int)size, folder,
               below) >= (int)sizeof config->path)
    return CENOTE_NOT_FOUND;
  return take_in(config, err);
}

CenoteStatus config_open(const char *path, Config *config, CenoteError *err)
{
  *config = (Config){.line = 0};
  if (path) {
    snprintf(config->path, sizeof config->path, "%s", path);
    return take_in(config, err);
  }
  const char *own = getenv("XDG_CONFIG_HOME");
  const char *home = getenv("HOME");
  CenoteStatus status = CENOTE_NOT_FOUND;
  if (own && *own) status = look_in(config, own, strlen(own), "", err);
  else if (home) status = look_in(config, home, strlen(home), "/.config", err);
  const char *folders = getenv("XDG_CONFIG_DIRS");
  if (!folders || !*folders) folders = "/etc/xdg";
  while (status == CENOTE_NOT_FOUND && *folders) {
    const size_t size = strcspn(folders, ":");
    status = look_in(config, folders, size, "", err);
    folders += size + (folders[size] == ':');
  }
  return status == CENOTE_NOT_FOUND ? CENOTE_OK : status;
}

/// Without the blanks at both ends.
static char *trim(char *text)
{
  text += strspn(text, BLANK);
  size_t size = strlen(text);
  while (size > 0 && strchr(BLANK, text[size - 1])) --size;
  text[size] = '\0';
  return text;
}

int config_next(Config *config, const char **key, const char **value, CenoteError *err)
{
  while (config->text && config->next < config->end) {
    char *line = config->next;
    char *end = strchr(line, '\n');
    if (end) *end = '\0';
    config->next = end ? end + 1 : config->end;
    ++config->line;
    line = trim(line);
    if (*line == '\0' || *line == '#') continue;
    char *equals = strchr(line, '=');
    if (equals) *equals = '\0';
    *key = trim(line);
    *value = equals ? trim(equals + 1) : "";
    if (**key != '\0' && **value != '\0') return 1;
    snprintf(err->text, sizeof err->text, "%.800s:%u: %.100s: want KEY = VALUE", config->path,
             config->line, **key ? *key : "no key");
    return -1;
  }
  return 0;
}

void config_close(Config *config)
{
  free(config->text);
  config->text = NULL;
}
