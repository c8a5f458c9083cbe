// SPDX-License-Identifier: ISC
// A file written under a hidden name in the folder it belongs in, and renamed when it is whole: a
// failure leaves what was there, whose rights stay in any case. Links are followed. Standard
// output, pipes and devices are written straight.
#ifndef CLI_ASIDE_H
#define CLI_ASIDE_H

#include <cenote/cenote.h>

typedef struct Aside {
  int fd;
  const char *shown; ///< its name in messages
  char *place;       ///< where it belongs
  char *aside;       ///< the hidden name; NULL: written straight
} Aside;

/// "-" is standard output. The path is borrowed. Nothing is open on failure.
CenoteStatus aside_open(const char *path, Aside *out, CenoteError *err);
/// Put the whole file in its place. On failure it is dropped.
CenoteStatus aside_keep(Aside *file, CenoteError *err);
/// Leave nothing of it.
void aside_drop(Aside *file);

#endif
