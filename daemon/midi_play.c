// SPDX-License-Identifier: ISC
#include "midi_play.h"

#include "commands.h"

#include <stdio.h>
#include <string.h>

static void say(Control *control, const char *address, lo_message message)
{
  commands_dispatch(control, NULL, address, message);
  control_flush(control);
  lo_message_free(message);
}

static void note(void *data, int key, int velocity, int channel)
{
  lo_message message = lo_message_new();
  lo_message_add(message, "iii", key, velocity, channel);
  say(data, "/mnote", message);
}

/// From the ends of the row that the address has, or 0 to 1.
static void control_change(void *data, int number, int value, int channel)
{
  (void)channel;
  Control *control = data;
  const char *address = midi_map_address(&control->options->midi_map, number);
  if (!address) return;
  double low = 0.0;
  double high = 1.0;
  for (int i = 0; i < commands_count; ++i) {
    const Row *row = &commands_rows[i];
    // The last part names a value well enough: those that share one share its range.
    const char *end = strrchr(row->path, '/');
    const char *own = strrchr(address, '/');
    const bool level = strstr(address, "/level/") != NULL;
    if (row->value == VALUE_NONE || strcmp(end, own) != 0) continue;
    if (level != (row->value >= VALUE_LEVEL)) continue;
    low = row->low;
    high = row->high;
  }
  lo_message message = lo_message_new();
  lo_message_add_double(message, midi_map_scale(value, low, high));
  say(control, address, message);
}

static void program(void *data, int number, int channel)
{
  Control *control = data;
  char address[64];
  const uint32_t voice = (uint32_t)channel <= control->options->voices ? (uint32_t)channel : 1;
  snprintf(address, sizeof address, "/voice/%u/slot/%d/load", (unsigned)voice, number);
  say(control, address, lo_message_new());
}

static void all_off(void *data)
{
  say(data, "/allnotesoff", lo_message_new());
}

MidiSink midi_play(Control *control)
{
  return (MidiSink){.data = control,
                    .note = note,
                    .control = control_change,
                    .program = program,
                    .all_off = all_off};
}
