// SPDX-License-Identifier: ISC
// Without libshout.
#include "cast.h"

#include <stdio.h>

CenoteStatus cast_open(const char *url, uint32_t rate_hz, Cast **out, CenoteError *err)
{
  (void)url;
  (void)rate_hz;
  *out = NULL;
  snprintf(err->text, sizeof err->text,
           "icecast://: this cenoted was built without libshout (Debian: libshout-dev)");
  return CENOTE_BAD_ARGUMENT;
}

const char *cast_name(const Cast *cast)
{
  (void)cast;
  return "icecast://";
}

bool cast_ready(Cast *cast)
{
  (void)cast;
  return false;
}

void cast_write(Cast *cast, const int16_t *numbers, size_t count)
{
  (void)cast;
  (void)numbers;
  (void)count;
}

void cast_give_up(Cast *cast)
{
  (void)cast;
}

void cast_end(Cast *cast)
{
  (void)cast;
}

void cast_close(Cast *cast)
{
  (void)cast;
}
