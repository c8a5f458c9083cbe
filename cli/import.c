// SPDX-License-Identifier: ISC
// cenote import: the paper's own checkpoints as weights files.
#include "cli.h"

#include "flax.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: cenote import CHECKPOINT -o MODEL [OPTION]...\n"
    "Turn a checkpoint of the paper's training program (Flax, one msgpack file) into a\n"
    "weights file. The averaged weights (weights_ema) are taken, as the paper does for\n"
    "sampling; the configuration is told from names and shapes.\n"
    "\n"
    "  -o, --output=MODEL            the weights file\n"
    "      --raw                     take the weights being trained, not their average\n"
    "\n"
    "What a checkpoint does not hold:\n"
    "      --name=TEXT               for the metadata (default: the file's)\n"
    "      --sample-rate=HZ          (default 16000)\n"
    "      --encoding=mulaw|linear   (default mulaw)\n"
    "      --min-max-scaling         clips were scaled to [-1, 1], as in the SC09 run\n"
    "      --log-a-scale=X           of the recurrence (default -8)\n"
    "      --no-input-norm           rnn.input_norm was false\n"
    "  -h, --help                    show this text\n";

enum { OPT_RAW = 256, OPT_NAME, OPT_RATE, OPT_ENCODING, OPT_MIN_MAX, OPT_SCALE, OPT_NO_NORM };

static const struct option known[] = {
    {"output", required_argument, NULL, 'o'},
    {"raw", no_argument, NULL, OPT_RAW},
    {"name", required_argument, NULL, OPT_NAME},
    {"sample-rate", required_argument, NULL, OPT_RATE},
    {"encoding", required_argument, NULL, OPT_ENCODING},
    {"min-max-scaling", no_argument, NULL, OPT_MIN_MAX},
    {"log-a-scale", required_argument, NULL, OPT_SCALE},
    {"no-input-norm", no_argument, NULL, OPT_NO_NORM},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/// One option. False when its value is wrong, which has been said.
static bool take_option(int option, FlaxOptions *options, const char **output)
{
  uint64_t whole;
  switch (option) {
  case 'o':
    *output = optarg;
    return true;
  case OPT_RAW:
    options->raw = true;
    return true;
  case OPT_NAME:
    options->name = optarg;
    return true;
  case OPT_RATE:
    if (!cli_whole(optarg, 1, 768000, &whole))
      return cli_usage("import", "--sample-rate: %s is not a whole number from 1 to 768000",
                       optarg) == CLI_DONE;
    options->sample_rate_hz = (uint32_t)whole;
    return true;
  case OPT_ENCODING:
    options->encoding = strcmp(optarg, "linear") == 0 ? CENOTE_LINEAR : CENOTE_MULAW;
    if (options->encoding == CENOTE_LINEAR || strcmp(optarg, "mulaw") == 0) return true;
    cli_usage("import", "--encoding: %s is neither mulaw nor linear", optarg);
    return false;
  case OPT_MIN_MAX:
    options->min_max_scaling = true;
    return true;
  case OPT_SCALE:
    if (cli_number(optarg, -1e6, 1e6, &options->log_a_scale)) return true;
    cli_usage("import", "--log-a-scale: %s is not a number within 1e6 of zero", optarg);
    return false;
  case OPT_NO_NORM:
    options->input_norm = false;
    return true;
  default:
    return false;
  }
}

int cmd_import(int argc, char **argv)
{
  FlaxOptions options = flax_defaults;
  const char *output = NULL;
  for (int option; (option = cli_option("import", argc, argv, ":o:h", known)) != -1;) {
    if (option == 'h') return fputs(help, stdout), CLI_DONE;
    if (!take_option(option, &options, &output)) return CLI_USAGE;
  }
  if (argc - optind != 1)
    return cli_usage("import", argc == optind ? "no CHECKPOINT" : "more than one CHECKPOINT");
  if (!output) return cli_usage("import", "where to? Give -o MODEL");
  if (cli_check_output("import", output, false) != CLI_DONE) return CLI_USAGE;
  if (cli_check_same("import", output, argv[optind], "CHECKPOINT") != CLI_DONE) return CLI_FAILED;
  CenoteError err;
  if (flax_import(argv[optind], output, &options, &err) == CENOTE_OK) return CLI_DONE;
  return cli_fail("import", "%s", err.text);
}
