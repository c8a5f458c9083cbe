// SPDX-License-Identifier: ISC
// The one table of OSC messages: it makes the dispatch and --help-osc. An address may be a pattern;
// it is tried against each row, for a voice's row once a voice.
#include "commands.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// One message for one row (and voice).
typedef struct Call {
  Control *control;
  const OscPeer *from; ///< NULL: a preset's line
  const struct Row *row;
  const char *address; ///< the row's own, of the voice
  uint32_t voice;
  lo_message message;
  const char *types;
  int count;
} Call;

typedef struct Row {
  const char *path;  ///< N stands for a voice's number
  const char *types; ///< for people
  double low;
  double high;
  void (*handler)(const Call *call);
  Value value;
  bool guarded; ///< from loopback only, unless --allow-remote
  const char *help;
} Row;

static lo_message message_with(const char *text)
{
  lo_message message = lo_message_new();
  if (text) lo_message_add_string(message, text);
  return message;
}

static void reply(const Call *call, const char *address, lo_message message)
{
  if (call->from) osc_send(call->control->osc, call->from, address, message);
  else lo_message_free(message);
}

#define FAIL(call, code, ...)                                                                      \
  control_fail((call)->control, (call)->from, (call)->address, code, __VA_ARGS__)

/// Argument `index` as a number: i h f d T F. Not one, or not finite: /fail, and false.
static bool number_at(const Call *call, int index, Number *out)
{
  const void *at = lo_message_get_argv(call->message)[index];
  int32_t i;
  float f;
  switch (call->types[index]) {
  case 'i':
    memcpy(&i, at, sizeof i);
    *out = (Number){i, i};
    return true;
  case 'h':
    memcpy(&out->whole, at, sizeof out->whole);
    out->real = (double)out->whole;
    return true;
  case 'f':
    memcpy(&f, at, sizeof f);
    out->real = (double)f;
    break;
  case 'd':
    memcpy(&out->real, at, sizeof out->real);
    break;
  case 'T':
    *out = (Number){1.0, 1};
    return true;
  case 'F':
    *out = (Number){0.0, 0};
    return true;
  default:
    FAIL(call, FAIL_ARGUMENTS, "argument %d is of type %c, want a number", index + 1,
         call->types[index]);
    return false;
  }
  if (!isfinite(out->real)) {
    FAIL(call, FAIL_ARGUMENTS, "argument %d is not a finite number", index + 1);
    return false;
  }
  const double rounded = rint(out->real);
  out->whole = rounded >= 9.2e18 ? INT64_MAX : rounded <= -9.2e18 ? INT64_MIN : (int64_t)rounded;
  return true;
}

static bool is_text(const Call *call, int index)
{
  return index < call->count && (call->types[index] == 's' || call->types[index] == 'S');
}

/// Argument `index` as text; NULL after a /fail.
static const char *text_at(const Call *call, int index)
{
  if (is_text(call, index)) return (const char *)lo_message_get_argv(call->message)[index];
  FAIL(call, FAIL_ARGUMENTS, "argument %d: want a string", index + 1);
  return NULL;
}

static void ignore_past(const Call *call, int used)
{
  if (call->count > used) call->control->extra += (uint64_t)(call->count - used);
}

/// A job that answers whoever sent this; the argument past the last, if a whole number, is echoed.
static Job *new_job(const Call *call, JobKind kind, int used)
{
  Job *job = job_new(kind);
  if (!job) {
    FAIL(call, FAIL_MEMORY, "out of memory");
    return NULL;
  }
  job->answer = call->from != NULL;
  if (call->from) job->from = *call->from;
  job->parts = call->control->options->voices;
  job->precision = call->control->options->precision;
  Number tag;
  if (call->count > used && call->types[used] == 'i' && number_at(call, used, &tag)) {
    job->tagged = true;
    job->tag = (int32_t)tag.whole;
    ++used;
  }
  ignore_past(call, used);
  return job;
}

static void do_value(const Call *call)
{
  const Row *row = call->row;
  if (call->count == 0) { // a query
    lo_message message = lo_message_new();
    control_add_value(call->control, row->value, call->voice, message);
    reply(call, call->address, message);
    return;
  }
  Number number;
  if (!number_at(call, 0, &number)) return;
  ignore_past(call, 1);
  if (row->value != VALUE_SEED) { // every whole number is a seed
    const double real = number.real;
    number.real = real < row->low ? row->low : real > row->high ? row->high : real;
    number.whole = (int64_t)rint(number.real);
  }
  const bool toggle =
      row->value == VALUE_RUN || row->value == VALUE_MUTE || row->value == VALUE_MASTER_MUTE;
  if (toggle) number = number.real != 0.0 ? (Number){1.0, 1} : (Number){0.0, 0};
  if (!control_set(call->control, call->from, row->value, call->voice, number))
    FAIL(call, FAIL_QUEUE, "the queue is full");
}

