// SPDX-License-Identifier: ISC
#include "options.h"

#include "log.h"
#include "options_file.h"
#include "options_help.h"
#include "rt/engine.h"
#include "sink.h"

#include <cenote/cenote.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  OPT_BIND = 256,
  OPT_PORT,
  OPT_DEVICE,
  OPT_LIST,
  OPT_RATE,
  OPT_BLOCK,
  OPT_CHANNELS,
  OPT_AHEAD,
  OPT_VOICES,
  OPT_SEED,
  OPT_PRECISION,
  OPT_THREADS,
  OPT_OUTPUT,
  OPT_FORMAT,
  OPT_SPLIT,
  OPT_NO_AUDIO,
  OPT_FAST,
  OPT_DURATION,
  OPT_MEDIA,
  OPT_REMOTE,
  OPT_DRY,
  OPT_HELP_OSC,
  OPT_CONFIG,
  OPT_NO_CONFIG,
  OPT_LOG_LEVEL,
  OPT_INPUT,
  OPT_MAX_AHEAD,
  OPT_JITTER,
  OPT_REWIND,
  OPT_RESTORE,
  OPT_WATCHDOG,
  OPT_WATCHDOG_BITS,
  OPT_MIDI,
  OPT_MIDI_CC,
  OPT_HELP,
  OPT_VERSION
};

static const char *place; ///< FILE:LINE that the option comes from; NULL: the command line

static int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int usage(const char *format, ...)
{
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  log_error("%s%s%s", place ? place : "", place ? ": " : "", text);
  fputs("Try 'cenoted --help'.\n", stderr);
  return 2;
}

static bool number(const char *text, double low, double high, double *out)
{
  char *end;
  errno = 0;
  *out = strtod(text, &end);
  return end != text && *end == '\0' && *out >= low && *out <= high;
}

static bool whole(const char *text, uint64_t high, uint64_t *out)
{
  char *end;
  errno = 0;
  if (text[0] < '0' || text[0] > '9') return false;
  *out = strtoull(text, &end, 10);
  return *end == '\0' && errno == 0 && *out <= high;
}

