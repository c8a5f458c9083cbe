// SPDX-License-Identifier: ISC
// `cenote logits`: what the model answers to given codes, for comparing engines and for testing.
#include "cli.h"

#include "listen.h"
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: cenote logits MODEL TOKENS -o OUT [OPTION]...\n"
    "Write the logits of MODEL for given codes, each before its code is seen.\n"
    "\n"
    "MODEL is a weights file or the name of a preset. TOKENS is a safetensors file\n"
    "with I32 `tokens` [T], each 0 to 255. OUT gets F32 `logits` [T, 256] and F32\n"
    "`nll_bits` [1], the mean of -log2 p(token).\n"
    "\n"
    "  -o, --output=OUT     the file to write\n"
    "  -m, --mode=MODE      step: one code at a time, as the instrument runs (default);\n"
    "                       voices=N: N voices side by side read the same codes, and must agree;\n"
    "                       sequence: many codes at a time, in f32\n" CLI_PRECISION_HELP
    "  -h, --help           show this text\n";

typedef struct Options {
  const char *model;
  const char *tokens;
  const char *output;
  ListenMode mode;
  CenotePrecision precision;
} Options;

/// CLI_DONE, or what the command is to return.
static int read_options(int argc, char **argv, Options *options, bool *helped)
{
  enum { PRECISION = 256 };
  static const struct option names[] = {{"output", required_argument, NULL, 'o'},
                                        {"mode", required_argument, NULL, 'm'},
                                        {"precision", required_argument, NULL, PRECISION},
                                        {"help", no_argument, NULL, 'h'},
                                        {0}};
  *options = (Options){.mode = {.voices = 1}};
  opterr = 0;
  for (int c; (c = cli_option("logits", argc, argv, ":o:m:h", names)) != -1;) {
    switch (c) {
    case 'o':
      options->output = optarg;
      break;
    case 'm':
      if (!listen_mode(optarg, &options->mode))
        return cli_usage("logits", "--mode is %s, want step, sequence or voices=N", optarg);
      break;
    case PRECISION:
      if (!cli_precision("logits", optarg, &options->precision)) return CLI_USAGE;
      break;
    case 'h':
      *helped = true;
      fputs(help, stdout);
      return CLI_DONE;
    default:
      return CLI_USAGE;
    }
  }
  if (argc - optind != 2)
    return cli_usage("logits", "want MODEL and TOKENS, found %d arguments", argc - optind);
  if (!options->output) return cli_usage("logits", "want -o OUT");
  if (!listen_precision("logits", options->mode, options->precision)) return CLI_USAGE;
  if (cli_check_output("logits", options->output, false) != CLI_DONE) return CLI_USAGE;
  options->model = argv[optind];
  options->tokens = argv[optind + 1];
  return CLI_DONE;
}

/// The first row of logits[count][256] with a number that is not finite.
static size_t first_bad(const float *logits, size_t count)
{
  for (size_t i = 0; i < count * CENOTE_CLASSES; ++i)
    if (!isfinite(logits[i])) return i / CENOTE_CLASSES;
  return count;
}

static int answer(const Options *options, Listener *listener, const uint8_t *codes, size_t count)
{
  CenoteError err;
  int result = CLI_DONE;
  double bits = 0.0;
  float *logits = NULL;
  if (count <= SIZE_MAX / sizeof *logits / CENOTE_CLASSES)
    logits = malloc(count * CENOTE_CLASSES * sizeof *logits);
  if (!logits) return cli_fail("logits", "%s: out of memory for %zu rows", options->tokens, count);
  for (size_t at = 0; at < count && !isnan(bits); at += LISTEN_MOST) {
    const size_t n = count - at < LISTEN_MOST ? count - at : LISTEN_MOST;
    float *rows = logits + at * CENOTE_CLASSES;
    bits += listener_hear(listener, codes + at, n, rows);
    if (isnan(bits))
      result = cli_fail("logits", "%s: the logits of step %zu are not finite", options->model,
                        at + first_bad(rows, n));
  }
  if (result == CLI_DONE &&
      answers_save(options->output, logits, count, bits / (double)count, &err) != CENOTE_OK)
    result = cli_fail("logits", "%s", err.text);
  free(logits);
  return result;
}

int cmd_logits(int argc, char **argv)
{
  Options options;
  bool helped = false;
  const int usage = read_options(argc, argv, &options, &helped);
  if (usage != CLI_DONE || helped) return usage;
  CenoteError err;
  char path[CLI_PATH];
  uint8_t *codes;
  size_t count;
  if (cenote_find_model(options.model, path, sizeof path, &err) != CENOTE_OK)
    return cli_fail("logits", "%s", err.text);
  if (cli_check_same("logits", options.output, path, "MODEL") != CLI_DONE ||
      cli_check_same("logits", options.output, options.tokens, "TOKENS") != CLI_DONE)
    return CLI_FAILED;
  if (tokens_load(options.tokens, &codes, &count, &err) != CENOTE_OK)
    return cli_fail("logits", "%s", err.text);
  int result = CLI_FAILED;
  Listener *listener = listener_open("logits", options.model, options.mode, options.precision);
  if (listener) result = answer(&options, listener, codes, count);
  listener_close(listener);
  free(codes);
  return result;
}
