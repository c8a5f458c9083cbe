// SPDX-License-Identifier: ISC
#include "dump.h"

#include "now.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
  LINES = 500, // a second
  BYTES = 256, // of a packet
  ROW = 16,
  TEXT = 400 // of a message
};

/// Text that grows; what does not fit is left out.
typedef struct Text {
  char text[TEXT + 4];
  size_t used;
} Text;

bool dump_room(Dump *dump, uint32_t lines)
{
  if (dump->level <= 0) return false;
  const int64_t second = now_ms() / 1000;
  if (second != dump->second) dump->lines = 0;
  dump->second = second;
  const bool before = dump->lines < LINES;
  dump->lines = before ? dump->lines + lines : LINES;
  if (before && dump->lines >= LINES)
    fprintf(stderr, "cenoted: /dumpOSC: the rest of this second is left out\n");
  return before;
}

static void add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(Text *text, const char *format, ...)
{
  va_list args;
  if (text->used >= TEXT) return;
  va_start(args, format);
  const int wrote = vsnprintf(text->text + text->used, TEXT - text->used, format, args);
  va_end(args);
  text->used += wrote > 0 ? (size_t)wrote : 0;
  if (text->used >= TEXT) strcpy(text->text + TEXT - 1, "...");
}

/// A terminal obeys control characters.
static void add_string(Text *text, const char *string)
{
  add(text, " \"");
  for (; *string && text->used < TEXT; ++string) {
    const unsigned char c = (unsigned char)*string;
    if (c == '"' || c == '\\') add(text, "\\%c", c);
    else if (c < 0x20 || c == 0x7f) add(text, "\\x%02x", c);
    else add(text, "%c", c);
  }
  add(text, "\"");
}

static void add_argument(Text *text, char type, const void *at)
{
  int32_t i = 0;
  int64_t h = 0;
  float f = 0.0f;
  double d = 0.0;
  switch (type) {
  case 'i':
    memcpy(&i, at, sizeof i);
    add(text, " %" PRId32, i);
    break;
  case 'h':
    memcpy(&h, at, sizeof h);
    add(text, " %" PRId64, h);
    break;
  case 'f':
    memcpy(&f, at, sizeof f);
    add(text, " %g", (double)f);
    break;
  case 'd':
    memcpy(&d, at, sizeof d);
    add(text, " %g", d);
    break;
  case 's':
  case 'S':
    add_string(text, at);
    break;
  case 'b':
    add(text, " (%" PRIu32 " bytes)", lo_blob_datasize((lo_blob)at));
    break;
  default:
    add(text, " %c", type);
    break;
  }
}

void dump_message(Dump *dump, const OscMessage *message)
{
  if (!(dump->level & 1) || !dump_room(dump, 1)) return;
  const char *types = lo_message_get_types(message->message);
  lo_arg **argv = lo_message_get_argv(message->message);
  char who[64];
  Text text = {"", 0};
  osc_peer_name(message->from, who);
  add(&text, "%s ,%.64s", message->address, types);
  for (size_t i = 0; types[i] && text.used < TEXT; ++i) add_argument(&text, types[i], argv[i]);
  fprintf(stderr, "cenoted: %s from %s\n", text.text, who);
}

static void print_bytes(const uint8_t *bytes, size_t size)
{
  const size_t most = size < BYTES ? size : BYTES;
  for (size_t row = 0; row < most; row += ROW) {
    Text text = {"", 0};
    add(&text, "%5zu ", row);
    for (size_t i = row; i < row + ROW; ++i)
      if (i < most) add(&text, " %02x", bytes[i]);
      else add(&text, "   ");
    add(&text, "  |");
    for (size_t i = row; i < row + ROW && i < most; ++i)
      add(&text, "%c", bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
    fprintf(stderr, "%s|\n", text.text);
  }
  if (size > most) fprintf(stderr, "      %zu bytes more\n", size - most);
}

void dump_packet(Dump *dump, const OscPeer *from, const void *packet, size_t size, const char *why)
{
  const bool bytes = packet && (dump->level & 2);
  if ((!bytes && !why) || !dump_room(dump, bytes ? BYTES / ROW + 2 : 1)) return;
  char who[64] = "";
  if (from) osc_peer_name(from, who);
  if (why && from) fprintf(stderr, "cenoted: dropped %zu bytes from %s: %s\n", size, who, why);
  else if (why) fprintf(stderr, "cenoted: dropped: %s\n", why);
  else fprintf(stderr, "cenoted: %zu bytes from %s\n", size, who);
  if (bytes) print_bytes(packet, size);
}
