// SPDX-License-Identifier: ISC
// The outputs of the command line.
#ifndef DAEMON_OUTPUTS_H
#define DAEMON_OUTPUTS_H

#include "daemon.h"

/// Open all of them, after a look at each: what cannot be written, or would write over the weights,
/// the input or another output, is refused while no file has been touched. 0, or the status to exit
/// with, everything said.
int outputs_open(Daemon *daemon);

#endif
