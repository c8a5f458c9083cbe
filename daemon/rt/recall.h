// SPDX-License-Identifier: ISC
// Commands about moments: slots, notes that play them, and a voice's own past.
#ifndef DAEMON_RECALL_H
#define DAEMON_RECALL_H

#include "rt/engine_struct.h"

CENOTE_RT void recall_load(Engine *engine, const Command *command);
CENOTE_RT void recall_trigger(Engine *engine, const Command *command);
CENOTE_RT void recall_reset(Engine *engine, const Command *command);
CENOTE_RT void recall_morph(Engine *engine, const Command *command);
CENOTE_RT void recall_copy(Engine *engine, const Command *command);
CENOTE_RT void recall_rewind(Engine *engine, const Command *command);
CENOTE_RT void recall_put(Engine *engine, const Command *command);
CENOTE_RT void recall_look(Engine *engine, const Command *command);

#endif
