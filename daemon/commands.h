// SPDX-License-Identifier: ISC
// The table of OSC messages, and the way from a message to its row.
#ifndef DAEMON_COMMANDS_H
#define DAEMON_COMMANDS_H

#include "call.h"

extern const Row commands_rows[];
extern const int commands_count;

/// OscHandler; data is the Control.
void commands_handle(void *data, const OscMessage *message);
/// OscWatch; data is the Control.
void commands_watch(void *data, const OscPeer *from, const void *packet, size_t size,
                    const char *why);
/// Whether whoever sent this may quit and name files; false after a /fail.
bool commands_permitted(const Call *call);
/// One message, now or at control->due; from NULL: a preset's.
void commands_dispatch(Control *control, const OscPeer *from, const char *address,
                       lo_message message);
/// The table on standard output, for --help-osc; as mdoc rows, or Markdown's, for the pages.
void commands_print(void);
void commands_print_mdoc(void);
void commands_print_markdown(void);

/// The lines of FOLDER/preset.osc, one message each, as if sent. No such file is no error.
void commands_run_preset(Control *control, const char *folder);

/// A slot's note at its own gain and pan, on a free voice.
Command call_trigger(uint32_t slot);

// Handlers of rows: say_server.c, say_voice.c, say_play.c, say_dirt.c, say_files.c.
void say_value(const Call *call);
void say_status(const Call *call);
void say_version(const Call *call);
void say_sync(const Call *call);
void say_ping(const Call *call);
void say_dump(const Call *call);
void say_clear(const Call *call);
void say_notify(const Call *call);
void say_quit(const Call *call);
void say_clock(const Call *call);
void say_latency(const Call *call);
void say_schema(const Call *call);
void say_meter(const Call *call);
void say_reset(const Call *call);
void say_set(const Call *call);
void say_tick(const Call *call);
void say_level_reset(const Call *call);
void say_save(const Call *call);
void say_load(const Call *call);
void say_morph(const Call *call);
void say_morph_x(const Call *call);
void say_copy(const Call *call);
void say_rewind(const Call *call);
void say_trigger(const Call *call);
void say_mnote(const Call *call);
void say_mnote_release(const Call *call);
void say_notes_off(const Call *call);
void say_map(const Call *call);
void say_dirt_play(const Call *call);
void say_dirt_hello(const Call *call);
void say_preset_load(const Call *call);
void say_model_load(const Call *call);
void say_model_free(const Call *call);
void say_model_list(const Call *call);
void say_model_info(const Call *call);
void say_voice_model(const Call *call);
void say_slot_list(const Call *call);
void say_slot_free(const Call *call);
void say_slot_write(const Call *call);
void say_slot_read(const Call *call);
void say_prime(const Call *call);
void say_rec_start(const Call *call);
void say_rec_stop(const Call *call);
void say_log_start(const Call *call);
void say_log_stop(const Call *call);

#endif
