// SPDX-License-Identifier: ISC
// cenote train --help, from the trainer's table of settings.
#ifndef CLI_TRAIN_HELP_H
#define CLI_TRAIN_HELP_H

#include "settings.h"

/// Does an option of that setting need no value?
bool train_bare(const Setting *setting);

void train_print_help(void);

#endif
