// SPDX-License-Identifier: ISC
// Golden weights files taken apart, changed, put together again, and loaded.
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include <cenote/cenote.h>

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Parts {
  json_t *header;
  unsigned char *data;
  size_t size; ///< of data
} Parts;

/// Where the changed file is; set up and removed by the group's fixtures.
extern char hostile_folder[];
extern char hostile_file[64];
int hostile_begin(void **state);
int hostile_end(void **state);

/// A file of tests/golden.
Parts take_apart(const char *name);
Parts take_apart_file(const char *path);
void drop(Parts *parts);

/// An entry of the header, or the configuration in it as an object of its own (a new reference).
json_t *entry(const Parts *parts, const char *name);
json_t *config_of(const Parts *parts);
void set_config(Parts *parts, const json_t *config);

/// object[key] = the value that `json` spells.
void set(json_t *object, const char *key, const char *json);

/// Write the file: `length` in eight bytes, the header's text[text_size], data[size].
void put(uint64_t length, const char *text, size_t text_size, const void *data, size_t size);
void put_text(const char *text, const Parts *parts); ///< another text for the header
void put_parts(const Parts *parts);

/// `path` is refused, in one line that begins with it and says `what` and `more`.
void refused(const char *path, CenoteStatus want, const char *what, const char *more);
/// hostile_file is refused as CENOTE_BAD_MODEL.
void bad(const char *what, const char *more);

#endif
