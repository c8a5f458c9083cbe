// SPDX-License-Identifier: ISC
// Where a file is to be put that is written aside and renamed.
#ifndef CN_PLACE_H
#define CN_PLACE_H

#include <sys/types.h>

/// The name at the end of all links from `path`, whether anything is there or not, so that a rename
/// replaces what the links lead to and not a link; free() it. *mode are the rights of what is
/// there, or those that a plain open would give. NULL with errno.
char *cn_place(const char *path, mode_t *mode);

#endif