/// An action fires on no argument or a number that is not 0.
static bool fires(const Call *call)
{
  Number number = {1.0, 1};
  if (call->count > 0 && !number_at(call, 0, &number)) return false;
  ignore_past(call, 1);
  return number.real != 0.0;
}

static void do_reset(const Call *call)
{
  if (!fires(call)) return;
  if (!control_send(call->control, (Command){.kind = COMMAND_RESET, .voice = call->voice}))
    FAIL(call, FAIL_QUEUE, "the queue is full");
}

static void do_status(const Call *call)
{
  const Control *control = call->control;
  PlayerStatus status;
  player_status(control->player, &status);
  const uint64_t xruns = control->audio ? audio_xruns(control->audio) : 0;
  const double latency =
      control->options->ahead_ms + (control->audio ? audio_latency(control->audio) * 1e3 : 0.0);
  ignore_past(call, 0);
  lo_message message = lo_message_new();
  lo_message_add(message, "iiiiiffddiiifh", 1, 0, (int)status.sounding,
                 (int)control->options->voices, (int)control->models, (double)status.load_mean,
                 (double)status.load_peak, control->rate_hz, status.rate_hz, (int)xruns,
                 (int)status.late, (int)osc_dropped(control->osc, NULL), latency,
                 (int64_t)status.frames);
  reply(call, "/status.reply", message);
}

static void do_version(const Call *call)
{
  unsigned major = 0;
  unsigned minor = 0;
  unsigned patch = 0;
  sscanf(cenote_version(), "%u.%u.%u", &major, &minor, &patch);
  char text[16];
  snprintf(text, sizeof text, ".%u", patch);
  ignore_past(call, 0);
  lo_message message = lo_message_new();
  lo_message_add(message, "siisss", "cenoted", (int)major, (int)minor, text, "",
                 cenote_model_info(call->control->playing->model)->kernel);
  reply(call, "/version.reply", message);
}

static void do_sync(const Call *call)
{
  Number id = {0.0, 0};
  if (!call->from || (call->count > 0 && !number_at(call, 0, &id))) return;
  ignore_past(call, 1);
  Control *control = call->control;
  if (control->syncs == CONTROL_SYNCS) {
    FAIL(call, FAIL_QUEUE, "%d /sync wait already", CONTROL_SYNCS);
    return;
  }
  control->sync[control->syncs++] = (Sync){*call->from, (int32_t)id.whole, control->jobs_put};
}

static void do_ping(const Call *call)
{
  lo_message message = lo_message_new();
  for (int i = 0; i < call->count; ++i) {
    Number number;
    if (is_text(call, i)) lo_message_add_string(message, text_at(call, i));
    else if (number_at(call, i, &number) && (call->types[i] == 'f' || call->types[i] == 'd'))
      lo_message_add_float(message, (float)number.real);
    else lo_message_add_int32(message, (int32_t)number.whole);
  }
  reply(call, "/pong", message);
}

static void do_dump(const Call *call)
{
  Number level;
  if (call->count == 0) {
    lo_message message = lo_message_new();
    lo_message_add_int32(message, call->control->dump);
    reply(call, call->address, message);
    return;
  }
  if (!number_at(call, 0, &level)) return;
  ignore_past(call, 1);
  call->control->dump = (int32_t)(level.whole < 0 ? 0 : level.whole > 3 ? 3 : level.whole);
}

