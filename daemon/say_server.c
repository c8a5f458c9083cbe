// SPDX-License-Identifier: ISC
// What clients ask of the daemon itself.
#include "commands.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static double device_ms(const Control *control)
{
  return control->audio ? audio_latency(control->audio) * 1e3 : 0.0;
}

/// What the resampler of the first voice reads ahead.
static double resampler_ms(const Control *control)
{
  const Loaded *loaded = control->playing[0];
  const double model_hz = loaded ? cenote_model_info(loaded->model)->sample_rate_hz : 0.0;
  return model_hz > 0.0 && model_hz != control->rate_hz
             ? player_look(control->player) / model_hz * 1e3
             : 0.0;
}

static double ahead_ms(const Control *control)
{
  return control->options->fast ? 0.0 : control->options->ahead_ms;
}

void say_status(const Call *call)
{
  const Control *control = call->control;
  PlayerStatus status;
  player_status(control->player, &status);
  const uint64_t xruns = control->audio ? audio_xruns(control->audio) : 0;
  call_ignore(call, 0);
  lo_message message = lo_message_new();
  lo_message_add(message, "iiiiiffddiiifh", 1, 0, (int)status.sounding,
                 (int)control->options->voices, (int)control->models, (double)status.load_mean,
                 (double)status.load_peak, control->rate_hz, status.rate_hz, (int)xruns,
                 (int)control->late, (int)osc_dropped(control->osc, NULL),
                 ahead_ms(control) + device_ms(control), (int64_t)status.frames);
  call_reply(call, "/status.reply", message);
}

void say_version(const Call *call)
{
  unsigned major = 0;
  unsigned minor = 0;
  unsigned patch = 0;
  sscanf(cenote_version(), "%u.%u.%u", &major, &minor, &patch);
  char text[16];
  snprintf(text, sizeof text, ".%u", patch);
  call_ignore(call, 0);
  lo_message message = lo_message_new();
  lo_message_add(message, "siisss", "cenoted", (int)major, (int)minor, text, "",
                 cenote_model_info(call->control->playing[0]->model)->kernel);
  call_reply(call, "/version.reply", message);
}

void say_sync(const Call *call)
{
  Number id = {0.0, 0};
  if (!call->from || (call->count > 0 && !call_number(call, 0, &id))) return;
  call_ignore(call, 1);
  Control *control = call->control;
  if (control->syncs == CONTROL_SYNCS) {
    CALL_FAIL(call, FAIL_QUEUE, "%d /sync wait already", CONTROL_SYNCS);
    return;
  }
  control->sync[control->syncs++] = (Sync){.from = *call->from,
                                           .id = (int32_t)id.whole,
                                           .due = control->due,
                                           .order = ++control->later.order,
                                           .after = control->jobs_put,
                                           .after_ask = control->asks};
}

void say_ping(const Call *call)
{
  call_reply(call, "/pong", lo_message_clone(call->message));
}

void say_dump(const Call *call)
{
  Number level;
  if (call->count == 0) {
    lo_message message = lo_message_new();
    lo_message_add_int32(message, call->control->dump.level);
    call_reply(call, call->address, message);
    return;
  }
  if (!call_number(call, 0, &level)) return;
  call_ignore(call, 1);
  call->control->dump.level = (int32_t)call_within(level.real, 0.0, 3.0);
}

void say_clear(const Call *call)
{
  Control *control = call->control;
  Command command = {.kind = COMMAND_CLEAR};
  Asked asked;
  if (!call_fires(call)) return;
  // Its answer is the very frame. One for now is done even if no more answers can be waited for.
  const bool now = control->due == 0;
  if (!now || control->open < CONTROL_ASKED)
    command.reply = control_ask_quietly(control, call->from, NULL, call->address);
  if (!now && command.reply == 0) return;
  if (!call_send(call, command)) control_asked(control, command.reply, &asked);
  else if (now) control_clear_later(control, control_frame(control), control->later.order);
}

