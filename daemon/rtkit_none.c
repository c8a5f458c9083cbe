// SPDX-License-Identifier: ISC
// A build without D-Bus.
#include "rtkit.h"

#include <stdio.h>

bool rtkit_ask(pid_t thread, char why[static 128])
{
  (void)thread;
  snprintf(why, 128, "not built in");
  return false;
}
