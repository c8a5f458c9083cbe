// SPDX-License-Identifier: ISC
// Is this OSC? Everything that a later reader relies on is checked here, once, over the whole
// packet; liblo's own checks read up to four bytes past a malformed one.
#include "osc_packet.h"

#include <string.h>

// What is left to read of a packet, and the first thing that was wrong with it. `left` is always a
// multiple of four, so what begins within it has room for its padding too.
typedef struct Reader {
  const uint8_t *at;
  size_t left;
  const char *why;
} Reader;

uint32_t osc_get32(const uint8_t *bytes)
{
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

uint64_t osc_get64(const uint8_t *bytes)
{
  return (uint64_t)osc_get32(bytes) << 32 | osc_get32(bytes + 4);
}

void osc_put32(uint8_t *bytes, uint32_t value)
{
  for (int i = 0; i < 4; ++i) bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

size_t osc_string_size(const uint8_t *text)
{
  return (strlen((const char *)text) / 4 + 1) * 4;
}

static bool refuse(Reader *reader, const char *why)
{
  reader->why = why;
  return false;
}

static bool skip(Reader *reader, size_t size)
{
  if (size > reader->left) return refuse(reader, "an argument ends beyond the packet");
  reader->at += size;
  reader->left -= size;
  return true;
}

static bool skip_string(Reader *reader)
{
  const uint8_t *end = memchr(reader->at, 0, reader->left);
  if (!end) return refuse(reader, "a string without an end");
  size_t size = osc_string_size(reader->at);
  for (; end < reader->at + size; ++end)
    if (*end) return refuse(reader, "a string is padded with something else than zeros");
  return skip(reader, size);
}

static bool skip_blob(Reader *reader)
{
  if (reader->left < 4) return refuse(reader, "an argument ends beyond the packet");
  size_t size = osc_get32(reader->at);
  if (size > reader->left - 4) return refuse(reader, "a blob is longer than its packet");
  const uint8_t *end = reader->at + 4 + size;
  size_t padded = 4 + (size + 3) / 4 * 4;
  for (; end < reader->at + padded; ++end)
    if (*end) return refuse(reader, "a blob is padded with something else than zeros");
  return skip(reader, padded);
}

static bool skip_argument(Reader *reader, char tag, unsigned *open)
{
  switch (tag) {
  case 'i':
  case 'f':
  case 'c':
  case 'r':
  case 'm':
    return skip(reader, 4);
  case 'h':
  case 'd':
  case 't':
    return skip(reader, 8);
  case 's':
  case 'S':
    return skip_string(reader);
  case 'b':
    return skip_blob(reader);
  case 'T':
  case 'F':
  case 'N':
  case 'I':
    return true;
  case '[':
    ++*open;
    return true;
  case ']':
    if (*open == 0) return refuse(reader, "an array ends that did not begin");
    --*open;
    return true;
  default:
    return refuse(reader, "an unknown type tag");
  }
}

static bool valid_message(const uint8_t *bytes, size_t size, const char **why)
{
  Reader reader = {.at = bytes, .left = size};
  const uint8_t *tags = NULL;
  unsigned open = 0;
  bool ok = skip_string(&reader);
  if (ok && size - reader.left > (OSC_ADDRESS_MAX / 4 + 1) * 4)
    ok = refuse(&reader, "an address of more than 255 characters");
  for (const uint8_t *c = bytes; ok && *c; ++c)
    if (*c < 0x20 || *c == 0x7f) ok = refuse(&reader, "a control character in an address");
  // Old senders leave the type tags out. Without arguments that is clear; with some it is not.
  if (ok && reader.left > 0) {
    tags = reader.at;
    if (*tags != ',') ok = refuse(&reader, "no type tags");
    ok = ok && skip_string(&reader);
    while (ok && *++tags) ok = skip_argument(&reader, (char)*tags, &open);
    if (ok && open) ok = refuse(&reader, "an array without an end");
    if (ok && reader.left) ok = refuse(&reader, "bytes left over after the last argument");
  }
  *why = reader.why;
  return ok;
}

// What is known of a packet so far.
typedef struct Check {
  unsigned messages;
  const char *why;
} Check;

static bool valid_bundle(Check *check, const uint8_t *bytes, size_t size, unsigned depth);

static bool valid_element(Check *check, const uint8_t *bytes, size_t size, unsigned depth)
{
  if (size == 0) {
    check->why = "an empty packet or element";
  } else if (size % 4) {
    check->why = "a size that is not a multiple of four";
  } else if (bytes[0] == '/' && check->messages == OSC_MESSAGES_MAX) {
    check->why = "more than 1024 messages in a packet";
  } else if (bytes[0] == '/') {
    ++check->messages;
    return valid_message(bytes, size, &check->why);
  } else if (size >= 16 && !memcmp(bytes, "#bundle", 8)) {
    return valid_bundle(check, bytes, size, depth);
  } else {
    check->why = "neither an address nor a bundle";
  }
  return false;
}

// "#bundle", time tag, then elements with their sizes in front. `depth` bundles are around it.
static bool valid_bundle(Check *check, const uint8_t *bytes, size_t size, unsigned depth)
{
  if (depth >= OSC_NESTING_MAX) {
    check->why = "bundles nested more than 8 deep";
    return false;
  }
  for (size_t at = 16; at < size;) {
    size_t length = osc_get32(bytes + at); // sizes are fours: if one byte is left, four are
    at += 4;
    if (length > size - at) {
      check->why = "a bundle's element is longer than the bundle";
      return false;
    }
    if (!valid_element(check, bytes + at, length, depth + 1)) return false;
    at += length;
  }
  return true;
}

bool osc_valid(const void *packet, size_t size, const char **why)
{
  Check check = {0};
  bool ok = valid_element(&check, packet, size, 0);
  if (why && !ok) *why = check.why;
  return ok;
}