static void do_notify(const Call *call)
{
  Control *control = call->control;
  Number on = {1.0, 1};
  Number port = {0.0, 0};
  if (!call->from || (call->count > 0 && !number_at(call, 0, &on))) return;
  if (call->count > 1 && !number_at(call, 1, &port)) return;
  ignore_past(call, 2);
  if (port.whole < 0 || port.whole > 65535) {
    FAIL(call, FAIL_ARGUMENTS, "port %" PRId64 ", want 1 to 65535", port.whole);
    return;
  }
  size_t at = CONTROL_CLIENTS;
  for (size_t i = CONTROL_CLIENTS; i-- > 0;)
    if (!control->client[i].used) at = i;
  for (size_t i = 0; i < CONTROL_CLIENTS; ++i)
    if (control->client[i].used && osc_peer_equal(&control->client[i].from, call->from)) at = i;
  if (on.real != 0.0 && at == CONTROL_CLIENTS) {
    FAIL(call, FAIL_LIMIT, "%d clients listen already", CONTROL_CLIENTS);
    return;
  }
  if (at < CONTROL_CLIENTS) {
    const OscPeer to =
        port.whole > 0 ? osc_peer_with_port(call->from, (uint16_t)port.whole) : *call->from;
    control->client[at] = (Client){on.real != 0.0, *call->from, to};
  }
  lo_message message = message_with("/notify");
  lo_message_add_int32(message, (int32_t)(at < CONTROL_CLIENTS ? at : 0));
  lo_message_add_int32(message, CONTROL_CLIENTS);
  reply(call, "/done", message);
}

static void do_quit(const Call *call)
{
  if (!fires(call)) return;
  reply(call, "/done", message_with("/quit"));
  control_quit(call->control);
}

static void do_preset_load(const Call *call)
{
  const char *name = text_at(call, 0);
  if (!name) return;
  Job *job = new_job(call, JOB_PRESET, 1);
  if (!job) return;
  CenoteError err;
  if (cenote_find_preset(name, job->folder, sizeof job->folder, &err) != CENOTE_OK) {
    FAIL(call, FAIL_NOT_THERE, "%s", err.text);
    free(job);
    return;
  }
  snprintf(job->name, sizeof job->name, "%s", name);
  const int wrote = snprintf(job->path, sizeof job->path, "%s/weights.safetensors", job->folder);
  if (wrote < (int)sizeof job->path) {
    control_put(call->control, job);
    return;
  }
  FAIL(call, FAIL_FILE, "the path is too long");
  free(job);
}

static void do_model_load(const Call *call)
{
  const char *name = text_at(call, 0);
  if (!name) return;
  const char *as = is_text(call, 1) ? text_at(call, 1) : name;
  Job *job = new_job(call, JOB_LOAD, as == name ? 1 : 2);
  if (!job) return;
  snprintf(job->name, sizeof job->name, "%s", as);
  const char *why = NULL;
  CenoteError err;
  const char *given = call->control->options->model;
  if (given && strcmp(given, name) == 0) { // the command line's own needs no permission
    if (cenote_find_model(name, job->path, sizeof job->path, &err) != CENOTE_OK) why = err.text;
  } else if (strchr(name, '/') || strstr(name, ".safetensors")) {
    control_media_path(call->control, name, true, job->path, sizeof job->path, &why);
    if (job->path[0] != '\0') why = NULL;
    if (why && strstr(why, "under")) {
      FAIL(call, FAIL_NOT_PERMITTED, "%s: %s", name, why);
      free(job);
      return;
    }
  } else if (cenote_find_model(name, job->path, sizeof job->path, &err) != CENOTE_OK) {
    FAIL(call, FAIL_NOT_THERE, "%s", err.text);
    free(job);
    return;
  }
  if (!why) {
    control_put(call->control, job);
    return;
  }
  FAIL(call, FAIL_FILE, "%s: %s", name, why);
  free(job);
}

static void do_model_list(const Call *call)
{
  ignore_past(call, 0);
  for (size_t i = 0; i < call->control->models; ++i)
    reply(call, "/model/list.reply", message_with(call->control->model[i]->name));
  reply(call, "/done", message_with("/model/list"));
}

static void add_pair(lo_message message, const char *key, const char *value)
{
  lo_message_add_string(message, key);
  lo_message_add_string(message, value);
}

static void do_model_info(const Call *call)
{
  const Control *control = call->control;
  const Loaded *loaded = control->playing;
  if (call->count > 0) {
    const char *name = text_at(call, 0);
    if (!name) return;
    loaded = control_find_model(control, name);
    if (!loaded) {
      FAIL(call, FAIL_NOT_THERE, "no model %s is loaded", name);
      return;
    }
  }
  ignore_past(call, 1);
  const CenoteModelInfo *info = cenote_model_info(loaded->model);
  char text[32];
  lo_message message = message_with(loaded->name);
  snprintf(text, sizeof text, "%" PRIu32, info->sample_rate_hz);
  add_pair(message, "sample_rate", text);
  snprintf(text, sizeof text, "%" PRIu32, info->levels);
  add_pair(message, "levels", text);
  snprintf(text, sizeof text, "%" PRIu64, info->parameters);
  add_pair(message, "parameters", text);
  snprintf(text, sizeof text, "%016" PRIx64, info->hash);
  add_pair(message, "hash", text);
  add_pair(message, "kernel", info->kernel);
  add_pair(message, "precision", info->precision);
  const char *key;
  const char *value;
  for (size_t i = 0; cenote_model_note(loaded->model, i, &key, &value); ++i)
    if (strlen(value) < 1024 && i < 32) add_pair(message, key, value);
  reply(call, "/model/info.reply", message);
}

