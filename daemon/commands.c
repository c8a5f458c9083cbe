// SPDX-License-Identifier: ISC
// The one table of OSC messages: it makes the dispatch, /schema, --help-osc, the man page's table
// and the reference page.
#include "commands.h"

#include <stdio.h>
#include <string.h>

#define SERVER(path, types, low, high, unit, handler, help)                                        \
  {                                                                                                \
    path, types, low, high, unit, handler, VALUE_NONE, false, help                                 \
  }
#define GUARDED(path, types, low, high, unit, handler, help)                                       \
  {                                                                                                \
    path, types, low, high, unit, handler, VALUE_NONE, true, help                                  \
  }
#define VALUED(path, types, low, high, unit, value, help)                                          \
  {                                                                                                \
    path, types, low, high, unit, say_value, value, false, help                                    \
  }

const Row commands_rows[] = {
    SERVER("/status", "", 0, 0, "", say_status,
           "answers /status.reply: 1, 0, voices sounding, voices, models, mean and peak load % "
           "(the peak of the last second or two), nominal and actual rate, xruns, late, dropped, "
           "latency ms, sample clock"),
    SERVER("/version", "", 0, 0, "", say_version, "answers /version.reply"),
    SERVER("/sync", "i", 0, 0, "", say_sync, "answers /synced once earlier commands are done"),
    SERVER("/ping", "...", 0, 0, "", say_ping, "answers /pong with the same"),
    SERVER("/dumpOSC", "i", 0, 3, "", say_dump,
           "print what comes in: 1 parsed, 2 in bytes, 3 both; and why it was refused or dropped"),
    SERVER("/clearSched", "", 0, 0, "", say_clear, "drop all that waits for its time"),
    SERVER("/notify", "i [i port]", 0, 1, "", say_notify, "hear of every change of a value"),
    GUARDED("/quit", "", 0, 0, "", say_quit, "fade out and end"),
    SERVER("/clock", "", 0, 0, "", say_clock,
           "answers /clock.reply: time now, sample heard now, samples in a second"),
    SERVER("/latency", "", 0, 0, "", say_latency,
           "answers /latency.reply: total, device, ahead, resampler, in ms"),
    SERVER("/schema", "[s prefix]", 0, 0, "", say_schema,
           "answers /schema.reply for each message, then /done"),
    VALUED("/gain", "f", -90, 12, "dB", VALUE_MASTER_GAIN, "master; -90 is silence"),
    VALUED("/mute", "i", 0, 1, "", VALUE_MASTER_MUTE, "master"),
    SERVER("/meter", "f", 0, 60, "Hz", say_meter,
           "/voice/N/meter to notified clients so often: peak, rms, bits a sample, clipped"),
    SERVER("/preset/load", "s [i tag]", 0, 0, "", say_preset_load,
           "crossfade to a preset: its weights, controls and slots"),
    GUARDED("/model/load", "s [s as] [i tag]", 0, 0, "", say_model_load,
            "a preset, the command line's model, or a file under --media-dir"),
    SERVER("/model/free", "s [i tag]", 0, 0, "", say_model_free,
           "forget a model that no voice plays"),
    SERVER("/model/list", "", 0, 0, "", say_model_list, "answers /model/list.reply, each"),
    SERVER("/model/info", "[s]", 0, 0, "", say_model_info, "answers /model/info.reply"),
    VALUED("/voice/N/run", "i", 0, 1, "", VALUE_RUN, "step, or stand still with the state kept"),
    SERVER("/voice/N/reset", "", 0, 0, "", say_reset, "state and random numbers from the start"),
    VALUED("/voice/N/seed", "h", 0, 0, "", VALUE_SEED, "new random numbers"),
    VALUED("/voice/N/temperature", "f", 0, 4, "", VALUE_TEMPERATURE, "0 takes the likeliest code"),
    VALUED("/voice/N/top_k", "i", 1, 256, "", VALUE_TOP_K, "256 is off"),
    VALUED("/voice/N/top_p", "f", 0, 1, "", VALUE_TOP_P, "1 is off"),
    VALUED("/voice/N/gain", "f", -90, 12, "dB", VALUE_GAIN, "-90 is silence"),
    VALUED("/voice/N/mute", "i", 0, 1, "", VALUE_MUTE, "silent, but stepping"),
    VALUED("/voice/N/pan", "f", -1, 1, "", VALUE_PAN,
           "left to right; the centre is unity (--channels: around the ring)"),
    VALUED("/voice/N/attack", "f", 0, 60000, "ms", VALUE_ATTACK, "of a trigger"),
    VALUED("/voice/N/release", "f", 0, 60000, "ms", VALUE_RELEASE, "of a trigger"),
    VALUED("/voice/N/speed", "f", 0.25, 4, "", VALUE_SPEED, "playback ratio; moves the pitch"),
    SERVER("/voice/N/model", "s [i tag]", 0, 0, "", say_voice_model, "other weights, by crossfade"),
    SERVER("/voice/set", "i voice (s name, value)...", 0, 0, "", say_set, "several values at once"),
    SERVER("/trigger", "s|i slot [f s, f dB, f pan]", 0, 0, "", say_trigger,
           "a free voice (else the oldest) recalls the slot and plays"),
    SERVER("/mnote", "f key, f velocity [f id]", 0, 127, "", say_mnote,
           "the key's slot on a free voice; velocity 0 releases"),
    SERVER("/mnote/rel", "f key, f velocity [f id]", 0, 127, "", say_mnote_release, "release"),
    SERVER("/allnotesoff", "", 0, 0, "", say_notes_off, "release every note"),
    SERVER("/map", "i key [i|s slot]", 0, 127, "", say_map,
           "which slot a key plays; its own first"),
    SERVER("/dirt/play", "(s name, value)...", 0, 0, "", say_dirt_play,
           "Tidal: s slot, n key, orbit voice, gain, sustain, pan, any control"),
    SERVER("/dirt/hello", "", 0, 0, "", say_dirt_hello, "answers /dirt/hello/reply"),
    SERVER("/dirt/handshake", "", 0, 0, "", say_dirt_hello, "answers /dirt/handshake/reply"),
    VALUED("/voice/N/level/L/gain", "f", 0, 4, "", VALUE_LEVEL_GAIN, "what the level passes up"),
    VALUED("/voice/N/level/L/freeze", "i", 0, 1, "", VALUE_LEVEL_FREEZE, "hold what it passes up"),
    VALUED("/voice/N/level/L/clock", "f", 0, 4, "", VALUE_LEVEL_CLOCK,
           "its rate's ratio; 0 runs only on tick"),
    SERVER("/voice/N/level/L/tick", "", 0, 0, "", say_tick, "one step of the level"),
    SERVER("/voice/N/level/L/reset", "", 0, 0, "", say_level_reset, "its state to zero"),
    VALUED("/voice/N/level/L/noise", "f", 0, 1, "", VALUE_LEVEL_NOISE,
           "on its recurrent state, as a share of it"),
    SERVER("/voice/N/slot/S/save", "[i]", 0, 0, "", say_save, "keep this moment"),
    SERVER("/voice/N/slot/S/load", "[i]", 0, 0, "", say_load, "back to it, by crossfade"),
    VALUED("/voice/N/fade", "f", 0, 10000, "ms", VALUE_FADE, "of load, morph, copy and rewind"),
    SERVER("/voice/N/morph", "S a, S b, f x [i level]", 0, 1, "", say_morph,
           "to the mix of two slots; level -1: all"),
    SERVER("/voice/N/morph/x", "f", 0, 1, "", say_morph_x, "the last pair again"),
    SERVER("/voice/N/copy", "i from", 1, ENGINE_VOICES, "", say_copy, "the state of another voice"),
    SERVER("/voice/N/rewind", "f", 0, 600, "s", say_rewind, "back in time; answers how far"),
    SERVER("/slot/list", "", 0, 0, "", say_slot_list,
           "answers /slot/list.reply for each: slot, model"),
    SERVER("/slot/free", "S", 0, 0, "", say_slot_free, "empty it"),
    GUARDED("/slot/write", "S, s file [i tag]", 0, 0, "", say_slot_write,
            "to a file under --media-dir"),
    GUARDED("/slot/read", "S, s file [i tag]", 0, 0, "", say_slot_read, "from one"),
    GUARDED("/voice/N/prime", "s file [f start, f seconds] [i tag]", 0, 0, "s", say_prime,
            "go on from what is heard in a file; answers with bits a sample"),
    VALUED("/voice/N/listen", "i", 0, 1, "", VALUE_LISTEN,
           "follow the input, silently; on 0 go on from what was heard"),
    GUARDED("/rec/start", "s file [s format, i voice] [i tag]", 0, 0, "", say_rec_start,
            "record the mix (0) or a voice to a new file under --media-dir"),
    GUARDED("/log/start", "s file [i tag]", 0, 0, "", say_log_start,
            "log what is done, and at which sample, for cenote replay"),
    GUARDED("/log/stop", "[i tag]", 0, 0, "", say_log_stop, "end the log"),
    GUARDED("/rec/stop", "[s file] [i tag]", 0, 0, "", say_rec_stop,
            "end it; answers with file (--split: the last), frames"),
};
const int commands_count = sizeof commands_rows / sizeof *commands_rows;