/// One option with its argument; -1 or a status.
static int take(int option, const char *text, Options *out)
{
  uint64_t n = 0;
  LogLevel level;
  switch (option) {
  case OPT_BIND:
    if (out->binds == OPTIONS_BINDS) return usage("--bind: at most %d addresses", OPTIONS_BINDS);
    out->bind[out->binds++] = text;
    break;
  case OPT_PORT:
    if (!whole(text, 65535, &n)) return usage("--port %s: want 0 to 65535", text);
    out->port = (uint16_t)n;
    break;
  case OPT_DEVICE:
    out->device = text;
    break;
  case OPT_LIST:
    out->list_devices = true;
    break;
  case OPT_RATE:
    if (!number(text, 1000.0, 768000.0, &out->rate_hz) || floor(out->rate_hz) != out->rate_hz)
      return usage("--rate %s: want a whole number of 1000 to 768000 Hz", text);
    break;
  case OPT_BLOCK:
    if (!whole(text, ENGINE_BLOCK, &n) || n < 1)
      return usage("--block %s: want 1 to %d frames", text, ENGINE_BLOCK);
    out->block = (uint32_t)n;
    break;
  case OPT_CHANNELS:
    if (!whole(text, ENGINE_CHANNELS, &n) || n < 1)
      return usage("--channels %s: want 1 to %d", text, ENGINE_CHANNELS);
    out->channels = (uint32_t)n;
    break;
  case OPT_AHEAD:
    if (!number(text, 0.0, 10000.0, &out->ahead_ms))
      return usage("--ahead %s: want 0 to 10000 ms", text);
    break;
  case OPT_VOICES:
    if (!whole(text, ENGINE_VOICES, &n) || n < 1)
      return usage("--voices %s: want 1 to %d", text, ENGINE_VOICES);
    out->voices = (uint32_t)n;
    break;
  case OPT_SEED:
    if (!whole(text, UINT64_MAX, &out->seed))
      return usage("--seed %s: want a whole number below 2^64", text);
    break;
  case OPT_PRECISION:
    if (!cenote_precision_find(text, &out->precision))
      return usage("--precision %s: want f32, bf16, int8, int4 or auto", text);
    break;
  case OPT_THREADS:
    if (!whole(text, ENGINE_VOICES, &n) || n < 1)
      return usage("--threads %s: want 1 to %d", text, ENGINE_VOICES);
    out->threads = (uint32_t)n;
    break;
  case OPT_OUTPUT:
    if (out->outputs == OPTIONS_OUTPUTS)
      return usage("--output: at most %d of them", OPTIONS_OUTPUTS);
    if (*text == '\0') return usage("--output: a file's name is empty");
    out->output_format[out->outputs] = out->format;
    out->output[out->outputs++] = text;
    break;
  case OPT_FORMAT:
    if (!sink_format_known(text))
      return usage("--format %s: want rf64, wav, w64, flac, ogg, au or raw", text);
    out->format = text;
    break;
  case OPT_SPLIT:
    if (!number(text, 0.1, 1e9, &out->split_s))
      return usage("--split %s: want seconds, 0.1 at least", text);
    break;
  case OPT_NO_AUDIO:
    out->no_audio = true;
    break;
  case OPT_FAST:
    out->fast = true;
    break;
  case OPT_DURATION:
    if (!number(text, 0.0, 1e9, &out->duration_s) || out->duration_s == 0.0)
      return usage("--duration %s: want seconds above 0", text);
    break;
  case OPT_MEDIA:
    out->media_dir = text;
    break;
  case OPT_REMOTE:
    out->allow_remote = true;
    break;
  case OPT_DRY:
    out->dry = true;
    break;
  case OPT_HELP_OSC:
    if (text && strcmp(text, "mdoc") != 0 && strcmp(text, "markdown") != 0)
      return usage("--help-osc=%s: want mdoc or markdown", text);
    out->help_osc = true;
    out->help_osc_as = text;
    break;
  case OPT_CONFIG: // taken before all others
  case OPT_NO_CONFIG:
    break;
  case OPT_LOG_LEVEL:
    if (!log_level_find(text, &level))
      return usage("--log-level %s: want error, warn, info or debug", text);
    log_set_level(level);
    break;
  case OPT_MAX_AHEAD:
    if (!number(text, 0.0, 3600.0, &out->max_ahead_s))
      return usage("--max-ahead %s: want 0 to 3600", text);
    break;
  case OPT_JITTER:
    if (!number(text, 0.0, 10000.0, &out->jitter_ms))
      return usage("--jitter-latency %s: want 0 to 10000", text);
    break;
  case OPT_REWIND:
    if (!number(text, 0.0, 4096.0, &out->rewind_mb))
      return usage("--rewind %s: want 0 to 4096", text);
    break;
  case OPT_RESTORE:
    out->restore = text;
    break;
  case OPT_WATCHDOG:
    out->watchdog = text;
    break;
  case OPT_WATCHDOG_BITS: {
    char *end;
    out->bits_low = strtod(text, &end);
    const bool both = *end == ':';
    if (both) out->bits_high = strtod(end + 1, &end);
    if (!both || *end != '\0' || !(out->bits_low >= 0.0 && out->bits_high > out->bits_low))
      return usage("--watchdog-bits %s: want LOW:HIGH, bits a sample", text);
    break;
  }
  case OPT_INPUT:
    out->input = text;
    break;
  case OPT_MIDI:
    if (!midi_source_find(text, &out->midi))
      return usage("--midi %s: want jack, alsa or none", text);
    break;
  case OPT_MIDI_CC:
    if (!midi_map_add(&out->midi_map, text))
      return usage("--midi-cc %s: want a controller of 0 to 127, =, and an OSC address", text);
    break;
  case OPT_HELP:
    fputs(options_help, stdout);
    return 0;
  case OPT_VERSION:
    printf("cenoted %s\n", cenote_version());
    return 0;
  default:
    fputs("Try 'cenoted --help'.\n", stderr);
    return 2;
  }
  return -1;
}

/// One that the configuration file has.
static int take_line(const char *where, int option, const char *text, Options *out)
{
  place = where;
  const int status = take(option, text, out);
  place = NULL;
  return status;
}

/// The formats in force, and what goes together; -1 or a status.
static int check_outputs(Options *out)
{
  if (out->format && out->outputs == 0)
    return usage("--format is about --output, which is missing");
  if (out->outputs == 1) out->output_format[0] = out->format; // in either order
  else if (out->outputs > 1 && out->format != out->output_format[out->outputs - 1])
    return usage("--format %s stands after the last --output", out->format);
  int standard = 0;
  for (size_t i = 0; i < out->outputs; ++i) {
    if (strcmp(out->output[i], "-") == 0 && ++standard > 1)
      return usage("--output -: there is one standard output");
    for (size_t k = 0; k < i; ++k)
      if (strcmp(out->output[i], out->output[k]) == 0) return usage("--output: the same one twice");
    if (strncmp(out->output[i], "icecast://", 10) != 0) continue;
    if (out->fast) return usage("--fast has no clock, so it goes with no icecast://");
    if (out->channels != ENGINE_STEREO)
      return usage("--channels %" PRIu32 ": icecast:// takes two", out->channels);
  }
  return -1;
}

