// SPDX-License-Identifier: ISC
// cenote bench: how fast a model steps. Every step of all voices is timed by itself: the mean tells
// how many voices a machine carries, the worst how far ahead of the sound card it must run.
#include "bench_full.h"
#include "bench_run.h"
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>

static const char help[] =
    "Usage: cenote bench MODEL [OPTION]...\n"
    "Measure how fast MODEL (a weights file or a preset's name) runs on this machine.\n"
    "Let nothing else run meanwhile.\n"
    "\n"
    "      --voices=N       voices, side by side through the weights (default 1)\n"
    "      --spread         voices that start at different steps, so that levels do not fall due\n"
    "                       together\n"
    "      --threads=N      that share the voices (default 1)\n"
    "      --seconds=S      how long to measure, about (default 3)\n" CLI_PRECISION_HELP
    "      --full           measure each kind of layer against this machine's limits, 1 to 16\n"
    "                       voices, one thread and two, and each precision (or the one of\n"
    "                       --precision); each for --seconds, which makes about a minute\n"
    "      --json           print an object with us_per_step, p50_us, p99_us, max_us (a step of\n"
    "                       all voices), clean_us, clean_worst_us, x_realtime, kernel, ...\n"
    "\n"
    "clean: of each phase of the pooling period the fastest repeat; their mean, and the worst of\n"
    "them. It leaves out what other work on the machine takes.\n"
    "  -h, --help           show this text\n";

typedef struct Bench {
  BenchSetting setting;
  CenotePrecision precision;
  bool given; ///< a setting, which --full chooses itself
  bool full;
  bool json;
} Bench;

static int report(const BenchSetting *setting, const BenchResult *result, bool json)
{
  const CenoteModelInfo *info = cenote_model_info(setting->model);
  const double realtime = bench_realtime(setting->model, result->mean_us);
  char cpu[128];
  bench_cpu(cpu, sizeof cpu);
  if (json)
    return cli_print_json(
        "bench",
        json_pack(
            "{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:s}",
            "us_per_step", result->mean_us, "p50_us", result->p50_us, "p99_us", result->p99_us,
            "max_us", result->max_us, "clean_us", result->clean_us, "clean_worst_us",
            result->clean_worst_us, "x_realtime", realtime, "kernel", info->kernel, "precision",
            info->precision, "voices", (json_int_t)setting->voices, "threads",
            (json_int_t)setting->threads, "sample_rate", (json_int_t)info->sample_rate_hz, "steps",
            (json_int_t)result->steps, "model", cli_json_text(info->name), "cpu",
            cli_json_text(cpu), "version", cenote_version()));
  const char *s = setting->voices == 1 ? "" : "s";
  printf("%" PRIu32 " voice%s: %.2f us a step, %.2f times real time at %" PRIu32 " Hz\n",
         setting->voices, s, result->mean_us, realtime, info->sample_rate_hz);
  printf("clean: %.2f us a step, %.2f times real time, the longest %.2f us\n", result->clean_us,
         bench_realtime(setting->model, result->clean_us), result->clean_worst_us);
  printf("half of the steps within %.2f us, 99 %% within %.2f us, the longest %.2f us\n",
         result->p50_us, result->p99_us, result->max_us);
  printf("for a report: cenote %s %s/%s, ", cenote_version(), info->kernel, info->precision);
  cli_print_plain(info->name);
  printf(" %016" PRIx64 ", voices %" PRIu32 ", threads %" PRIu32
         ", steps %zu, us %.2f %.2f %.2f %.2f clean %.2f %.2f, x %.2f, %s\n",
         info->hash, setting->voices, setting->threads, result->steps, result->mean_us,
         result->p50_us, result->p99_us, result->max_us, result->clean_us, result->clean_worst_us,
         realtime, cpu);
  return CLI_DONE;
}

static bool want_whole(const char *name, uint32_t *out)
{
  uint64_t number;
  if (!cli_whole(optarg, 1, BENCH_MAX_VOICES, &number)) {
    cli_usage("bench", "--%s: %s is not a whole number from 1 to %d", name, optarg,
              BENCH_MAX_VOICES);
    return false;
  }
  *out = (uint32_t)number;
  return true;
}

static bool take_option(int option, Bench *bench)
{
  if (option == 'v' || option == 't' || option == 'd') bench->given = true;
  switch (option) {
  case 'v':
    return want_whole("voices", &bench->setting.voices);
  case 't':
    return want_whole("threads", &bench->setting.threads);
  case 's':
    if (cli_number(optarg, 0.01, 3600.0, &bench->setting.seconds)) return true;
    cli_usage("bench", "--seconds: %s is not a number from 0.01 to 3600", optarg);
    return false;
  case 'p':
    return cli_precision("bench", optarg, &bench->precision);
  case 'd':
    return bench->setting.spread = true;
  case 'f':
    return bench->full = true;
  case 'j':
    return bench->json = true;
  default:
    return false;
  }
}

/// CLI_DONE, or what the command is to return.
static int read_options(int argc, char **argv, Bench *bench, bool *helped)
{
  static const struct option known[] = {{"voices", required_argument, NULL, 'v'},
                                        {"threads", required_argument, NULL, 't'},
                                        {"seconds", required_argument, NULL, 's'},
                                        {"precision", required_argument, NULL, 'p'},
                                        {"spread", no_argument, NULL, 'd'},
                                        {"full", no_argument, NULL, 'f'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  *bench = (Bench){.setting = {.voices = 1, .threads = 1, .seconds = 3.0}};
  for (int option; (option = cli_option("bench", argc, argv, ":h", known)) != -1;) {
    if (option == 'h') {
      fputs(help, stdout);
      *helped = true;
      return CLI_DONE;
    }
    if (!take_option(option, bench)) return CLI_USAGE;
  }
  if (argc - optind != 1)
    return cli_usage("bench", argc == optind ? "no MODEL" : "more than one MODEL");
  if (bench->full && bench->given)
    return cli_usage("bench", "--full chooses --voices, --threads and --spread itself");
  if (bench->setting.threads > bench->setting.voices)
    return cli_usage("bench", "%" PRIu32 " threads have nothing to do for %" PRIu32 " voices",
                     bench->setting.threads, bench->setting.voices);
  return CLI_DONE;
}

int cmd_bench(int argc, char **argv)
{
  Bench bench;
  bool helped = false;
  int status = read_options(argc, argv, &bench, &helped);
  if (status != CLI_DONE || helped) return status;
  char path[CLI_PATH];
  BenchSetting *setting = &bench.setting;
  CenoteModel *model = cli_load("bench", argv[optind], bench.precision, path);
  if (!model) return CLI_FAILED;
  setting->model = model;
  if (bench.full) {
    status = bench_full(model, path, setting->seconds, bench.precision != CENOTE_AUTO, bench.json);
  } else {
    BenchResult result;
    status = bench_run(setting, &result, NULL);
    if (status == CLI_DONE) status = report(setting, &result, bench.json);
  }
  cenote_model_free(model);
  return status;
}
