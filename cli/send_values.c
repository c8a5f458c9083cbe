// SPDX-License-Identifier: ISC
// Messages as words: from the command line, and to standard output.
#include "send.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool whole(const char *text, int64_t low, int64_t high, int64_t *out)
{
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  *out = value;
  return end != text && *end == '\0' && errno == 0 && value >= low && value <= high;
}

static bool number(const char *text, double *out)
{
  char *end;
  *out = strtod(text, &end);
  return end != text && *end == '\0';
}

// Written as a number is: strtod would take "nan", "infinity" and "0x10" too.
static bool looks_like_number(const char *text)
{
  size_t sign = *text == '-' || *text == '+';
  double ignored;
  return (isdigit((unsigned char)text[sign]) || text[sign] == '.') &&
         strspn(text, "0123456789+-.eE") == strlen(text) && number(text, &ignored);
}

static const char *add_float(lo_message message, double value)
{
  if (isfinite(value) && isinf((float)value)) return "is too large for f (d: takes it)";
  lo_message_add_float(message, (float)value);
  return NULL;
}

static const char *add_typed(lo_message message, char type, const char *text)
{
  int64_t i;
  double d;
  switch (type) {
  case 'i':
    if (!whole(text, INT32_MIN, INT32_MAX, &i)) return "is not a whole number of 32 bits";
    lo_message_add_int32(message, (int32_t)i);
    return NULL;
  case 'h':
    if (!whole(text, INT64_MIN, INT64_MAX, &i)) return "is not a whole number of 64 bits";
    lo_message_add_int64(message, i);
    return NULL;
  case 'f':
    return number(text, &d) ? add_float(message, d) : "is not a number";
  case 'd':
    if (!number(text, &d)) return "is not a number";
    lo_message_add_double(message, d);
    return NULL;
  default:
    lo_message_add_string(message, text);
    return NULL;
  }
}

const char *send_add_argument(lo_message message, const char *text)
{
  int64_t i;
  if (*text && strchr("ihfds", *text) && text[1] == ':') return add_typed(message, *text, text + 2);
  if (!strcmp(text, "T")) lo_message_add_true(message);
  else if (!strcmp(text, "F")) lo_message_add_false(message);
  else if (whole(text, INT32_MIN, INT32_MAX, &i)) lo_message_add_int32(message, (int32_t)i);
  else if (whole(text, INT64_MIN, INT64_MAX, &i)) lo_message_add_int64(message, i);
  else if (looks_like_number(text)) return add_float(message, strtod(text, NULL));
  else lo_message_add_string(message, text);
  return NULL;
}

static void print_string(FILE *out, const char *text)
{
  bool plain = *text != '\0';
  for (const char *c = text; *c; ++c)
    plain = plain && !isspace((unsigned char)*c) && !iscntrl((unsigned char)*c) && *c != '"';
  if (!plain) fputc('"', out);
  for (const char *c = text; *c; ++c) {
    if (iscntrl((unsigned char)*c)) // a reply must not steer the terminal
      fprintf(out, "\\x%02x", (unsigned char)*c);
    else if (!plain && (*c == '"' || *c == '\\')) fprintf(out, "\\%c", *c);
    else fputc(*c, out);
  }
  if (!plain) fputc('"', out);
}

// As few digits as give the same number again.
static void print_number(FILE *out, double value, bool narrow)
{
  char text[32];
  int enough = narrow ? 9 : 17;
  for (int digits = narrow ? 6 : 15; digits <= enough; ++digits) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    double back = strtod(text, NULL);
    if (narrow ? (float)back == (float)value : back == value) break;
  }
  fputs(text, out);
}

static void print_value(FILE *out, char type, const uint8_t *value)
{
  int32_t i = 0;
  int64_t h = 0;
  float f;
  double d;
  if (value && strchr("ifcb", type)) memcpy(&i, value, sizeof i);
  if (value && strchr("hd", type)) memcpy(&h, value, sizeof h);
  memcpy(&f, &i, sizeof f);
  memcpy(&d, &h, sizeof d);
  switch (type) {
  case 'i':
    fprintf(out, "%" PRId32, i);
    break;
  case 'h':
    fprintf(out, "%" PRId64, h);
    break;
  case 'f':
    print_number(out, (double)f, true);
    break;
  case 'd':
    print_number(out, d, false);
    break;
  case 's':
  case 'S':
    print_string(out, (const char *)value);
    break;
  case 'c':
    print_string(out, (const char[2]){(char)i});
    break;
  case 'b':
    fprintf(out, "[%" PRId32 " bytes]", i);
    break;
  case 't': {
    uint32_t halves[2];
    memcpy(halves, value, sizeof halves);
    fprintf(out, "%08" PRIx32 ".%08" PRIx32, halves[0], halves[1]);
    break;
  }
  case 'm':
    fprintf(out, "%02x%02x%02x%02x", value[0], value[1], value[2], value[3]);
    break;
  default: // T, F, N, I are their own value
    fputc(type, out);
  }
}

void send_print(FILE *out, const char *address, lo_message message)
{
  const char *types = lo_message_get_types(message);
  lo_arg **argv = lo_message_get_argv(message);
  print_string(out, address);
  for (int i = 0; types[i]; ++i) {
    fputc(' ', out);
    print_value(out, types[i], (const uint8_t *)argv[i]);
  }
  fputc('\n', out);
  fflush(out);
}
