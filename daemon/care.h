// SPDX-License-Identifier: ISC
// What keeps a daemon going by itself: states kept each minute for --restore, the newest voice shed
// when the machine can't keep up, and, if asked for, a watchdog that recalls a good slot when a
// voice has drifted into silence, noise, a constant or a loop.
#ifndef DAEMON_CARE_H
#define DAEMON_CARE_H

#include "control.h"

/// Make the folder of --restore if it is not there; false with a line on standard error.
bool care_open(const Control *control);
/// Before the first sample: the states that were kept, for kits dressed already. What is
/// of another model, or damaged, is said and left.
void care_restore(Control *control, Kit *const *kit);
/// Often, from the OSC thread.
void care_tend(Control *control);
/// A voice's meter, for the watchdog.
void care_meter(Control *control, const Event *event);
/// After the last sample: keep the states of the engine.
void care_close(Control *control, Engine *engine);

#endif