int options_parse(int argc, char **argv, Options *out)
{
  static const struct option known[] = {
      {"bind", required_argument, NULL, OPT_BIND},
      {"port", required_argument, NULL, OPT_PORT},
      {"device", required_argument, NULL, OPT_DEVICE},
      {"list-devices", no_argument, NULL, OPT_LIST},
      {"rate", required_argument, NULL, OPT_RATE},
      {"block", required_argument, NULL, OPT_BLOCK},
      {"channels", required_argument, NULL, OPT_CHANNELS},
      {"ahead", required_argument, NULL, OPT_AHEAD},
      {"voices", required_argument, NULL, OPT_VOICES},
      {"seed", required_argument, NULL, OPT_SEED},
      {"precision", required_argument, NULL, OPT_PRECISION},
      {"threads", required_argument, NULL, OPT_THREADS},
      {"output", required_argument, NULL, OPT_OUTPUT},
      {"format", required_argument, NULL, OPT_FORMAT},
      {"split", required_argument, NULL, OPT_SPLIT},
      {"no-audio", no_argument, NULL, OPT_NO_AUDIO},
      {"fast", no_argument, NULL, OPT_FAST},
      {"duration", required_argument, NULL, OPT_DURATION},
      {"media-dir", required_argument, NULL, OPT_MEDIA},
      {"allow-remote", no_argument, NULL, OPT_REMOTE},
      {"dry", no_argument, NULL, OPT_DRY},
      {"help-osc", optional_argument, NULL, OPT_HELP_OSC},
      {"config", required_argument, NULL, OPT_CONFIG},
      {"no-config", no_argument, NULL, OPT_NO_CONFIG},
      {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
      {"max-ahead", required_argument, NULL, OPT_MAX_AHEAD},
      {"jitter-latency", required_argument, NULL, OPT_JITTER},
      {"rewind", required_argument, NULL, OPT_REWIND},
      {"restore", required_argument, NULL, OPT_RESTORE},
      {"watchdog", required_argument, NULL, OPT_WATCHDOG},
      {"watchdog-bits", required_argument, NULL, OPT_WATCHDOG_BITS},
      {"input", required_argument, NULL, OPT_INPUT},
      {"midi", required_argument, NULL, OPT_MIDI},
      {"midi-cc", required_argument, NULL, OPT_MIDI_CC},
      {"help", no_argument, NULL, OPT_HELP},
      {"version", no_argument, NULL, OPT_VERSION},
      {NULL, 0, NULL, 0},
  };
  *out = (Options){.port = 7770,
                   .block = 128,
                   .channels = ENGINE_STEREO,
                   .ahead_ms = 20.0,
                   .voices = 1,
                   .threads = 1,
                   .media_dir = ".",
                   .max_ahead_s = 10.0,
                   .rewind_mb = 8.0,
                   .bits_low = 0.02,
                   .bits_high = 7.5};
  int status = options_from_file(argc, argv, known, take_line, out);
  if (status >= 0) return status;
  for (;;) {
    const int option = getopt_long(argc, argv, "", known, NULL);
    if (option == -1) break;
    status = take(option, optarg, out);
    if (status >= 0) return status;
  }
  if (argc - optind > 1) return usage("%s: one PRESET or MODEL is enough", argv[optind + 1]);
  if (optind < argc) out->model = argv[optind];
  if (out->no_audio && (out->outputs > 0 || out->device))
    return usage("--no-audio goes with neither --output nor --device");
  if (out->fast && out->device) return usage("--fast has no clock, so it goes with no --device");
  if (out->fast && out->outputs == 0 && !out->no_audio)
    return usage("--fast needs --output FILE (or --no-audio)");
  if (out->input && strcmp(out->input, "card") == 0 &&
      (out->no_audio || out->fast || (out->outputs > 0 && !out->device)))
    return usage("--input card needs the card, which is not used here");
  if (out->config.text) log_debug("options from %s", out->config.path);
  return check_outputs(out);
}

void options_clear(Options *options)
{
  config_close(&options->config);
}
