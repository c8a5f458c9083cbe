// SPDX-License-Identifier: ISC
// cenote bench: how fast a model steps. Every step of all voices is timed by itself: the mean tells
// how many voices a machine carries, the worst how far ahead of the sound card it must run.
#include "cli.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

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
    "      --json           print an object with us_per_step, p50_us, p99_us, max_us (a step of\n"
    "                       all voices), clean_us, clean_worst_us, x_realtime, kernel, ...\n"
    "\n"
    "clean: of each phase of the pooling period the fastest repeat; their mean, and the worst of\n"
    "them. It leaves out what other work on the machine takes.\n"
    "  -h, --help           show this text\n";

enum { MAX_VOICES = 256, MAX_STEPS = 20000000 };

typedef struct Bench {
  const CenoteModel *model;
  uint64_t voices;
  uint64_t threads;
  double seconds;
  CenotePrecision precision;
  bool spread;
  bool json;
  size_t steps;
} Bench;

/// A thread's share of the voices.
typedef struct Share {
  Bench *bench;
  pthread_t thread;
  CenoteVoice **voice;
  uint32_t voices;
  float sample[MAX_VOICES];
  float *out[MAX_VOICES];
  float *us; ///< [bench->steps] what each step of them took
  double began_us;
  double ended_us;
} Share;

typedef struct Result {
  double mean_us;
  double p50_us;
  double p99_us;
  double max_us;
  double clean_us;
  double clean_worst_us;
} Result;

static double now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

/// One step of each.
static void step(Share *share)
{
  cenote_voices_render(share->voice, share->voices, share->out, 1);
}

static void *measure(void *data)
{
  Share *share = data;
  const size_t steps = share->bench->steps;
  double last = share->began_us = now_us();
  for (size_t i = 0; i < steps; ++i) {
    step(share);
    const double now = now_us();
    share->us[i] = (float)(now - last);
    last = now;
  }
  share->ended_us = last;
  return NULL;
}

/// Warm up for a tenth of the time, and see how many steps make up the rest. Whole periods, if
/// there is time for one.
static void choose_steps(Bench *bench, Share *share)
{
  const size_t period = cenote_model_info(bench->model)->period;
  const double began = now_us();
  double elapsed = 0.0;
  size_t warm = 0;
  for (; elapsed < 0.1e6 * bench->seconds; ++warm) {
    step(share);
    elapsed = now_us() - began;
  }
  const double wanted = 1e6 * bench->seconds * (double)warm / elapsed;
  const size_t steps = wanted < MAX_STEPS ? (size_t)wanted : MAX_STEPS;
  bench->steps = steps < period ? steps + 1 : steps / period * period;
}

/// Fill in the clean figures: us[steps] in order of time, from a phase of the period on.
static void clean(const float *us, size_t steps, size_t period, Result *result)
{
  for (size_t phase = 0; phase < period && phase < steps; ++phase) {
    float least = us[phase];
    for (size_t i = phase; i < steps; i += period)
      if (us[i] < least) least = us[i];
    result->clean_us += (double)least / (double)(period < steps ? period : steps);
    if ((double)least > result->clean_worst_us) result->clean_worst_us = (double)least;
  }
}

static int by_size(const void *a, const void *b)
{
  const float x = *(const float *)a;
  const float y = *(const float *)b;
  return (x > y) - (x < y);
}

/// Threads run side by side, so a step of all voices takes as long as the slowest thread's.
static Result gather(const Bench *bench, Share *share)
{
  double began = share[0].began_us;
  double ended = share[0].ended_us;
  float *us = share[0].us;
  for (uint64_t t = 1; t < bench->threads; ++t) {
    if (share[t].began_us < began) began = share[t].began_us;
    if (share[t].ended_us > ended) ended = share[t].ended_us;
    for (size_t i = 0; i < bench->steps; ++i)
      if (share[t].us[i] > us[i]) us[i] = share[t].us[i];
  }
  Result result = {.mean_us = (ended - began) / (double)bench->steps};
  clean(us, bench->steps, cenote_model_info(bench->model)->period, &result);
  qsort(us, bench->steps, sizeof *us, by_size);
  result.p50_us = (double)us[bench->steps / 2];
  result.p99_us = (double)us[bench->steps * 99 / 100];
  result.max_us = (double)us[bench->steps - 1];
  return result;
}

