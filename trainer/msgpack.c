// SPDX-License-Identifier: ISC
// Reading. Every length is the file's word, so each is checked against what is left before use;
// arrays are opened in place, maps by recursion of bounded depth.
#include "msgpack.h"

#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64, EXT_ARRAY = 1, EXT_SCALAR = 3 };

typedef struct Reader {
  const char *name;
  const unsigned char *bytes;
  size_t size;
  size_t at;
  char path[MSG_PATH]; ///< of the value being read
  size_t length;       ///< of path
  MsgTree *tree;
  CenoteError *err;
} Reader;

/// A value's first byte and its length or count, whatever its size on file.
typedef struct Head {
  enum { NIL, BOOL, NUMBER, TEXT, BINARY, LIST, MAP, EXTENSION } kind;
  int64_t number; ///< NUMBER that is a whole one
  uint64_t size;  ///< bytes or items that follow
  int type;       ///< of an EXTENSION
} Head;

static CenoteStatus fail(const Reader *reader, const char *what)
{
  return cn_fail(reader->err, CENOTE_BAD_MODEL, "%s: %s%sat byte %zu: %s", reader->name,
                 reader->path, reader->length > 0 ? ": " : "", reader->at, what);
}

static CenoteStatus need(const Reader *reader, uint64_t bytes)
{
  if (bytes <= reader->size - reader->at) return CENOTE_OK;
  return cn_fail(reader->err, CENOTE_BAD_MODEL,
                 "%s: %s%scut off at byte %zu, where %" PRIu64 " more are wanted", reader->name,
                 reader->path, reader->length > 0 ? ": " : "", reader->size,
                 bytes - (reader->size - reader->at));
}

/// A big-endian number of so many bytes.
static CenoteStatus take(Reader *reader, uint32_t bytes, uint64_t *out)
{
  CN_TRY(need(reader, bytes));
  *out = 0;
  while (bytes-- > 0) *out = *out << 8 | reader->bytes[reader->at++];
  return CENOTE_OK;
}

/// Heads whose first byte holds all but the length.
static CenoteStatus take_sized(Reader *reader, unsigned first, Head *head)
{
  static const struct {
    unsigned char first;
    unsigned char kind;
    unsigned char bytes; ///< of the length
  } known[] = {{0xc4, BINARY, 1},    {0xc5, BINARY, 2},    {0xc6, BINARY, 4},
               {0xd9, TEXT, 1},      {0xda, TEXT, 2},      {0xdb, TEXT, 4},
               {0xdc, LIST, 2},      {0xdd, LIST, 4},      {0xde, MAP, 2},
               {0xdf, MAP, 4},       {0xc7, EXTENSION, 1}, {0xc8, EXTENSION, 2},
               {0xc9, EXTENSION, 4}, {0xd4, EXTENSION, 0}, {0xd5, EXTENSION, 0},
               {0xd6, EXTENSION, 0}, {0xd7, EXTENSION, 0}, {0xd8, EXTENSION, 0}};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
    if (known[i].first != first) continue;
    head->kind = known[i].kind;
    if (known[i].bytes > 0) CN_TRY(take(reader, known[i].bytes, &head->size));
    else head->size = UINT64_C(1) << (first - 0xd4u);
    if (head->kind != EXTENSION) return CENOTE_OK;
    uint64_t type;
    CN_TRY(take(reader, 1, &type));
    head->type = (int)(type < 128 ? type : 256); // negative types are all foreign
    return CENOTE_OK;
  }
  --reader->at;
  return fail(reader, "not MessagePack (is this a Flax checkpoint?)");
}

static CenoteStatus take_head(Reader *reader, Head *head)
{
  uint64_t first;
  uint64_t number;
  *head = (Head){.kind = NUMBER};
  CN_TRY(take(reader, 1, &first));
  if (first <= 0x7f || first >= 0xe0) {
    head->number = first <= 0x7f ? (int64_t)first : (int64_t)first - 256;
  } else if (first <= 0x9f) {
    head->kind = first <= 0x8f ? MAP : LIST;
    head->size = first & 15u;
  } else if (first <= 0xbf) {
    head->kind = TEXT;
    head->size = first & 31u;
  } else if (first == 0xc0 || first == 0xc2 || first == 0xc3) {
    head->kind = first == 0xc0 ? NIL : BOOL;
  } else if (first == 0xca || first == 0xcb) {
    head->number = -1; // a float is no size
    return take(reader, first == 0xca ? 4 : 8, &number);
  } else if (first >= 0xcc && first <= 0xd3) {
    CN_TRY(take(reader, 1u << (first & 3u), &number));
    // Sizes are never negative, so a signed one is only looked at for its sign.
    const uint32_t bits = 8u << (first & 3u);
    const bool negative = first >= 0xd0 && (number >> (bits - 1) & 1u) != 0;
    head->number = negative || number > INT64_MAX ? -1 : (int64_t)number;
  } else {
    return take_sized(reader, (unsigned)first, head);
  }
  return CENOTE_OK;
}

