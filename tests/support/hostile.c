// SPDX-License-Identifier: ISC
#include "hostile.h"

#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char hostile_folder[] = "/tmp/cenote-hostile-XXXXXX";
char hostile_file[64];

int hostile_begin(void **state)
{
  (void)state;
  if (!mkdtemp(hostile_folder)) return -1;
  snprintf(hostile_file, sizeof hostile_file, "%s/weights.safetensors", hostile_folder);
  return chmod(hostile_folder, 0755);
}

int hostile_end(void **state)
{
  (void)state;
  unlink(hostile_file);
  return rmdir(hostile_folder);
}

Parts take_apart(const char *name)
{
  char path[512];
  golden_path(name, path);
  return take_apart_file(path);
}

Parts take_apart_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  unsigned char length[8];
  assert_int_equal(fread(length, 1, 8, file), 8);
  const size_t size = (size_t)(length[0] | length[1] << 8 | length[2] << 16);
  char *text = malloc(size);
  Parts parts = {0};
  struct stat st;
  assert_int_equal(fstat(fileno(file), &st), 0);
  parts.size = (size_t)st.st_size - 8 - size;
  parts.data = malloc(parts.size);
  assert_true(text && parts.data);
  assert_int_equal(fread(text, 1, size, file), size);
  assert_int_equal(fread(parts.data, 1, parts.size, file), parts.size);
  fclose(file);
  parts.header = json_loadb(text, size, 0, NULL);
  free(text);
  assert_non_null(parts.header);
  return parts;
}

void drop(Parts *parts)
{
  json_decref(parts->header);
  free(parts->data);
  *parts = (Parts){0};
}

json_t *entry(const Parts *parts, const char *name)
{
  json_t *found = json_object_get(parts->header, name);
  assert_non_null(found);
  return found;
}

json_t *config_of(const Parts *parts)
{
  const json_t *text = json_object_get(entry(parts, "__metadata__"), "config");
  json_t *config = json_loads(json_string_value(text), 0, NULL);
  assert_non_null(config);
  return config;
}

void set_config(Parts *parts, const json_t *config)
{
  char *text = json_dumps(config, JSON_COMPACT);
  assert_non_null(text);
  json_object_set_new(entry(parts, "__metadata__"), "config", json_string(text));
  free(text);
}

void set(json_t *object, const char *key, const char *json)
{
  json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
  assert_non_null(value);
  json_object_set_new(object, key, value);
}

void put(uint64_t length, const char *text, size_t text_size, const void *data, size_t size)
{
  FILE *file = fopen(hostile_file, "wb");
  assert_non_null(file);
  for (int i = 0; i < 8; ++i) fputc((int)(length >> (8 * i) & 255), file);
  assert_int_equal(fwrite(text, 1, text_size, file), text_size);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

void put_text(const char *text, const Parts *parts)
{
  put(strlen(text), text, strlen(text), parts->data, parts->size);
}

void put_parts(const Parts *parts)
{
  char *text = json_dumps(parts->header, JSON_COMPACT);
  assert_non_null(text);
  put_text(text, parts);
  free(text);
}

void refused(const char *path, CenoteStatus want, const char *what, const char *more)
{
  CenoteError err = {""};
  CenoteModel *model = (CenoteModel *)(void *)&err; // to see it set to NULL
  const CenoteStatus status = cenote_model_load(path, &model, &err);
  if (status != want || !strstr(err.text, what) || !strstr(err.text, more))
    fail_msg("want \"%s\" and \"%s\" (%d), got %d: %s", what, more, want, status, err.text);
  assert_null(model);
  assert_true(strncmp(err.text, path, strlen(path)) == 0);
  assert_null(strchr(err.text, '\n'));
}

void bad(const char *what, const char *more)
{
  refused(hostile_file, CENOTE_BAD_MODEL, what, more);
}