/// "-90..12 dB"; empty without a range.
static void print_range(const Row *row, char text[static 48])
{
  text[0] = '\0';
  if (row->high > row->low)
    snprintf(text, 48, "%g..%g%s%s", row->low, row->high, *row->unit ? " " : "", row->unit);
}

void commands_print(void)
{
  for (int i = 0; i < commands_count; ++i) {
    const Row *row = &commands_rows[i];
    char range[48];
    print_range(row, range);
    printf("%-24s %-28s %s%s%s\n", row->path, row->types, row->help, *range ? "; " : "", range);
  }
}

void commands_print_mdoc(void)
{
  for (int i = 0; i < commands_count; ++i) {
    const Row *row = &commands_rows[i];
    char range[48];
    print_range(row, range);
    printf(".It Li %s", row->path);
    if (*row->types) printf(" Ar \"%s\"", row->types);
    printf("\n\\&%s%s%s.\n", row->help, *range ? "; " : "", range);
  }
}

void commands_print_markdown(void)
{
  puts("| address | arguments | range | what it does |\n| --- | --- | --- | --- |");
  for (int i = 0; i < commands_count; ++i) {
    const Row *row = &commands_rows[i];
    char range[48];
    print_range(row, range);
    printf("| `%s` | ", row->path);
    for (const char *at = row->types; *at; ++at) printf(*at == '|' ? "\\|" : "%c", *at);
    printf(" | %s | %s |\n", range, row->help);
  }
}