void say_notify(const Call *call)
{
  Control *control = call->control;
  Number on = {1.0, 1};
  Number port = {0.0, 0};
  if (!call->from || (call->count > 0 && !call_number(call, 0, &on))) return;
  if (call->count > 1 && !call_number(call, 1, &port)) return;
  call_ignore(call, 2);
  if (port.whole < 0 || port.whole > 65535) {
    CALL_FAIL(call, FAIL_ARGUMENTS, "port %" PRId64 ", want 1 to 65535", port.whole);
    return;
  }
  size_t at = CONTROL_CLIENTS;
  for (size_t i = CONTROL_CLIENTS; i-- > 0;)
    if (!control->client[i].used) at = i;
  for (size_t i = 0; i < CONTROL_CLIENTS; ++i)
    if (control->client[i].used && osc_peer_equal(&control->client[i].from, call->from)) at = i;
  if (on.whole != 0 && at == CONTROL_CLIENTS) {
    CALL_FAIL(call, FAIL_LIMIT, "%d clients listen already", CONTROL_CLIENTS);
    return;
  }
  if (at < CONTROL_CLIENTS) {
    // scsynth's clients say their number there, as /done /notify told it: that is no port.
    const OscPeer to = port.whole >= CONTROL_CLIENTS
                           ? osc_peer_with_port(call->from, (uint16_t)port.whole)
                           : *call->from;
    control->client[at] = (Client){on.whole != 0, *call->from, to};
  }
  lo_message message = call_message("/notify");
  lo_message_add_int32(message, (int32_t)(at < CONTROL_CLIENTS ? at : 0));
  lo_message_add_int32(message, CONTROL_CLIENTS);
  call_reply(call, "/done", message);
}

void say_quit(const Call *call)
{
  if (!call_fires(call)) return;
  if (call->control->due > 0) {
    call_ask(call, (Command){.kind = COMMAND_END});
    return;
  }
  call_reply(call, "/done", call_message("/quit"));
  control_quit(call->control);
}

void say_clock(const Call *call)
{
  const Control *control = call->control;
  const Clock *clock = &control->clock;
  call_ignore(call, 0);
  const uint64_t frame = clock_frame(clock, player_clock_now(control->player, clock));
  const uint64_t time = clock_time(clock, frame);
  lo_message message = lo_message_new();
  lo_message_add_timetag(message, (lo_timetag){(uint32_t)(time >> 32), (uint32_t)time});
  lo_message_add_int64(message, (int64_t)frame);
  lo_message_add_double(message, clock->rate_hz);
  call_reply(call, "/clock.reply", message);
}

void say_latency(const Call *call)
{
  const Control *control = call->control;
  call_ignore(call, 0);
  const double device = device_ms(control);
  const double ahead = ahead_ms(control);
  lo_message message = lo_message_new();
  lo_message_add(message, "ffff", device + ahead, device, ahead, resampler_ms(control));
  call_reply(call, "/latency.reply", message);
}

/// Whether a row's path begins so; a number in the prefix stands for N or L.
static bool begins_with(const char *path, const char *prefix)
{
  while (*prefix) {
    const bool number = *path == 'N' || *path == 'L';
    if (number && isdigit((unsigned char)*prefix)) prefix += strspn(prefix, "0123456789");
    else if (*path != *prefix++) return false;
    ++path;
  }
  return true;
}

void say_schema(const Call *call)
{
  const char *prefix = "";
  if (call->count > 0) {
    prefix = call_text(call, 0);
    if (!prefix) return;
  }
  call_ignore(call, 1);
  for (int i = 0; i < commands_count; ++i) {
    const Row *row = &commands_rows[i];
    if (!begins_with(row->path, prefix)) continue;
    lo_message message = lo_message_new();
    lo_message_add(message, "ssffs", row->path, row->types, row->low, row->high, row->help);
    call_reply(call, "/schema.reply", message);
  }
  call_reply(call, "/done", call_message("/schema"));
}

void say_meter(const Call *call)
{
  Control *control = call->control;
  Number hz;
  if (call->count == 0) {
    lo_message message = lo_message_new();
    lo_message_add_float(message, control->values.meter_hz);
    call_reply(call, call->address, message);
    return;
  }
  if (!call_number(call, 0, &hz)) return;
  call_ignore(call, 1);
  hz.real = call_within(hz.real, 0.0, 60.0);
  // The engine counts frames in 32 bits, so the slowest meter is once in so many.
  const double every =
      hz.real > 0.0 ? call_within(control->rate_hz / hz.real, 1.0, UINT32_MAX) : 0.0;
  if (!call_send(call, (Command){.kind = COMMAND_METER, .whole = (uint64_t)every})) return;
  const LaterValue later = {.due = control->due, .kind = LATER_METERS, .number = hz};
  if (control->due == 0 || !later_add(&control->later, &later))
    later_take(&later, &control->values, control->key_slot);
}
