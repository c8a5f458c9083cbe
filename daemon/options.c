// SPDX-License-Identifier: ISC
#include "options.h"

#include "rt/engine.h"
#include "sink.h"

#include <cenote/cenote.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: cenoted [OPTION...] [PRESET|MODEL]\n"
    "Play a Poolformer live, and obey OSC. Without PRESET or MODEL the default preset plays.\n"
    "\n"
    "Sound\n"
    "      --device NAME     the output device whose name holds NAME\n"
    "      --list-devices    list the devices, and exit\n"
    "      --output FILE|-   write a file or standard output instead of the card\n"
    "                        (with --device: besides it)\n"
    "      --format FORMAT   of the output: rf64 (default), wav, w64, flac, ogg, au, raw\n"
    "      --no-audio        no card, no file: a timer is the clock\n"
    "      --fast            as fast as it can, with no clock\n"
    "      --rate HZ         output rate (default: the device's, else the model's)\n"
    "      --block N         frames rendered at a time, 1 to 8192 (default 128)\n"
    "      --ahead MS        rendered ahead of the card, 0 to 10000 ms (default 20)\n"
    "      --duration SEC    end after so much sound\n"
    "      --dry             without the master's DC blocker and limiter\n"
    "Voices\n"
    "      --voices N        1 to 64 (default 1)\n"
    "      --seed N          voice V begins with seed N + V - 1 (default 0)\n"
    "      --precision P     of the products of every model: f32, bf16, int8, int4; auto "
    "(default)\n"
    "                        is the fastest that the model's own file allows\n"
    "      --threads N       1 to 64 that share the voices, no more than cores (default 1); the\n"
    "                        samples are the same\n"
    "OSC\n"
    "      --port N          UDP and TCP; 0 takes a free one (default 7770)\n"
    "      --bind ADDR       listen there instead of 127.0.0.1 and ::1; may be repeated\n"
    "      --allow-remote    /quit and file commands from beyond loopback too\n"
    "      --media-dir DIR   where file commands may read and write (default: here)\n"
    "      --help-osc        list the OSC messages, and exit\n"
    "\n"
    "      --help, --version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

enum {
  OPT_BIND = 256,
  OPT_PORT,
  OPT_DEVICE,
  OPT_LIST,
  OPT_RATE,
  OPT_BLOCK,
  OPT_AHEAD,
  OPT_VOICES,
  OPT_SEED,
  OPT_PRECISION,
  OPT_THREADS,
  OPT_OUTPUT,
  OPT_FORMAT,
  OPT_NO_AUDIO,
  OPT_FAST,
  OPT_DURATION,
  OPT_MEDIA,
  OPT_REMOTE,
  OPT_DRY,
  OPT_HELP_OSC,
  OPT_HELP,
  OPT_VERSION
};

static int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int usage(const char *format, ...)
{
  va_list args;
  fputs("cenoted: ", stderr);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputs("\nTry 'cenoted --help'.\n", stderr);
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
    out->output = text;
    break;
  case OPT_FORMAT:
    if (!sink_format_known(text))
      return usage("--format %s: want rf64, wav, w64, flac, ogg, au or raw", text);
    out->format = text;
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
    out->help_osc = true;
    break;
  case OPT_HELP:
    fputs(help, stdout);
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

int options_parse(int argc, char **argv, Options *out)
{
  static const struct option known[] = {
      {"bind", required_argument, NULL, OPT_BIND},
      {"port", required_argument, NULL, OPT_PORT},
      {"device", required_argument, NULL, OPT_DEVICE},
      {"list-devices", no_argument, NULL, OPT_LIST},
      {"rate", required_argument, NULL, OPT_RATE},
      {"block", required_argument, NULL, OPT_BLOCK},
      {"ahead", required_argument, NULL, OPT_AHEAD},
      {"voices", required_argument, NULL, OPT_VOICES},
      {"seed", required_argument, NULL, OPT_SEED},
      {"precision", required_argument, NULL, OPT_PRECISION},
      {"threads", required_argument, NULL, OPT_THREADS},
      {"output", required_argument, NULL, OPT_OUTPUT},
      {"format", required_argument, NULL, OPT_FORMAT},
      {"no-audio", no_argument, NULL, OPT_NO_AUDIO},
      {"fast", no_argument, NULL, OPT_FAST},
      {"duration", required_argument, NULL, OPT_DURATION},
      {"media-dir", required_argument, NULL, OPT_MEDIA},
      {"allow-remote", no_argument, NULL, OPT_REMOTE},
      {"dry", no_argument, NULL, OPT_DRY},
      {"help-osc", no_argument, NULL, OPT_HELP_OSC},
      {"help", no_argument, NULL, OPT_HELP},
      {"version", no_argument, NULL, OPT_VERSION},
      {NULL, 0, NULL, 0},
  };
  *out = (Options){
      .port = 7770, .block = 128, .ahead_ms = 20.0, .voices = 1, .threads = 1, .media_dir = "."};
  for (;;) {
    const int option = getopt_long(argc, argv, "", known, NULL);
    if (option == -1) break;
    const int status = take(option, optarg, out);
    if (status >= 0) return status;
  }
  if (argc - optind > 1) return usage("%s: one PRESET or MODEL is enough", argv[optind + 1]);
  out->model = optind < argc ? argv[optind] : NULL;
  if (out->no_audio && (out->output || out->device))
    return usage("--no-audio goes with neither --output nor --device");
  if (out->fast && out->device) return usage("--fast has no clock, so it goes with no --device");
  if (out->fast && !out->output && !out->no_audio)
    return usage("--fast needs --output FILE (or --no-audio)");
  if (out->format && !out->output) return usage("--format is about --output, which is missing");
  return -1;
}
