// SPDX-License-Identifier: ISC
// Takes a valid packet apart. Bundles are walked here, so that their times reach the handler
// untouched; liblo reads the arguments of one message at a time.
#include "osc_packet.h"

#include <stdlib.h>
#include <string.h>

// One walk. A message is handed over when the next one turns up, or when there is none: only then
// is it known whether it was the last.
typedef struct Walk {
  OscHandler handler;
  void *data;
  OscMessage held;
  size_t lost;
} Walk;

// A copy for liblo to read: without the brackets of arrays, which it does not know (their elements
// stay, in order), a colour as the whole number that it is, with type tags even if there were none,
// and with zeros after the end.
static lo_message parse(const uint8_t *bytes, size_t size)
{
  size_t address = osc_string_size(bytes);
  const uint8_t *tags = bytes + address;
  const uint8_t *arguments = address < size ? tags + osc_string_size(tags) : tags;
  uint8_t *copy = calloc(size + 12, 1);
  if (!copy) return NULL;
  memcpy(copy, bytes, address);
  size_t at = address;
  copy[at++] = ',';
  if (address < size)
    while (*++tags)
      if (*tags != '[' && *tags != ']') copy[at++] = *tags == 'r' ? 'i' : *tags;
  at = (at / 4 + 1) * 4;
  size_t rest = (size_t)(bytes + size - arguments);
  memcpy(copy + at, arguments, rest);
  lo_message message = lo_message_deserialise(copy, at + rest, NULL);
  free(copy);
  return message;
}

static void hand_over(Walk *walk, bool last)
{
  OscMessage *held = &walk->held;
  if (!held->message) return;
  held->last = last;
  walk->handler(walk->data, held);
  lo_message_free(held->message);
  held->message = NULL;
}

static void message(Walk *walk, const uint8_t *bytes, size_t size, uint64_t timetag)
{
  lo_message parsed = parse(bytes, size);
  if (!parsed) {
    ++walk->lost;
    return;
  }
  hand_over(walk, false);
  walk->held.address = (const char *)bytes;
  walk->held.message = parsed;
  walk->held.timetag = timetag;
}

// All in the order in which it stands there. A bundle within is never due before the one around it
// (OSC 1.0).
static void bundle(Walk *walk, const uint8_t *bytes, size_t size, uint64_t not_before)
{
  uint64_t timetag = osc_get64(bytes + 8);
  if (timetag < not_before) timetag = not_before;
  for (size_t at = 16; at < size; at += 4 + osc_get32(bytes + at)) {
    const uint8_t *element = bytes + at + 4;
    if (*element == '/') message(walk, element, osc_get32(bytes + at), timetag);
    else bundle(walk, element, osc_get32(bytes + at), timetag);
  }
}

size_t osc_walk(const void *packet, size_t size, const OscPeer *from, uint64_t *bundles,
                OscHandler handler, void *data)
{
  const uint8_t *bytes = packet;
  const uint64_t now = 1;
  Walk walk = {.handler = handler, .data = data, .held = {.from = from}};
  if (bytes[0] == '#') {
    walk.held.bundle = ++*bundles;
    bundle(&walk, bytes, size, now);
  } else {
    message(&walk, bytes, size, now);
  }
  hand_over(&walk, true);
  return walk.lost;
}
