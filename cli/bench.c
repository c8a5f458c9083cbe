// SPDX-License-Identifier: ISC
// cenote bench: each step of every voice timed by itself.
#include "cli.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] = "Usage: cenote bench MODEL [OPTION...]\n"
                           "Measure how fast a model steps here. Let nothing else run meanwhile.\n"
                           "      --precision f32  of the products; f32 is what there is\n"
                           "      --voices N       stepped in turn, 1 to 64 (default 1)\n"
                           "      --threads N      that share the voices, 1 to 64 (default 1)\n"
                           "      --seconds S      to measure (default 2)\n"
                           "      --json           for programs\n"
                           "      --help\n";

typedef struct Bench {
  uint64_t voices;
  uint64_t threads;
  double seconds;
  bool json;
} Bench;

/// One thread's voices, and what each step of them all took.
typedef struct Share {
  pthread_t thread;
  CenoteVoice *voice[64];
  uint64_t voices;
  double seconds;
  float *us; ///< [room]
  size_t room;
  size_t steps;
} Share;

static double now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static void *measure(void *data)
{
  Share *share = data;
  float sample;
  const double begin = now_us();
  double last = begin;
  for (int warm = 0; warm < 2; ++warm) { // a tenth of the time first, not counted
    share->steps = 0;
    const double until = last + share->seconds * 1e6 * (warm == 0 ? 0.1 : 1.0);
    while (last < until && share->steps < share->room) {
      for (uint64_t v = 0; v < share->voices; ++v) cenote_voice_render(share->voice[v], &sample, 1);
      const double now = now_us();
      share->us[share->steps++] = (float)(now - last);
      last = now;
    }
  }
  return NULL;
}

static int by_size(const void *a, const void *b)
{
  const float x = *(const float *)a;
  const float y = *(const float *)b;
  return (x > y) - (x < y);
}

static void cpu_name(char *name, size_t size)
{
  char line[256];
  snprintf(name, size, "unknown CPU");
  FILE *file = fopen("/proc/cpuinfo", "r");
  while (file && fgets(line, sizeof line, file)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    break;
  }
  if (file) fclose(file);
}

static int report(const CenoteModel *model, const Bench *bench, Share *share)
{
  // Threads run side by side: the slowest is what all voices take.
  double mean = 0.0;
  Share *worst = share;
  for (uint64_t t = 0; t < bench->threads; ++t) {
    double sum = 0.0;
    for (size_t i = 0; i < share[t].steps; ++i) sum += (double)share[t].us[i];
    if (share[t].steps == 0 || sum / (double)share[t].steps <= mean) continue;
    mean = sum / (double)share[t].steps;
    worst = &share[t];
  }
  if (worst->steps == 0) return cli_fail("bench", "no step was measured");
  qsort(worst->us, worst->steps, sizeof *worst->us, by_size);
  const double p50 = (double)worst->us[worst->steps / 2];
  const double p99 = (double)worst->us[worst->steps * 99 / 100];
  const double most = (double)worst->us[worst->steps - 1];
  const CenoteModelInfo *info = cenote_model_info(model);
  const double realtime = 1e6 / info->sample_rate_hz / mean;
  char cpu[128];
  cpu_name(cpu, sizeof cpu);
  if (bench->json) {
    json_t *all = json_pack("{s:f, s:f, s:f, s:f, s:f, s:s, s:s, s:I, s:I, s:i, s:I, s:s, s:s}",
                            "us_per_step", mean, "p50_us", p50, "p99_us", p99, "max_us", most,
                            "x_realtime", realtime, "kernel", info->kernel, "precision",
                            info->precision, "voices", (json_int_t)bench->voices, "threads",
                            (json_int_t)bench->threads, "sample_rate", (int)info->sample_rate_hz,
                            "steps", (json_int_t)worst->steps, "model", info->name, "cpu", cpu);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
    return CLI_DONE;
  }
  printf("%.2f us a step for all voices (p50 %.2f, p99 %.2f, worst %.2f)\n", mean, p50, p99, most);
  printf("%.2f times real time at %" PRIu32 " Hz\n", realtime, info->sample_rate_hz);
  printf("for a report: cenote %s, %s, %s %s, %" PRIu64 " voices, %" PRIu64
         " threads, %.2f us, x%.2f, %s\n",
         cenote_version(), info->name, info->kernel, info->precision, bench->voices, bench->threads,
         mean, realtime, cpu);
  return CLI_DONE;
}

