// SPDX-License-Identifier: ISC
// cenoted in one thread: what it has threads, sockets, a card and a clock for is done here, when it
// is asked for, so that one input always does the same.
#ifndef FUZZ_RIG_H
#define FUZZ_RIG_H

#include "daemon.h"

enum { RIG_SOCKET = 7 }; ///< of every peer by UDP; no descriptor

/// Say which promise is broken, and abort.
_Noreturn void rig_broken(const char *promise);

/// A temporary folder with models, a sound and a state in its media/, and presets/ beside that;
/// removed when the process exits.
void rig_make_folder(const char *golden);
const char *rig_media(void);
/// Put its media/ back to what it was, if a file may have been written there; nothing may lie
/// outside, nor too much inside.
void rig_clean_folder(void);
/// Whether a job that writes was put since this was last asked.
bool rig_wrote(void);

/// What the daemon's own job calls for cenote_model_load_as and cenote_model_free.
CenoteStatus rig_model_load(const char *path, CenotePrecision precision, CenoteModel **out,
                            CenoteError *err);
void rig_model_free(CenoteModel *freed);

/// A daemon that plays. Commands on their way to the engine: at most so many.
Daemon *rig_start(const Options *options, size_t commands);
/// A packet as the socket gets it; false when it is not OSC.
bool rig_packet(Daemon *daemon, const OscPeer *from, const uint8_t *bytes, size_t size);
/// So many frames of sound, each sample looked at; the clock goes on with them.
void rig_play(Daemon *daemon, uint32_t frames);
/// Noise to be heard; what is recorded to its files.
void rig_hear(Input *input, uint32_t frames);
void rig_record(Recorder *recorder);
/// The first jobs that wait, at most so many.
void rig_work(Daemon *daemon, uint32_t most);
/// Drop what waits for its time, do the rest: then nobody may wait for an answer any more.
void rig_settle(Daemon *daemon);
void rig_stop(Daemon *daemon);

#endif