/// The CPU as the kernel names it, or its architecture.
static void name_cpu(char *name, size_t size)
{
  struct utsname system;
  snprintf(name, size, "%s", uname(&system) == 0 ? system.machine : "unknown CPU");
  FILE *file = fopen("/proc/cpuinfo", "r");
  char line[256];
  while (file && fgets(line, sizeof line, file)) {
    const char *value = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !value) continue;
    value += 1 + strspn(value + 1, " \t");
    snprintf(name, size, "%.*s", (int)strcspn(value, "\n"), value);
    break;
  }
  if (file) fclose(file);
}

static int report(const Bench *bench, const Result *result)
{
  const CenoteModelInfo *info = cenote_model_info(bench->model);
  const double realtime = 1e6 / info->sample_rate_hz / result->mean_us;
  char cpu[128];
  name_cpu(cpu, sizeof cpu);
  if (bench->json)
    return cli_print_json(
        "bench",
        json_pack(
            "{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:s}",
            "us_per_step", result->mean_us, "p50_us", result->p50_us, "p99_us", result->p99_us,
            "max_us", result->max_us, "clean_us", result->clean_us, "clean_worst_us",
            result->clean_worst_us, "x_realtime", realtime, "kernel", info->kernel, "precision",
            info->precision, "voices", (json_int_t)bench->voices, "threads",
            (json_int_t)bench->threads, "sample_rate", (json_int_t)info->sample_rate_hz, "steps",
            (json_int_t)bench->steps, "model", cli_json_text(info->name), "cpu", cli_json_text(cpu),
            "version", cenote_version()));
  const char *s = bench->voices == 1 ? "" : "s";
  printf("%" PRIu64 " voice%s: %.2f us a step, %.2f times real time at %" PRIu32 " Hz\n",
         bench->voices, s, result->mean_us, realtime, info->sample_rate_hz);
  printf("clean: %.2f us a step, %.2f times real time, the longest %.2f us\n", result->clean_us,
         1e6 / info->sample_rate_hz / result->clean_us, result->clean_worst_us);
  printf("half of the steps within %.2f us, 99 %% within %.2f us, the longest %.2f us\n",
         result->p50_us, result->p99_us, result->max_us);
  printf("for a report: cenote %s %s/%s, ", cenote_version(), info->kernel, info->precision);
  cli_print_plain(info->name);
  printf(" %016" PRIx64 ", voices %" PRIu64 ", threads %" PRIu64
         ", steps %zu, us %.2f %.2f %.2f %.2f clean %.2f %.2f, x %.2f, %s\n",
         info->hash, bench->voices, bench->threads, bench->steps, result->mean_us, result->p50_us,
         result->p99_us, result->max_us, result->clean_us, result->clean_worst_us, realtime, cpu);
  return CLI_DONE;
}

static bool make_share(Bench *bench, Share *share, uint64_t first)
{
  share->bench = bench;
  share->voice = calloc(bench->voices, sizeof(CenoteVoice *));
  for (uint64_t v = first; share->voice && v < bench->voices; v += bench->threads) {
    if (cenote_voice_new(bench->model, &share->voice[share->voices]) != CENOTE_OK) return false;
    share->out[share->voices] = &share->sample[share->voices];
    CenoteVoice *voice = share->voice[share->voices++];
    cenote_voice_set_seed(voice, v);
    // Steps that share no factor with the pools, so that all phases come about.
    float sample;
    for (uint64_t step = 0; bench->spread && step < 37 * v; ++step)
      cenote_voice_render(voice, &sample, 1);
  }
  return share->voice;
}

