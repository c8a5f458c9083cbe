// SPDX-License-Identifier: ISC
// cenote render: sound into a file, a pipe, or several files at once.
#include "cli.h"

#include "clip.h"
#include "slot.h"
#include "take.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: cenote render MODEL -d SEC -o FILE|- [OPTION]...\n"
    "Generate sound: mono, 16-bit. The same seed gives the same sound.\n"
    "\n"
    "MODEL is a weights file or the name of a preset.\n"
    "\n"
    "  -d, --duration=SEC    how long\n"
    "      --samples=N       how long, in samples at the model's rate\n"
    "  -o, --output=FILE     the file, written aside and put in its place when whole;\n"
    "                        - is standard output\n"
    "      --format=FORMAT   " OUTPUT_FORMATS "\n"
    "                        (default: by the file's ending, else wav)\n"
    "      --rate=HZ         resample (default: the model's rate)\n"
    "      --seed=N          of the random numbers (default 0)\n"
    "      --temperature=T   0 to 4 (default 1); 0 takes the likeliest code\n"
    "      --top-k=K         choose from the K likeliest codes, 1 to 256 (default 256)\n"
    "      --top-p=P         from the fewest that have this probability, 0 to 1 (default 1)\n"
    "      --prime=AUDIO     listen to this file first, and go on from there\n"
    "      --slot=FILE       go on from a saved state; options given override what it holds\n"
    "      --save-slot=FILE  save the state at the end (-o may then be left out)\n"
    "      --count=N         as many files, FILE-1, FILE-2, ..., each of the next seed\n"
    "      --threads=N       that share the files (default 1)\n" CLI_PRECISION_HELP
    "  -h, --help            show this text\n";

enum { MAX_COUNT = 100000, MAX_THREADS = 256, MAX_RATE_HZ = 768000 };
static const uint64_t MAX_STEPS = UINT64_C(1) << 40;

typedef struct Options {
  const char *model;
  const char *output;
  const char *format;
  const char *prime;
  const char *slot;
  const char *save_slot;
  double seconds;   ///< NAN: not given, as the others below
  double samples;   ///< whole
  uint64_t rate_hz; ///< 0: the model's
  uint64_t seed;
  bool seeded;
  double temperature;
  double top_p;
  uint64_t top_k; ///< 0: not given
  uint64_t count; ///< 0: one file, of that very name
  uint64_t threads;
  CenotePrecision precision;
} Options;

enum {
  OPT_SAMPLES = 256,
  OPT_FORMAT,
  OPT_RATE,
  OPT_SEED,
  OPT_TEMPERATURE,
  OPT_TOP_K,
  OPT_TOP_P,
  OPT_PRIME,
  OPT_SLOT,
  OPT_SAVE_SLOT,
  OPT_COUNT,
  OPT_THREADS,
  OPT_PRECISION
};

static const struct option known[] = {
    {"duration", required_argument, NULL, 'd'},
    {"samples", required_argument, NULL, OPT_SAMPLES},
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"rate", required_argument, NULL, OPT_RATE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"temperature", required_argument, NULL, OPT_TEMPERATURE},
    {"top-k", required_argument, NULL, OPT_TOP_K},
    {"top-p", required_argument, NULL, OPT_TOP_P},
    {"prime", required_argument, NULL, OPT_PRIME},
    {"slot", required_argument, NULL, OPT_SLOT},
    {"save-slot", required_argument, NULL, OPT_SAVE_SLOT},
    {"count", required_argument, NULL, OPT_COUNT},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"precision", required_argument, NULL, OPT_PRECISION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/// A number that an option wants within [low, high].
static bool want_number(const char *name, double low, double high, double *out)
{
  if (cli_number(optarg, low, high, out)) return true;
  cli_usage("render", "--%s: %s is not a number from %g to %g", name, optarg, low, high);
  return false;
}

static bool want_whole(const char *name, uint64_t low, uint64_t high, uint64_t *out)
{
  if (cli_whole(optarg, low, high, out)) return true;
  cli_usage("render", "--%s: %s is not a whole number from %" PRIu64 " to %" PRIu64, name, optarg,
            low, high);
  return false;
}

