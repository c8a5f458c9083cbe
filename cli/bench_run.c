// SPDX-License-Identifier: ISC
// Threads that step their voices, each step timed by itself.
#include "bench_run.h"

#include "cli.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

enum { MAX_STEPS = 20000000 };

/// A thread's share of the voices.
typedef struct Share {
  pthread_t thread;
  CenoteVoice **voice;
  uint32_t voices;
  float sample[BENCH_MAX_VOICES];
  float *out[BENCH_MAX_VOICES];
  size_t steps;
  float *us; ///< [steps] what each step of them took
  double began_us;
  double ended_us;
} Share;

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
  double last = share->began_us = now_us();
  for (size_t i = 0; i < share->steps; ++i) {
    step(share);
    const double now = now_us();
    share->us[i] = (float)(now - last);
    last = now;
  }
  share->ended_us = last;
  return NULL;
}

/// Warm up for a tenth of the time, and see how many steps make up the rest: whole periods, if
/// there is time for one. Every share goes through as many, to be in phase with the first.
static void warm_up(const BenchSetting *setting, Share *share)
{
  const size_t period = cenote_model_info(setting->model)->period;
  const double began = now_us();
  double elapsed = 0.0;
  size_t warm = 0;
  for (; elapsed < 0.1e6 * setting->seconds; ++warm) {
    step(&share[0]);
    elapsed = now_us() - began;
  }
  const double wanted = 1e6 * setting->seconds * (double)warm / elapsed;
  size_t steps = wanted < MAX_STEPS ? (size_t)wanted : MAX_STEPS;
  steps = steps < period ? steps + 1 : steps / period * period;
  for (uint32_t t = 0; t < setting->threads; ++t) {
    share[t].steps = steps;
    for (size_t i = 0; t > 0 && i < warm; ++i) step(&share[t]);
  }
}

/// Fill in the clean figures: us[steps] in order of time, from a phase of the period on.
static void clean(const float *us, size_t steps, size_t period, BenchResult *result,
                  float *phase_us)
{
  const size_t phases = period < steps ? period : steps;
  double sum = 0.0;
  double worst = 0.0;
  for (size_t phase = 0; phase < phases; ++phase) {
    float least = us[phase];
    for (size_t i = phase; i < steps; i += period)
      if (us[i] < least) least = us[i];
    sum += (double)least;
    if ((double)least > worst) worst = (double)least;
    if (phase_us) phase_us[phase] = least;
  }
  // Threads run side by side: the slowest counts.
  if (sum / (double)phases > result->clean_us) result->clean_us = sum / (double)phases;
  if (worst > result->clean_worst_us) result->clean_worst_us = worst;
}

static int by_size(const void *a, const void *b)
{
  const float x = *(const float *)a;
  const float y = *(const float *)b;
  return (x > y) - (x < y);
}

/// Threads run side by side, so a step of all voices takes as long as the slowest thread's.
static void gather(const BenchSetting *setting, Share *share, BenchResult *out, float *phase_us)
{
  const size_t period = cenote_model_info(setting->model)->period;
  const size_t steps = share[0].steps;
  double began = share[0].began_us;
  double ended = share[0].ended_us;
  float *us = share[0].us;
  *out = (BenchResult){.steps = steps};
  if (phase_us) memset(phase_us, 0, period * sizeof *phase_us);
  clean(us, steps, period, out, phase_us);
  for (uint32_t t = 1; t < setting->threads; ++t) {
    clean(share[t].us, steps, period, out, NULL);
    if (share[t].began_us < began) began = share[t].began_us;
    if (share[t].ended_us > ended) ended = share[t].ended_us;
    for (size_t i = 0; i < steps; ++i)
      if (share[t].us[i] > us[i]) us[i] = share[t].us[i];
  }
  out->mean_us = (ended - began) / (double)steps;
  qsort(us, steps, sizeof *us, by_size);
  out->p50_us = (double)us[steps / 2];
  out->p99_us = (double)us[steps * 99 / 100];
  out->max_us = (double)us[steps - 1];
}

static bool make_share(const BenchSetting *setting, Share *share, uint32_t first)
{
  share->voice = calloc(setting->voices, sizeof(CenoteVoice *));
  for (uint32_t v = first; share->voice && v < setting->voices; v += setting->threads) {
    if (cenote_voice_new(setting->model, &share->voice[share->voices]) != CENOTE_OK) return false;
    share->out[share->voices] = &share->sample[share->voices];
    CenoteVoice *voice = share->voice[share->voices++];
    cenote_voice_set_seed(voice, v);
    // Steps that share no factor with the pools, so that all phases come about.
    float sample;
    for (uint32_t i = 0; setting->spread && i < 37 * v; ++i) cenote_voice_render(voice, &sample, 1);
  }
  return share->voice;
}

/// False when memory ran out.
static bool prepare(const BenchSetting *setting, Share *share)
{
  bool good = true;
  for (uint32_t t = 0; good && t < setting->threads; ++t) good = make_share(setting, &share[t], t);
  if (good) warm_up(setting, share);
  for (uint32_t t = 0; good && t < setting->threads; ++t)
    good = (share[t].us = malloc(share[t].steps * sizeof(float)));
  return good;
}

/// False when a thread could not be started.
static bool run_threads(const BenchSetting *setting, Share *share)
{
  uint32_t started = 1;
  while (started < setting->threads &&
         pthread_create(&share[started].thread, NULL, measure, &share[started]) == 0)
    ++started;
  measure(&share[0]);
  for (uint32_t t = 1; t < started; ++t) pthread_join(share[t].thread, NULL);
  return started == setting->threads;
}

static int run(const BenchSetting *setting, Share *share, BenchResult *out, float *phase_us)
{
  if (!prepare(setting, share)) return cli_fail("bench", "%s", cenote_strerror(CENOTE_NO_MEMORY));
  if (!run_threads(setting, share))
    return cli_fail("bench", "cannot start %" PRIu32 " threads", setting->threads);
  for (uint32_t t = 0; t < setting->threads; ++t)
    for (uint32_t v = 0; v < share[t].voices; ++v)
      if (!cenote_voice_finite(share[t].voice[v]))
        return cli_fail("bench", "the model's state stopped being finite at step %" PRIu64,
                        cenote_voice_steps(share[t].voice[v]));
  gather(setting, share, out, phase_us);
  return CLI_DONE;
}

int bench_run(const BenchSetting *setting, BenchResult *out, float *phase_us)
{
  Share *share = calloc(setting->threads, sizeof *share);
  if (!share) return cli_fail("bench", "%s", cenote_strerror(CENOTE_NO_MEMORY));
  const int status = run(setting, share, out, phase_us);
  for (uint32_t t = 0; t < setting->threads; ++t) {
    for (uint32_t v = 0; v < share[t].voices; ++v) cenote_voice_free(share[t].voice[v]);
    free(share[t].voice);
    free(share[t].us);
  }
  free(share);
  return status;
}

double bench_realtime(const CenoteModel *model, double us)
{
  return 1e6 / cenote_model_info(model)->sample_rate_hz / us;
}

void bench_cpu(char *name, size_t size)
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