static CenoteStatus add_leaf(Reader *reader, const MsgLeaf *leaf)
{
  MsgTree *tree = reader->tree;
  if (tree->leaves == tree->room) {
    const size_t room = 2 * tree->room + 64;
    MsgLeaf *grown = realloc(tree->leaf, room * sizeof *grown);
    if (!grown) return cn_fail(reader->err, CENOTE_NO_MEMORY, "%s: out of memory", reader->name);
    tree->leaf = grown;
    tree->room = room;
  }
  MsgLeaf *added = &tree->leaf[tree->leaves];
  *added = *leaf;
  added->path = strdup(reader->path);
  if (!added->path)
    return cn_fail(reader->err, CENOTE_NO_MEMORY, "%s: out of memory", reader->name);
  ++tree->leaves;
  return CENOTE_OK;
}

static uint32_t dtype_bytes(const char *dtype)
{
  static const struct {
    const char *name;
    uint32_t bytes;
  } known[] = {{"float32", 4}, {"bfloat16", 2}, {"float16", 2}, {"float64", 8}, {"int32", 4},
               {"uint32", 4},  {"int64", 8},    {"uint64", 8},  {"int16", 2},   {"uint16", 2},
               {"int8", 1},    {"uint8", 1},    {"bool", 1}};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
    if (strcmp(dtype, known[i].name) == 0) return known[i].bytes;
  return 0;
}

static CenoteStatus take_shape(Reader *reader, MsgLeaf *leaf)
{
  Head head;
  CN_TRY(take_head(reader, &head));
  if (head.kind != LIST || head.size > MSG_RANK)
    return fail(reader, "an array's shape is not a list of at most 8 numbers");
  leaf->rank = (uint32_t)head.size;
  leaf->count = 1;
  for (uint32_t i = 0; i < leaf->rank; ++i) {
    CN_TRY(take_head(reader, &head));
    if (head.kind != NUMBER || head.number < 0)
      return fail(reader, "an array's shape holds what is not a whole number");
    leaf->dim[i] = (uint64_t)head.number;
    if (leaf->dim[i] != 0 && leaf->count > reader->size / leaf->dim[i])
      return fail(reader, "an array's shape is larger than the file");
    leaf->count *= leaf->dim[i];
  }
  return CENOTE_OK;
}

/// [shape, type, values], which must end at `end`.
static CenoteStatus take_array(Reader *reader, size_t end)
{
  MsgLeaf leaf = {0};
  Head head;
  CN_TRY(take_head(reader, &head));
  if (head.kind != LIST || head.size != 3)
    return fail(reader, "an array is not [shape, type, values]");
  CN_TRY(take_shape(reader, &leaf));
  CN_TRY(take_head(reader, &head));
  CN_TRY(need(reader, head.size));
  if (head.kind != TEXT || head.size >= sizeof leaf.dtype)
    return fail(reader, "an array's type is not a short text");
  memcpy(leaf.dtype, reader->bytes + reader->at, head.size);
  reader->at += head.size;
  CN_TRY(take_head(reader, &head));
  CN_TRY(need(reader, head.size));
  if (head.kind != BINARY) return fail(reader, "an array's values are not binary");
  const uint32_t each = dtype_bytes(leaf.dtype);
  if (each == 0) return fail(reader, "an array of an unknown type");
  if (leaf.count > SIZE_MAX / each || head.size != leaf.count * each)
    return fail(reader, "an array's values are not as many as its shape says");
  leaf.data = reader->bytes + reader->at;
  reader->at += head.size;
  if (reader->at != end) return fail(reader, "an array does not fill its extension");
  return add_leaf(reader, &leaf);
}

