// SPDX-License-Identifier: ISC
#define _XOPEN_SOURCE 700 // nftw

#include "rig.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES_MOST = 64 << 20 };

/// What lies in media/.
static struct {
  const char *name;
  uint8_t *bytes;
  size_t size;
} file[5];
static int files;
static CenoteModel *model[2]; ///< of the presets, which stay as they are
static char folder[256], media[300];
static long long bytes_there;

const char *rig_media(void)
{
  return media;
}

static void spill(const char *path, const void *bytes, size_t size)
{
  FILE *to = fopen(path, "wb");
  if (!to || fwrite(bytes, 1, size, to) != size || fclose(to) != 0) {
    perror(path);
    exit(1);
  }
}

static void add(const char *name, const void *bytes, size_t size)
{
  uint8_t *copy = malloc(size);
  if (!copy) exit(1);
  memcpy(copy, bytes, size);
  file[files].name = name;
  file[files].bytes = copy;
  file[files++].size = size;
}

static void add_file(const char *name, const char *golden, const char *from)
{
  static uint8_t bytes[1 << 20];
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", golden, from);
  FILE *read = fopen(path, "rb");
  if (!read) {
    perror(path);
    exit(1);
  }
  add(name, bytes, fread(bytes, 1, sizeof bytes, read));
  fclose(read);
}

static int count(const char *path, const struct stat *info, int type, struct FTW *at)
{
  (void)path, (void)at;
  if (type == FTW_F) bytes_there += info->st_size;
  return 0;
}

static int erase(const char *path, const struct stat *info, int type, struct FTW *at)
{
  (void)info, (void)type;
  return at->level == 0 ? 0 : remove(path);
}

static void fill(void)
{
  char path[1024];
  for (int i = 0; i < files; ++i) {
    snprintf(path, sizeof path, "%s/%s", media, file[i].name);
    spill(path, file[i].bytes, file[i].size);
  }
  snprintf(path, sizeof path, "%s/sub", media);
  mkdir(path, 0700);
}

static void remove_all(void)
{
  nftw(folder, erase, 16, FTW_DEPTH | FTW_PHYS);
  rmdir(folder);
}

/// A preset of one of the models, with a line of each kind and a slot.
static void make_preset(const char *name, int weights, const Moment *moment)
{
  static const char lines[] = "# plays x\n/voice/*/temperature 0.9\n/voice/1/level/0/gain 0.5\n"
                              "/map 60 \"a b\"\n/voice/1/slot/kick/save\n/nothing 1\n";
  char path[600];
  snprintf(path, sizeof path, "%s/presets", folder);
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/presets/%s", folder, name);
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/presets/%s/slots", folder, name);
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/presets/%s/weights.safetensors", folder, name);
  spill(path, file[weights].bytes, file[weights].size);
  snprintf(path, sizeof path, "%s/presets/%s/preset.osc", folder, name);
  spill(path, lines, sizeof lines - 1);
  if (!moment) return;
  snprintf(path, sizeof path, "%s/presets/%s/slots/5.state", folder, name);
  spill(path, moment->state, moment->bytes);
}

static Moment *state_of(const CenoteModel *of)
{
  CenoteVoice *voice;
  if (cenote_voice_new(of, &voice) != CENOTE_OK) exit(1);
  float sound[256];
  Moment *moment = moment_new(cenote_model_info(of)->state_bytes);
  if (!moment) exit(1);
  cenote_voice_render(voice, sound, 256);
  cenote_voice_save(voice, moment->state);
  moment->bytes = cenote_model_info(of)->state_bytes;
  cenote_voice_free(voice);
  return moment;
}

/// As cenote_model_load_as, but for the presets' weights, which would be most of an input's time.
CenoteStatus rig_model_load(const char *path, CenotePrecision precision, CenoteModel **out,
                            CenoteError *err)
{
  const char *rest = strstr(path, "/presets/");
  if (!rest || strncmp(path, folder, strlen(folder)) != 0)
    return cenote_model_load_as(path, precision, out, err);
  *out = model[strncmp(rest, "/presets/second/", 16) == 0];
  return CENOTE_OK;
}

void rig_model_free(CenoteModel *freed)
{
  if (freed != model[0] && freed != model[1]) cenote_model_free(freed);
}

void rig_make_folder(const char *golden)
{
  static uint8_t wav[44 + 400] =
      "RIFF\264\1\0\0WAVEfmt \20\0\0\0\1\0\1\0\200>\0\0\0}\0\0\2\0\20\0data"
      "\220\1\0";
  char path[600];
  snprintf(folder, sizeof folder, "%s/cenote-fuzz-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  if (!mkdtemp(folder)) exit(1);
  atexit(remove_all);
  snprintf(media, sizeof media, "%s/media", folder);
  mkdir(media, 0700);
  for (size_t i = 44; i < sizeof wav; ++i) wav[i] = (uint8_t)(i * i * 31);
  add_file("tiny.safetensors", golden, "tiny.safetensors");
  add_file("other.safetensors", golden, "f16.safetensors");
  add("in.wav", wav, sizeof wav);
  add("bad.state", wav, sizeof wav);
  snprintf(path, sizeof path, "%s/tiny.safetensors", golden);
  if (cenote_model_load(path, &model[0], NULL) != CENOTE_OK) exit(1);
  snprintf(path, sizeof path, "%s/f16.safetensors", golden);
  if (cenote_model_load(path, &model[1], NULL) != CENOTE_OK) exit(1);
  Moment *moment = state_of(model[0]);
  add("in.state", moment->state, moment->bytes);
  make_preset("small", 0, moment);
  make_preset("second", 1, NULL);
  free(moment);
  fill();
  snprintf(path, sizeof path, "%s/presets", folder);
  setenv("CENOTE_PRESET_PATH", path, 1);
  setenv("XDG_DATA_HOME", path, 1);
  setenv("HOME", path, 1);
}

void rig_clean_folder(void)
{
  if (!rig_wrote()) return;
  DIR *dir = opendir(folder);
  if (!dir) rig_broken("the folder stays");
  for (struct dirent *entry; (entry = readdir(dir));)
    if (entry->d_name[0] != '.' && strcmp(entry->d_name, "media") != 0 &&
        strcmp(entry->d_name, "presets") != 0)
      rig_broken("nothing is written beside --media-dir");
  closedir(dir);
  bytes_there = 0;
  nftw(media, count, 16, FTW_PHYS);
  if (bytes_there > BYTES_MOST) rig_broken("files are not larger than what was played");
  nftw(media, erase, 16, FTW_DEPTH | FTW_PHYS);
  fill();
}
