// SPDX-License-Identifier: ISC
// The log of a run as a picture.
#ifndef TRAINER_CURVE_H
#define TRAINER_CURVE_H

#include <cenote/cenote.h>

#include <stdio.h>

/// Read the log's JSON lines from its start, write an SVG of bits a sample over steps, aside first.
/// The log is left at its end.
CenoteStatus curve_write(FILE *log, const char *svg, CenoteError *err);

#endif