static void do_rec_start(const Call *call)
{
  Control *control = call->control;
  const char *name = text_at(call, 0);
  if (!name) return;
  int used = 1;
  const char *format = is_text(call, 1) ? text_at(call, used++) : "";
  Number voice = {0.0, 0};
  if (used == 2 && call->count > 2) {
    if (!number_at(call, used++, &voice)) return;
    if (voice.whole < 0 || voice.whole > control->options->voices) {
      FAIL(call, FAIL_NOT_THERE, "no voice %" PRId64 ", there are %" PRIu32, voice.whole,
           control->options->voices);
      return;
    }
  }
  if (*format && !sink_format_known(format)) {
    FAIL(call, FAIL_ARGUMENTS, "format %s is none of: rf64, wav, w64, flac, ogg, au, raw", format);
    return;
  }
  if (control->taking || control->ending_take) {
    FAIL(call, FAIL_BUSY, "a recording is running");
    return;
  }
  Job *job = new_job(call, JOB_TAKE, used);
  if (!job) return;
  const char *why;
  if (!control_media_path(control, name, false, job->path, sizeof job->path, &why)) {
    FAIL(call, strstr(why, "under") ? FAIL_NOT_PERMITTED : FAIL_FILE, "%s: %s", name, why);
    free(job);
    return;
  }
  snprintf(job->name, sizeof job->name, "%s", name);
  snprintf(job->format, sizeof job->format, "%s", format);
  job->voice = (uint32_t)voice.whole;
  control->taking = true;
  control_put(control, job);
}

static void do_rec_stop(const Call *call)
{
  Control *control = call->control;
  int used = 0;
  if (is_text(call, 0)) {
    ++used;
    if (strcmp(text_at(call, 0), control->take) != 0) {
      FAIL(call, FAIL_NOT_THERE, "%s is not being recorded", text_at(call, 0));
      return;
    }
  }
  if (!control->taking || control->ending_take) {
    FAIL(call, FAIL_NOT_THERE, "no recording is running");
    return;
  }
  Job *job = new_job(call, JOB_END_TAKE, used);
  if (!job) return;
  if (control_send(control, (Command){.kind = COMMAND_TAP})) {
    control->ending_take = job; // goes to the job thread once the engine has closed the tap
    return;
  }
  FAIL(call, FAIL_QUEUE, "the queue is full");
  free(job);
}

