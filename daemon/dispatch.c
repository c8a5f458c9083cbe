// SPDX-License-Identifier: ISC
// From a message to the rows that it means. An address, which may be a pattern, is compared with a
// row's path part by part; N and L are numbers, each tried; S is a slot.
#include "commands.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 8 };

/// An address cut at its slashes.
typedef struct Parts {
  int count;
  char text[256];
  const char *part[PARTS];
} Parts;

static bool cut(const char *address, Parts *out)
{
  if (address[0] != '/' || strlen(address) >= sizeof out->text) return false;
  strcpy(out->text, address);
  out->count = 0;
  for (char *at = out->text; at; at = strchr(at, '/')) {
    *at++ = '\0';
    if (out->count == PARTS) return false;
    out->part[out->count++] = at;
  }
  return true;
}

static bool is_pattern(const char *part)
{
  return strpbrk(part, "*?[{") != NULL;
}

static bool matches(const char *pattern, const char *part)
{
  return is_pattern(pattern) ? osc_match(pattern, part) : strcmp(pattern, part) == 0;
}

/// Which part of each kind a row has, -1: none; false when the address is not one of the row's.
static bool fits(const Parts *address, const Parts *path, int *voice, int *level, int *slot)
{
  *voice = *level = *slot = -1;
  if (address->count != path->count) return false;
  for (int i = 0; i < path->count; ++i) {
    const char *part = path->part[i];
    if (strcmp(part, "N") == 0) *voice = i;
    else if (strcmp(part, "L") == 0) *level = i;
    else if (strcmp(part, "S") == 0) *slot = i;
    else if (!matches(address->part[i], part)) return false;
  }
  return true;
}

static bool number_matches(const char *pattern, uint32_t number)
{
  char text[16];
  snprintf(text, sizeof text, "%" PRIu32, number);
  return matches(pattern, text);
}

bool commands_permitted(const Call *call)
{
  if (!call->from || osc_peer_loopback(call->from) || call->control->options->allow_remote)
    return true;
  CALL_FAIL(call, FAIL_NOT_PERMITTED, "not from another machine without --allow-remote");
  return false;
}

static void run(const Call *call)
{
  if (!call->row->guarded || commands_permitted(call)) call->row->handler(call);
}

/// The row's own address, and run it.
static void run_as(Call *call, const Parts *path, int voice, int level, int slot)
{
  char own[320] = "";
  size_t used = 0;
  for (int i = 0; i < path->count && used < sizeof own; ++i) {
    int wrote;
    if (i == voice) wrote = snprintf(own + used, sizeof own - used, "/%" PRIu32, call->voice + 1);
    else if (i == level) wrote = snprintf(own + used, sizeof own - used, "/%" PRIu32, call->level);
    else if (i == slot) wrote = snprintf(own + used, sizeof own - used, "/%s", call->slot);
    else wrote = snprintf(own + used, sizeof own - used, "/%s", path->part[i]);
    used += (size_t)wrote;
  }
  call->address = own;
  run(call);
  call->address = NULL;
}

/// Each slot that the address means: a pattern those that hold something, or can be saved into;
/// else the one it names.
static bool run_slots(Call *call, const Parts *address, const Parts *path, int voice, int level,
                      int slot)
{
  if (slot < 0 || !is_pattern(address->part[slot])) {
    call->slot = slot < 0 ? NULL : address->part[slot];
    run_as(call, path, voice, level, slot);
    return true;
  }
  bool taken = false;
  for (uint32_t s = 0; s < ENGINE_SLOTS; ++s) {
    char text[64];
    // One that is free can be saved into, too.
    const bool there = call->control->slot[s] != 0;
    if (!there && (call->row->handler != say_save || s >= ENGINE_NUMBERED)) continue;
    control_slot_text(call->control, s, text);
    if (!osc_match(address->part[slot], text)) continue;
    call->slot = text;
    run_as(call, path, voice, level, slot);
    taken = true;
  }
  return taken;
}

static bool run_row(Call *call, const Parts *address, const Parts *path)
{
  int voice;
  int level;
  int slot;
  if (!fits(address, path, &voice, &level, &slot)) return false;
  call->count = lo_message_get_argc(call->message);
  call_find_tag(call);
  bool taken = false;
  const uint32_t voices = voice < 0 ? 1 : call->control->options->voices;
  for (uint32_t v = 0; v < voices; ++v) {
    if (voice >= 0 && !number_matches(address->part[voice], v + 1)) continue;
    call->voice = v;
    const Loaded *loaded = call->control->playing[v];
    const uint32_t levels = level < 0 || !loaded ? 1 : cenote_model_info(loaded->model)->levels;
    for (uint32_t l = 0; l < levels; ++l) {
      if (level >= 0 && !number_matches(address->part[level], l)) continue;
      call->level = l;
      taken = run_slots(call, address, path, voice, level, slot) || taken;
    }
  }
  return taken;
}

/// A part of digits.
static bool is_number(const char *part)
{
  return isdigit((unsigned char)part[0]) && part[strspn(part, "0123456789")] == '\0';
}

static bool is_voice(const Control *control, const char *part)
{
  uint32_t voice = 0;
  while (voice < control->options->voices && !number_matches(part, voice + 1)) ++voice;
  return voice < control->options->voices;
}