static int run(const CenoteModel *model, const Bench *bench, Share *share)
{
  for (uint64_t t = 0; t < bench->threads; ++t) {
    share[t].seconds = bench->seconds;
    share[t].room = (size_t)(bench->seconds * 2e6) + 1;
    share[t].us = malloc(share[t].room * sizeof *share[t].us);
    if (!share[t].us) return cli_fail("bench", "out of memory");
  }
  for (uint64_t v = 0; v < bench->voices; ++v) {
    Share *own = &share[v % bench->threads];
    if (cenote_voice_new(model, &own->voice[own->voices]) != CENOTE_OK)
      return cli_fail("bench", "out of memory");
    cenote_voice_set_seed(own->voice[own->voices++], v);
  }
  uint64_t started = 0;
  while (started < bench->threads &&
         pthread_create(&share[started].thread, NULL, measure, &share[started]) == 0)
    ++started;
  for (uint64_t t = 0; t < started; ++t) pthread_join(share[t].thread, NULL);
  return started == bench->threads ? report(model, bench, share)
                                   : cli_fail("bench", "cannot start a thread");
}

static int parse(int argc, char **argv, Bench *bench)
{
  static const struct option known[] = {{"precision", required_argument, NULL, 'p'},
                                        {"voices", required_argument, NULL, 'v'},
                                        {"threads", required_argument, NULL, 't'},
                                        {"seconds", required_argument, NULL, 's'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  *bench = (Bench){.voices = 1, .threads = 1, .seconds = 2.0};
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    switch (option) {
    case 'p':
      if (strcmp(optarg, "f32") != 0)
        return cli_usage("bench", "--precision %s: f32 is what there is", optarg);
      break;
    case 'v':
      if (!cli_whole(optarg, 1, 64, &bench->voices))
        return cli_usage("bench", "--voices %s: want 1 to 64", optarg);
      break;
    case 't':
      if (!cli_whole(optarg, 1, 64, &bench->threads))
        return cli_usage("bench", "--threads %s: want 1 to 64", optarg);
      break;
    case 's':
      if (!cli_number(optarg, 0.01, 600.0, &bench->seconds))
        return cli_usage("bench", "--seconds %s: want 0.01 to 600", optarg);
      break;
    case 'j':
      bench->json = true;
      break;
    case 'h':
      fputs(help, stdout);
      return CLI_DONE;
    default:
      return cli_usage("bench", "unknown option");
    }
  }
  if (argc - optind != 1) return cli_usage("bench", "want one MODEL");
  if (bench->threads > bench->voices)
    return cli_usage("bench", "--threads: no more than the voices");
  return -1;
}

int cmd_bench(int argc, char **argv)
{
  Bench bench;
  int status = parse(argc, argv, &bench);
  if (status >= 0) return status;
  CenoteModel *model = cli_load("bench", argv[optind], NULL);
  if (!model) return CLI_FAILED;
  Share *share = calloc(bench.threads, sizeof *share);
  status = share ? run(model, &bench, share) : cli_fail("bench", "out of memory");
  for (uint64_t t = 0; share && t < bench.threads; ++t) {
    for (uint64_t v = 0; v < share[t].voices; ++v) cenote_voice_free(share[t].voice[v]);
    free(share[t].us);
  }
  free(share);
  cenote_model_free(model);
  return status;
}