/// False when memory ran out.
static bool prepare(Bench *bench, Share *share)
{
  bool good = true;
  for (uint64_t t = 0; good && t < bench->threads; ++t) good = make_share(bench, &share[t], t);
  if (good) choose_steps(bench, &share[0]);
  for (uint64_t t = 0; good && t < bench->threads; ++t)
    good = (share[t].us = malloc(bench->steps * sizeof(float)));
  return good;
}

/// False when a thread could not be started.
static bool run_threads(const Bench *bench, Share *share)
{
  uint64_t started = 1;
  while (started < bench->threads &&
         pthread_create(&share[started].thread, NULL, measure, &share[started]) == 0)
    ++started;
  measure(&share[0]);
  for (uint64_t t = 1; t < started; ++t) pthread_join(share[t].thread, NULL);
  return started == bench->threads;
}

static int run(Bench *bench, Share *share)
{
  if (!prepare(bench, share)) return cli_fail("bench", "%s", cenote_strerror(CENOTE_NO_MEMORY));
  if (!run_threads(bench, share))
    return cli_fail("bench", "cannot start %" PRIu64 " threads", bench->threads);
  for (uint64_t t = 0; t < bench->threads; ++t)
    for (uint64_t v = 0; v < share[t].voices; ++v)
      if (!cenote_voice_finite(share[t].voice[v]))
        return cli_fail("bench", "the model's state stopped being finite at step %" PRIu64,
                        cenote_voice_steps(share[t].voice[v]));
  const Result result = gather(bench, share);
  return report(bench, &result);
}

static bool want_whole(const char *name, uint64_t *out)
{
  if (cli_whole(optarg, 1, MAX_VOICES, out)) return true;
  cli_usage("bench", "--%s: %s is not a whole number from 1 to %d", name, optarg, MAX_VOICES);
  return false;
}

static bool take_option(int option, Bench *bench)
{
  switch (option) {
  case 'v':
    return want_whole("voices", &bench->voices);
  case 't':
    return want_whole("threads", &bench->threads);
  case 's':
    if (cli_number(optarg, 0.01, 3600.0, &bench->seconds)) return true;
    cli_usage("bench", "--seconds: %s is not a number from 0.01 to 3600", optarg);
    return false;
  case 'p':
    return cli_precision("bench", optarg, &bench->precision);
  case 'd':
    return bench->spread = true;
  case 'j':
    return bench->json = true;
  default:
    return false;
  }
}

/// CLI_DONE, or what the command is to return.
static int read_options(int argc, char **argv, Bench *bench, bool *helped)
{
  static const struct option known[] = {
      {"voices", required_argument, NULL, 'v'},  {"threads", required_argument, NULL, 't'},
      {"seconds", required_argument, NULL, 's'}, {"precision", required_argument, NULL, 'p'},
      {"spread", no_argument, NULL, 'd'},        {"json", no_argument, NULL, 'j'},
      {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
  *bench = (Bench){.voices = 1, .threads = 1, .seconds = 3.0};
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
  if (bench->threads > bench->voices)
    return cli_usage("bench", "%" PRIu64 " threads have nothing to do for %" PRIu64 " voices",
                     bench->threads, bench->voices);
  return CLI_DONE;
}

int cmd_bench(int argc, char **argv)
{
  Bench bench;
  bool helped = false;
  int status = read_options(argc, argv, &bench, &helped);
  if (status != CLI_DONE || helped) return status;
  CenoteModel *model = cli_load("bench", argv[optind], bench.precision, NULL);
  if (!model) return CLI_FAILED;
  bench.model = model;
  Share *share = calloc(bench.threads, sizeof *share);
  status = share ? run(&bench, share) : cli_fail("bench", "%s", cenote_strerror(CENOTE_NO_MEMORY));
  for (uint64_t t = 0; share && t < bench.threads; ++t) {
    for (uint64_t v = 0; v < share[t].voices; ++v) cenote_voice_free(share[t].voice[v]);
    free(share[t].voice);
    free(share[t].us);
  }
  free(share);
  cenote_model_free(model);
  return status;
}