/// No row took it: a voice or level that there is not, or nothing of ours.
static void refuse(Control *control, const OscPeer *from, const char *address)
{
  Parts parts;
  for (int i = 0; cut(address, &parts) && i < commands_count; ++i) {
    Parts path;
    int voice;
    int level;
    int slot;
    if (!cut(commands_rows[i].path, &path) || !fits(&parts, &path, &voice, &level, &slot)) continue;
    if (slot >= 0 && is_pattern(parts.part[slot])) {
      control_fail(control, from, NULL, address, FAIL_NOT_THERE, "no such slot");
      return;
    }
    if (voice < 0 || !(is_number(parts.part[voice]) || is_pattern(parts.part[voice]))) break;
    if (level >= 0 && is_voice(control, parts.part[voice]))
      control_fail(control, from, NULL, address, FAIL_NOT_THERE, "its model has no level %s",
                   parts.part[level]);
    else
      control_fail(control, from, NULL, address, FAIL_NOT_THERE,
                   "no voice %s, there are 1 to %" PRIu32, parts.part[voice],
                   control->options->voices);
    return;
  }
  control_fail(control, from, NULL, address, FAIL_UNKNOWN, "no such command (cenoted --help-osc)");
}

void commands_dispatch(Control *control, const OscPeer *from, const char *address,
                       lo_message message)
{
  Call call = {.control = control, .from = from, .message = message};
  call.types = lo_message_get_types(message);
  Parts parts;
  bool taken = false;
  const bool whole = cut(address, &parts);
  for (int i = 0; whole && i < commands_count; ++i) {
    Parts path;
    call.row = &commands_rows[i];
    if (cut(call.row->path, &path)) taken = run_row(&call, &parts, &path) || taken;
  }
  if (!taken) refuse(control, from, address);
}

/// The frame at which a message is due; false when it is too far off, said.
static bool find_due(Control *control, const OscMessage *message)
{
  control->due = 0;
  const Options *options = control->options;
  uint64_t tag = message->timetag;
  if (tag <= 1 && options->jitter_ms <= 0.0) return true;
  const uint64_t now = player_clock_now(control->player, &control->clock);
  if (tag <= 1) tag = now + (uint64_t)(options->jitter_ms * 1e-3 * 4294967296.0);
  if (clock_seconds(now, tag) > options->max_ahead_s) {
    control_fail(control, message->from, NULL, message->address, FAIL_QUEUE,
                 "%.3f s ahead, more than --max-ahead %g", clock_seconds(now, tag),
                 options->max_ahead_s);
    return false;
  }
  PlayerStatus status;
  player_status(control->player, &status);
  const uint64_t frame = clock_frame(&control->clock, tag);
  if (frame > status.frames) {
    control->due = frame;
    return true;
  }
  if (message->timetag <= 1) return true;
  ++control->late;
  const double since = clock_seconds(tag, clock_time(&control->clock, status.frames));
  lo_message late = lo_message_new();
  lo_message_add_float(late, (float)fmax(since, 0.0));
  control_notify(control, "/late", late);
  return true;
}

void commands_handle(void *data, const OscMessage *message)
{
  Control *control = data;
  dump_message(&control->dump, message);
  if (message->bundle != 0) control->in_bundle = true;
  ++control->message;
  control->from = message->from;
  control->address = message->address;
  if (control->refused)
    control_fail(control, message->from, NULL, message->address, FAIL_QUEUE, "the queue is full");
  else if (find_due(control, message))
    commands_dispatch(control, message->from, message->address, message->message);
  if (message->bundle == 0 || message->last) control_flush(control);
  control->from = NULL;
  control->address = NULL;
  control->due = 0;
}

void commands_watch(void *data, const OscPeer *from, const void *packet, size_t size,
                    const char *why)
{
  Control *control = data;
  dump_packet(&control->dump, from, packet, size, why);
}

/// One line: an address, then words that are numbers or strings (which may be quoted).
static lo_message parse_line(char *line, char **address)
{
  lo_message message = lo_message_new();
  char *at = line;
  *address = NULL;
  for (;;) {
    at += strspn(at, " \t\r\n");
    if (*at == '\0') break;
    const bool quoted = *at == '"';
    char *word = quoted ? at + 1 : at;
    const size_t length = strcspn(word, quoted ? "\"\n" : " \t\r\n");
    at = word + length + (word[length] != '\0');
    word[length] = '\0';
    char *end;
    if (!*address) {
      *address = word;
    } else if (!quoted && strtol(word, &end, 10) >= INT32_MIN && *end == '\0') {
      lo_message_add_int64(message, strtoll(word, NULL, 10));
    } else {
      const double number = strtod(word, &end);
      if (!quoted && *end == '\0') lo_message_add_double(message, number);
      else lo_message_add_string(message, word);
    }
  }
  return message;
}

void commands_run_preset(Control *control, const char *folder)
{
  char path[JOB_TEXT + 16];
  snprintf(path, sizeof path, "%s/preset.osc", folder);
  FILE *file = fopen(path, "r");
  if (!file) return;
  char line[1024];
  while (fgets(line, sizeof line, file)) {
    if (line[0] == '#') continue;
    char *address;
    lo_message message = parse_line(line, &address);
    if (address) commands_dispatch(control, NULL, address, message);
    lo_message_free(message);
  }
  fclose(file);
}
