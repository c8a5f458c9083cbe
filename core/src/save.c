// SPDX-License-Identifier: ISC
// Writing a safetensors file: aside first, then renamed over the old one.
#include "safetensors.h"

#include "place.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t bytes_of(const CnSave *tensor)
{
  static const size_t each[] = {
      [CN_F32] = 4, [CN_F16] = 2, [CN_BF16] = 2, [CN_I32] = 4, [CN_I8] = 1};
  size_t bytes = each[tensor->dtype];
  for (uint32_t i = 0; i < tensor->rank; ++i) bytes *= tensor->dim[i];
  return bytes;
}

static json_t *describe(const CnSave *tensor, size_t begin)
{
  static const char *const name[] = {
      [CN_F32] = "F32", [CN_F16] = "F16", [CN_BF16] = "BF16", [CN_I32] = "I32", [CN_I8] = "I8"};
  json_t *shape = json_array();
  for (uint32_t i = 0; i < tensor->rank; ++i)
    json_array_append_new(shape, json_integer((json_int_t)tensor->dim[i]));
  return json_pack("{s:s, s:o, s:[I,I]}", "dtype", name[tensor->dtype], "shape", shape,
                   "data_offsets", (json_int_t)begin, (json_int_t)(begin + bytes_of(tensor)));
}

/// The header's text, padded with spaces to a multiple of 8 bytes; free() it.
static char *make_header(const CnSave *tensor, size_t tensors, const char *const *key,
                         const char *const *value, size_t notes)
{
  json_t *header = json_object();
  if (notes > 0) {
    json_t *object = json_object();
    for (size_t i = 0; i < notes; ++i) json_object_set_new(object, key[i], json_string(value[i]));
    json_object_set_new(header, "__metadata__", object);
  }
  size_t begin = 0;
  for (size_t i = 0; i < tensors; ++i) {
    json_object_set_new(header, tensor[i].name, describe(&tensor[i], begin));
    begin += bytes_of(&tensor[i]);
  }
  char *text = json_dumps(header, JSON_COMPACT);
  const size_t want = tensors + (notes > 0);
  const size_t have = json_object_size(header);
  json_decref(header);
  if (!text || have != want) { // some part of it found no memory
    free(text);
    return NULL;
  }
  const size_t size = strlen(text);
  const size_t padded = (size + 7) / 8 * 8;
  char *whole = realloc(text, padded + 1);
  if (!whole) {
    free(text);
    return NULL;
  }
  memset(whole + size, ' ', padded - size);
  whole[padded] = '\0';
  return whole;
}

static bool write_all(FILE *file, const char *header, const CnSave *tensor, size_t tensors)
{
  const uint64_t size = strlen(header);
  unsigned char length[8];
  for (int i = 0; i < 8; ++i) length[i] = (unsigned char)(size >> (8 * i));
  if (fwrite(length, 1, 8, file) != 8 || fwrite(header, 1, size, file) != size) return false;
  for (size_t i = 0; i < tensors; ++i) {
    const size_t bytes = bytes_of(&tensor[i]);
    if (fwrite(tensor[i].data, 1, bytes, file) != bytes) return false;
  }
  // A pipe or a device has nothing to sync, and says so with EINVAL.
  return fflush(file) == 0 && (fsync(fileno(file)) == 0 || errno == EINVAL || errno == EROFS);
}

static CenoteStatus close_written(FILE *file, bool written, const char *path, CenoteError *err)
{
  const int error = errno;
  if (fclose(file) == 0 && written) return CENOTE_OK;
  return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", path,
                 strerror(written ? errno : error));
}

/// A pipe or a device is written to as it is: renaming over it would replace it.
static CenoteStatus save_straight(const char *path, const char *header, const CnSave *tensor,
                                  size_t tensors, CenoteError *err)
{
  FILE *file = fopen(path, "wb");
  if (!file) return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", path, strerror(errno));
  return close_written(file, write_all(file, header, tensor, tensors), path, err);
}

/// A rename is on the disk when its folder is. Not every file system can sync one; it is then as
/// safe as it gets. `path` is cut to its folder.
static void sync_folder(char *path)
{
  char *slash = strrchr(path, '/');
  if (slash) slash[slash == path ? 1 : 0] = '\0';
  const int fd = open(slash ? path : ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

/// PATH.part, or with a name of its own; *name is to be freed.
static int open_aside(const char *path, bool part, char **name)
{
  static const char suffix[2][8] = {".XXXXXX", ".part"};
  const size_t length = strlen(path);
  *name = malloc(length + sizeof *suffix);
  if (!*name) return -1;
  memcpy(*name, path, length);
  memcpy(*name + length, suffix[part], sizeof *suffix);
  if (part) return open(*name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  return mkstemp(*name);
}

/// To `place`, which is called `path` in messages.
static CenoteStatus save_aside(const char *path, const char *place, mode_t mode, bool part,
                               const char *header, const CnSave *tensor, size_t tensors,
                               CenoteError *err)
{
  char *aside;
  const int fd = open_aside(place, part, &aside);
  if (!aside) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
  CenoteStatus status = CENOTE_FILE_ERROR;
  if (file) {
    // The file is private so far.
    const bool written = fchmod(fd, mode) == 0 && write_all(file, header, tensor, tensors);
    status = close_written(file, written, path, err);
    if (status == CENOTE_OK && rename(aside, place) != 0)
      status = cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", path, strerror(errno));
  } else {
    cn_fail(err, status, "%s: cannot write: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
  }
  if (status == CENOTE_OK) sync_folder(aside);
  else if (fd >= 0) unlink(aside);
  free(aside);
  return status;
}

static CenoteStatus save(const char *path, bool part, const CnSave *tensor, size_t tensors,
                         const char *const *key, const char *const *value, size_t notes,
                         CenoteError *err)
{
  char *header = make_header(tensor, tensors, key, value, notes);
  if (!header) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  struct stat st;
  mode_t mode;
  CenoteStatus status;
  if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
    status = save_straight(path, header, tensor, tensors, err);
  } else {
    char *place = cn_place(path, &mode);
    if (place) status = save_aside(path, place, mode, part, header, tensor, tensors, err);
    else
      status = cn_fail(err, errno == ENOMEM ? CENOTE_NO_MEMORY : CENOTE_FILE_ERROR,
                       "%s: cannot write: %s", path, strerror(errno));
    free(place);
  }
  free(header);
  return status;
}

CenoteStatus cn_file_save(const char *path, const CnSave *tensor, size_t tensors,
                          const char *const *key, const char *const *value, size_t notes,
                          CenoteError *err)
{
  return save(path, false, tensor, tensors, key, value, notes, err);
}

CenoteStatus cn_file_save_part(const char *path, const CnSave *tensor, size_t tensors,
                               const char *const *key, const char *const *value, size_t notes,
                               CenoteError *err)
{
  return save(path, true, tensor, tensors, key, value, notes, err);
}