static CenoteStatus take_value(Reader *reader, uint32_t depth);

/// Keys become parts of the path.
static CenoteStatus take_map(Reader *reader, uint64_t size, uint32_t depth)
{
  const size_t outer = reader->length;
  CN_TRY(need(reader, size)); // a pair has two bytes at least
  for (uint64_t i = 0; i < size; ++i) {
    Head key;
    CN_TRY(take_head(reader, &key));
    if (key.kind != TEXT) return fail(reader, "a key that is not text");
    CN_TRY(need(reader, key.size));
    if (key.size + 2 > sizeof reader->path - outer) return fail(reader, "too long a key");
    char *to = reader->path + outer;
    if (outer > 0) *to++ = '/';
    memcpy(to, reader->bytes + reader->at, key.size);
    to[key.size] = '\0';
    reader->at += key.size;
    reader->length = (size_t)(to - reader->path) + key.size;
    if (strlen(to) != key.size) return fail(reader, "a key with a zero byte in it");
    CN_TRY(take_value(reader, depth + 1));
    reader->length = outer;
    reader->path[outer] = '\0';
  }
  return CENOTE_OK;
}

/// Lists do not occur in checkpoints (Flax makes maps of them): they are skipped, with what is in
/// them, as a leaf that is no array.
static CenoteStatus take_list(Reader *reader, uint64_t size, uint32_t depth)
{
  MsgTree *tree = reader->tree;
  const size_t before = tree->leaves;
  CN_TRY(need(reader, size));
  for (uint64_t i = 0; i < size; ++i) {
    CN_TRY(take_value(reader, depth + 1));
    while (tree->leaves > before) free(tree->leaf[--tree->leaves].path);
  }
  return add_leaf(reader, &(MsgLeaf){.dtype = "list"});
}

static CenoteStatus take_value(Reader *reader, uint32_t depth)
{
  static const char *const kind[] = {
      [NIL] = "nil",   [BOOL] = "bool",     [NUMBER] = "number",
      [TEXT] = "text", [BINARY] = "binary", [EXTENSION] = "extension"};
  if (depth > DEEPEST) return fail(reader, "maps too deep in one another");
  Head head;
  CN_TRY(take_head(reader, &head));
  if (head.kind == MAP) return take_map(reader, head.size, depth);
  if (head.kind == LIST) return take_list(reader, head.size, depth);
  CN_TRY(need(reader, head.size));
  if (head.kind == EXTENSION && (head.type == EXT_ARRAY || head.type == EXT_SCALAR)) {
    Reader inner = *reader; // nothing of the array may lie past the extension
    inner.size = reader->at + head.size;
    CN_TRY(take_array(&inner, inner.size));
    reader->at = inner.at;
    return CENOTE_OK;
  }
  reader->at += head.size;
  MsgLeaf leaf = {0};
  snprintf(leaf.dtype, sizeof leaf.dtype, "%s", kind[head.kind]);
  return add_leaf(reader, &leaf);
}

CenoteStatus msg_read(const char *name, const unsigned char *bytes, size_t size, MsgTree *out,
                      CenoteError *err)
{
  *out = (MsgTree){0};
  Reader reader = {.name = name, .bytes = bytes, .size = size, .tree = out, .err = err};
  Head head;
  CenoteStatus status = take_head(&reader, &head);
  if (status == CENOTE_OK && head.kind != MAP) {
    reader.at = 0;
    status = fail(&reader, "no map, as a checkpoint is (is this a Flax checkpoint?)");
  }
  if (status == CENOTE_OK) status = take_map(&reader, head.size, 0);
  if (status == CENOTE_OK && reader.at != size)
    status = fail(&reader, "bytes after the end of the checkpoint");
  if (status != CENOTE_OK) msg_clear(out);
  return status;
}

void msg_clear(MsgTree *tree)
{
  for (size_t i = 0; i < tree->leaves; ++i) free(tree->leaf[i].path);
  free(tree->leaf);
  *tree = (MsgTree){0};
}

const MsgLeaf *msg_find(const MsgTree *tree, const char *path)
{
  for (size_t i = 0; i < tree->leaves; ++i)
    if (strcmp(tree->leaf[i].path, path) == 0) return &tree->leaf[i];
  return NULL;
}
