// SPDX-License-Identifier: ISC
#ifndef CN_STATUS_H
#define CN_STATUS_H

#include <cenote/cenote.h>

/// Put one printf-formatted line into err (may be NULL); returns status.
CenoteStatus cn_fail(CenoteError *err, CenoteStatus status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
