// SPDX-License-Identifier: ISC
// All of cenoted, and its two ends.
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "control.h"
#include "input.h"
#include "log.h"
#include "midi_play.h"
#include "nsm.h"
#include "service.h"
#include "session.h"

typedef struct Daemon {
  Options options;
  Control control;
  Job *first; ///< made here: what plays first
  Engine *engine;
  Input *input; ///< NULL: none, or the card's
  Midi *midi;
  MidiSink sink; ///< who acts on MIDI
  Service service;
  Session session;
  Nsm *nsm;
} Daemon;

/// Say why; the exit status 1.
static inline int daemon_fail(const char *text)
{
  log_error("%s", text);
  return 1;
}

/// In order: model, card, inputs, engine, outputs, jobs, OSC, render thread. 0, or the status to
/// exit with, everything said; what was started is daemon_stop's to end.
int daemon_start(Daemon *daemon);
/// In the reverse order; true when every file is whole. *card_closed false: a library hangs, and
/// the process must end by _exit.
bool daemon_stop(Daemon *daemon, bool *card_closed);

#endif