static bool take_duration(Options *options)
{
  const double longest = (double)MAX_STEPS;
  if (cli_number(optarg, 0.0, longest, &options->seconds) && options->seconds > 0.0) return true;
  cli_usage("render", "--duration: %s is not a number of seconds above 0", optarg);
  return false;
}

/// One option. False when its value is wrong, which has been said.
static bool take_option(int option, Options *options)
{
  uint64_t whole;
  switch (option) {
  case 'd':
    return take_duration(options);
  case OPT_SAMPLES:
    if (!want_whole("samples", 0, MAX_STEPS, &whole)) return false;
    options->samples = (double)whole;
    return true;
  case 'o':
    options->output = optarg;
    return true;
  case OPT_FORMAT:
    options->format = optarg;
    return true;
  case OPT_RATE:
    return want_whole("rate", 1, MAX_RATE_HZ, &options->rate_hz);
  case OPT_SEED:
    options->seeded = true;
    return want_whole("seed", 0, UINT64_MAX, &options->seed);
  case OPT_TEMPERATURE:
    return want_number("temperature", 0.0, 4.0, &options->temperature);
  case OPT_TOP_K:
    return want_whole("top-k", 1, CENOTE_CLASSES, &options->top_k);
  case OPT_TOP_P:
    return want_number("top-p", 0.0, 1.0, &options->top_p);
  case OPT_PRIME:
    options->prime = optarg;
    return true;
  case OPT_SLOT:
    options->slot = optarg;
    return true;
  case OPT_SAVE_SLOT:
    options->save_slot = optarg;
    return true;
  case OPT_COUNT:
    return want_whole("count", 1, MAX_COUNT, &options->count);
  case OPT_THREADS:
    return want_whole("threads", 1, MAX_THREADS, &options->threads);
  case OPT_PRECISION:
    return cli_precision("render", optarg, &options->precision);
  default:
    return false;
  }
}

/// What does not go together.
static int check_options(const Options *options)
{
  const bool standard = options->output && strcmp(options->output, "-") == 0;
  if (isnan(options->seconds) == isnan(options->samples))
    return cli_usage("render", "how long? Give one of --duration and --samples");
  if (!options->output && !options->save_slot)
    return cli_usage("render", "where to? Give -o FILE, or -o - for standard output");
  if ((options->output && cli_check_output("render", options->output, true) != CLI_DONE) ||
      (options->save_slot && cli_check_output("render", options->save_slot, true) != CLI_DONE))
    return CLI_USAGE;
  if (options->count > 0 && (standard || (options->save_slot && !strcmp(options->save_slot, "-"))))
    return cli_usage("render", "--count makes several files; standard output is one");
  if (options->output && options->save_slot && !strcmp(options->output, options->save_slot))
    return cli_usage("render", "%s: the sound and the state cannot both go there", options->output);
  if (options->output && !output_format(options->format, options->output))
    return cli_usage("render", "--format: %s is none of " OUTPUT_FORMATS, options->format);
  if (standard && isatty(STDOUT_FILENO))
    return cli_usage("render", "standard output is a terminal; sound does not go there");
  return CLI_DONE;
}

/// CLI_DONE, or what the command is to return.
static int read_options(int argc, char **argv, Options *options, bool *helped)
{
  *options = (Options){.seconds = (double)NAN,
                       .samples = (double)NAN,
                       .temperature = (double)NAN,
                       .top_p = (double)NAN,
                       .threads = 1};
  for (int option; (option = cli_option("render", argc, argv, ":d:o:h", known)) != -1;) {
    if (option == 'h') {
      fputs(help, stdout);
      *helped = true;
      return CLI_DONE;
    }
    if (!take_option(option, options)) return CLI_USAGE;
  }
  if (argc - optind != 1)
    return cli_usage("render", argc == optind ? "no MODEL" : "more than one MODEL");
  options->model = argv[optind];
  return check_options(options);
}

