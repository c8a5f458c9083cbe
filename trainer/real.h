// SPDX-License-Identifier: ISC
// The trainer's number: float, or double in a build that is for checking (meson -Dreal=double).
#ifndef TRAINER_REAL_H
#define TRAINER_REAL_H

#ifdef TRAINER_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
