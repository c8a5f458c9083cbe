// SPDX-License-Identifier: ISC
// Statuses as sentences, errors as one line.
#include "status.h"

#include <stdarg.h>
#include <stdio.h>

const char *cenote_strerror(CenoteStatus status)
{
  switch (status) {
  case CENOTE_OK:
    return "done";
  case CENOTE_NO_MEMORY:
    return "out of memory";
  case CENOTE_BAD_ARGUMENT:
    return "a value is out of its range";
  case CENOTE_FILE_ERROR:
    return "a file could not be opened, read or written";
  case CENOTE_BAD_MODEL:
    return "not a usable weights file";
  case CENOTE_BAD_STATE:
    return "a saved state is damaged or of another model";
  case CENOTE_NOT_FOUND:
    return "no such preset";
  }
  return "unknown status";
}

const char *cenote_version(void)
{
  return CENOTE_VERSION;
}

CenoteStatus cn_fail(CenoteError *err, CenoteStatus status, const char *format, ...)
{
  if (err) {
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    // Names come from files: a message stays one printable line whatever they hold.
    for (char *c = err->text; *c; ++c)
      if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
  }
  return status;
}
