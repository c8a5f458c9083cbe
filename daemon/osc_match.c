// SPDX-License-Identifier: ISC
// OSC 1.0 address patterns. Instead of trying and going back, all places of the address that the
// pattern so far can have reached are kept as a set of bits, and each element of the pattern moves
// the set on: the work is at most the pattern's length times the address's.
#include "osc_packet.h"

#include <string.h>

enum { WORDS = OSC_ADDRESS_MAX / 64 + 1 };

// Bit i: i characters of the address are matched.
typedef struct Places {
  uint64_t bits[WORDS];
} Places;

static bool has(const Places *places, size_t at)
{
  return places->bits[at / 64] >> at % 64 & 1;
}

static void add(Places *places, size_t at)
{
  places->bits[at / 64] |= (uint64_t)1 << at % 64;
}

static bool none(const Places *places)
{
  uint64_t any = 0;
  for (size_t i = 0; i < WORDS; ++i) any |= places->bits[i];
  return any == 0;
}

static bool in_class(const char *from, const char *end, char c)
{
  bool negated = *from == '!';
  if (negated) ++from;
  for (; from < end; ++from) {
    if (from + 2 < end && from[1] == '-') {
      if (from[0] <= c && c <= from[2]) return !negated;
      from += 2;
    } else if (*from == c) {
      return !negated;
    }
  }
  return negated;
}

// One character of the address for one element of the pattern; `element` ends before `end`.
static bool one(const char *element, const char *end, char c)
{
  if (*element == '?') return c != '/';
  if (*element == '[') return c != '/' && in_class(element + 1, end - 1, c);
  return *element == c;
}

static Places step_one(const Places *from, const char *element, const char *end,
                       const char *address, size_t length)
{
  Places to = {0};
  for (size_t at = 0; at < length; ++at)
    if (has(from, at) && one(element, end, address[at])) add(&to, at + 1);
  return to;
}

static Places step_star(const Places *from, const char *address, size_t length)
{
  Places to = *from;
  for (size_t at = 0; at < length; ++at)
    if (has(&to, at) && address[at] != '/') add(&to, at + 1);
  return to;
}

// {one,two}: `element` is the opening brace, `end` just after the closing one.
static Places step_choice(const Places *from, const char *element, const char *end,
                          const char *address, size_t length)
{
  Places to = {0};
  for (const char *word = element + 1; word < end;) {
    size_t size = strcspn(word, ",}");
    for (size_t at = 0; at + size <= length; ++at)
      if (has(from, at) && !memcmp(address + at, word, size)) add(&to, at + size);
    word += size + 1;
  }
  return to;
}

// Where the element ends, or NULL: a bracket or brace that is not closed before the next '/'.
static const char *element_end(const char *element)
{
  if (*element != '[' && *element != '{') return element + 1;
  const char *end = element + strcspn(element, *element == '[' ? "]/" : "}/");
  return *end == ']' || *end == '}' ? end + 1 : NULL;
}

bool osc_match(const char *pattern, const char *address)
{
  size_t length = strlen(address);
  if (length > OSC_ADDRESS_MAX || strlen(pattern) > OSC_ADDRESS_MAX) return false;
  // The plain beginning, which is mostly all of it, has one way only.
  const char *from = address;
  while (*pattern && !strchr("?*[{", *pattern))
    if (*pattern++ != *from++) return false;
  Places places = {0};
  add(&places, (size_t)(from - address));
  while (*pattern && !none(&places)) {
    const char *end = element_end(pattern);
    if (!end) return false;
    if (*pattern == '*') places = step_star(&places, address, length);
    else if (*pattern == '{') places = step_choice(&places, pattern, end, address, length);
    else places = step_one(&places, pattern, end, address, length);
    pattern = end;
  }
  return *pattern == '\0' && has(&places, length);
}
