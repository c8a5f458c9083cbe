// SPDX-License-Identifier: ISC
// The log of a run as a picture.
#ifndef TRAINER_CURVE_H
#define TRAINER_CURVE_H

#include <cenote/cenote.h>

/// Read the JSON lines at `log`, write an SVG of bits a sample over steps, aside first.
CenoteStatus curve_write(const char *log, const char *svg, CenoteError *err);

#endif