static const Row rows[] = {
    {"/status", "", 0, 0, do_status, 0, false,
     "answers /status.reply: 1, 0, voices sounding, voices, models, mean and peak load %, nominal "
     "and actual rate, xruns, late, dropped, latency ms, sample clock"},
    {"/version", "", 0, 0, do_version, 0, false, "answers /version.reply"},
    {"/sync", "i", 0, 0, do_sync, 0, false, "answers /synced once earlier commands are done"},
    {"/ping", "...", 0, 0, do_ping, 0, false, "answers /pong with the same"},
    {"/dumpOSC", "i", 0, 3, do_dump, 0, false, "print what comes in, and why it was refused"},
    {"/notify", "i [i port]", 0, 1, do_notify, 0, false, "hear of every change of a value"},
    {"/quit", "", 0, 0, do_quit, 0, true, "fade out and end"},
    {"/gain", "f", -90, 12, do_value, VALUE_MASTER_GAIN, false, "master, dB"},
    {"/mute", "i", 0, 1, do_value, VALUE_MASTER_MUTE, false, "master"},
    {"/preset/load", "s", 0, 0, do_preset_load, 0, false, "crossfade to a preset"},
    {"/model/load", "s [s as]", 0, 0, do_model_load, 0, true,
     "a preset, the command line's model, or a file under --media-dir"},
    {"/model/list", "", 0, 0, do_model_list, 0, false, "answers /model/list.reply, each"},
    {"/model/info", "s", 0, 0, do_model_info, 0, false, "answers /model/info.reply"},
    {"/rec/start", "s [s format, i voice]", 0, 0, do_rec_start, 0, true,
     "record the mix (or a voice) to a new file under --media-dir"},
    {"/rec/stop", "[s]", 0, 0, do_rec_stop, 0, true, "end it; answers with file and frames"},
    {"/voice/N/run", "i", 0, 1, do_value, VALUE_RUN, false, "step, or stand still"},
    {"/voice/N/reset", "", 0, 0, do_reset, 0, false, "state and random numbers from the start"},
    {"/voice/N/seed", "h", 0, 0, do_value, VALUE_SEED, false, "new random numbers"},
    {"/voice/N/temperature", "f", 0, 4, do_value, VALUE_TEMPERATURE, false,
     "0 takes the likeliest code"},
    {"/voice/N/top_k", "i", 1, 256, do_value, VALUE_TOP_K, false, "256 is off"},
    {"/voice/N/top_p", "f", 0, 1, do_value, VALUE_TOP_P, false, "1 is off"},
    {"/voice/N/gain", "f", -90, 12, do_value, VALUE_GAIN, false, "dB; -90 is silence"},
    {"/voice/N/mute", "i", 0, 1, do_value, VALUE_MUTE, false, ""},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char voice_prefix[] = "/voice/N";

/// The row's address for a voice.
static void address_of(const Row *row, uint32_t voice, char address[static 64])
{
  if (strncmp(row->path, voice_prefix, 8) == 0)
    snprintf(address, 64, "/voice/%" PRIu32 "%s", voice + 1, row->path + 8);
  else snprintf(address, 64, "%s", row->path);
}

static void run_row(Call *call)
{
  if (call->row->guarded && call->from && !osc_peer_loopback(call->from) &&
      !call->control->options->allow_remote) {
    FAIL(call, FAIL_NOT_PERMITTED, "not from another machine without --allow-remote");
    return;
  }
  call->row->handler(call);
}

/// No row took it: a voice that there is not, or nothing of ours.
static void refuse(Control *control, const OscPeer *from, const char *address)
{
  static const char prefix[] = "/voice/";
  if (strncmp(address, prefix, 7) == 0 && isdigit((unsigned char)address[7])) {
    const char *rest = address + 7 + strspn(address + 7, "0123456789");
    for (int i = 0; i < ROWS; ++i) {
      if (strncmp(rows[i].path, voice_prefix, 8) != 0 || strcmp(rows[i].path + 8, rest) != 0)
        continue;
      control_fail(control, from, address, FAIL_NOT_THERE, "no voice %.*s, there are 1 to %" PRIu32,
                   (int)(rest - address - 7), address + 7, control->options->voices);
      return;
    }
  }
  control_fail(control, from, address, FAIL_UNKNOWN, "no such command (cenoted --help-osc)");
}

static void dispatch(Control *control, const OscPeer *from, const char *address, lo_message message)
{
  Call call = {.control = control, .from = from, .message = message};
  call.types = lo_message_get_types(message);
  call.count = lo_message_get_argc(message);
  bool taken = false;
  for (int i = 0; i < ROWS; ++i) {
    const bool voiced = strncmp(rows[i].path, voice_prefix, 8) == 0;
    const uint32_t times = voiced ? control->options->voices : 1;
    for (uint32_t voice = 0; voice < times; ++voice) {
      char own[64];
      address_of(&rows[i], voice, own);
      if (!osc_match(address, own)) continue;
      taken = true;
      call.row = &rows[i];
      call.address = own;
      call.voice = voice;
      run_row(&call);
    }
  }
  if (!taken) refuse(control, from, address);
}

void commands_handle(void *data, const OscMessage *message)
{
  Control *control = data;
  if (control->dump > 0) {
    char who[64];
    osc_peer_name(message->from, who);
    fprintf(stderr, "cenoted: %s ,%s from %s\n", message->address,
            lo_message_get_types(message->message), who);
  }
  if (message->bundle != 0) control->in_bundle = true;
  dispatch(control, message->from, message->address, message->message);
  if ((message->bundle == 0 || message->last) && !control_flush(control))
    control_fail(control, message->from, message->address, FAIL_QUEUE, "the queue is full");
}

void commands_print(void)
{
  for (int i = 0; i < ROWS; ++i) {
    char range[48] = "";
    if (rows[i].high > rows[i].low)
      snprintf(range, sizeof range, " %g..%g", rows[i].low, rows[i].high);
    printf("%-22s %-22s%s%s%s\n", rows[i].path, rows[i].types, rows[i].help,
           *range ? (*rows[i].help ? "; " : "") : "", *range ? range + 1 : "");
  }
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
    if (address) dispatch(control, NULL, address, message);
    lo_message_free(message);
  }
  fclose(file);
}