/// No file that is read may be written over; but a state may be, by the one that follows it.
static int check_inputs(const Options *options)
{
  CenoteError err;
  char model[CLI_PATH];
  const char *const output[] = {options->output, options->save_slot};
  const uint64_t count = options->count > 0 ? options->count : 1;
  int status = CLI_DONE;
  if (cenote_find_model(options->model, model, sizeof model, &err) != CENOTE_OK)
    return cli_fail("render", "%s", err.text);
  for (uint64_t i = 0; status == CLI_DONE && i < 2 * count; ++i) {
    char *name = take_name(output[i % 2], options->count > 0, i / 2);
    status = cli_check_same("render", name, model, "MODEL");
    if (status == CLI_DONE) status = cli_check_same("render", name, options->prime, "AUDIO");
    if (status == CLI_DONE && i % 2 == 0)
      status = cli_check_same("render", name, options->slot, "--slot's FILE");
    free(name);
  }
  return status;
}

/// Take in the codes of a recording.
static int listen(CenoteVoice *voice, const char *path)
{
  enum { PIECE = 65536 };
  uint8_t *codes;
  size_t count;
  CenoteError err;
  if (clip_codes(cenote_voice_model(voice), path, &codes, &count, &err) != CENOTE_OK)
    return cli_fail("render", "%s", err.text);
  for (size_t at = 0; at < count; at += PIECE)
    cenote_voice_listen(voice, codes + at, (uint32_t)(count - at < PIECE ? count - at : PIECE),
                        NULL);
  free(codes);
  if (cenote_voice_finite(voice)) return CLI_DONE;
  return cli_fail("render", "%s: the model's state stopped being finite at step %" PRIu64, path,
                  cenote_voice_steps(voice));
}

/// The state and the controls to start from.
static int prepare(const Options *options, CenoteVoice *voice)
{
  CenoteError err;
  if (options->slot && slot_load(options->slot, voice, &err) != CENOTE_OK)
    return cli_fail("render", "%s", err.text);
  if (!isnan(options->temperature))
    cenote_voice_set_temperature(voice, (float)options->temperature);
  if (options->top_k > 0) cenote_voice_set_top_k(voice, (uint32_t)options->top_k);
  if (!isnan(options->top_p)) cenote_voice_set_top_p(voice, (float)options->top_p);
  return options->prime ? listen(voice, options->prime) : CLI_DONE;
}

static int render(const Options *options, CenoteVoice *voice)
{
  const uint32_t model_hz = cenote_model_info(cenote_voice_model(voice))->sample_rate_hz;
  const double steps =
      isnan(options->seconds) ? options->samples : round(options->seconds * model_hz);
  if (steps > (double)MAX_STEPS || (options->seconds > 0.0 && steps < 1.0))
    return cli_usage("render", "--duration: %g s are %.0f samples, want 1 to %" PRIu64,
                     options->seconds, steps, MAX_STEPS);
  const int status = prepare(options, voice);
  if (status != CLI_DONE) return status;
  const Takes takes = {
      .start = voice,
      .reseed = options->seeded,
      .seed = options->seeded ? options->seed : cenote_voice_seed(voice),
      .steps = (uint64_t)steps,
      .rate_hz = options->rate_hz > 0 ? (uint32_t)options->rate_hz : model_hz,
      .format = options->output ? output_format(options->format, options->output) : NULL,
      .output = options->output,
      .save_slot = options->save_slot,
      .numbered = options->count > 0,
      .count = options->count > 0 ? options->count : 1,
      .threads = options->threads,
  };
  return takes_render(&takes);
}

int cmd_render(int argc, char **argv)
{
  Options options;
  bool helped = false;
  int status = read_options(argc, argv, &options, &helped);
  if (status != CLI_DONE || helped) return status;
  status = check_inputs(&options);
  if (status != CLI_DONE) return status;
  CenoteModel *model = cli_load("render", options.model, options.precision, NULL);
  if (!model) return CLI_FAILED;
  CenoteVoice *voice;
  if (cenote_voice_new(model, &voice) == CENOTE_OK) status = render(&options, voice);
  else status = cli_fail("render", "%s", cenote_strerror(CENOTE_NO_MEMORY));
  cenote_voice_free(voice);
  cenote_model_free(model);
  return status;
}
