// SPDX-License-Identifier: ISC
// The measurements of `cenote bench --full`, one after the other.
#include "bench_full.h"

#include "cli.h"
#include "limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPREAD_VOICES = 8 };

static const uint32_t voices_of[] = {1, 2, 4, 8, 16};
const uint32_t bench_blocks[BENCH_BLOCKS] = {16, 64, 256};

/// On a terminal, that one more measurement begins. The cursor stays in front of the line, for an
/// error to overwrite.
__attribute__((format(printf, 2, 3))) static void show(BenchFull *full, const char *format, ...)
{
  va_list args;
  ++full->measured;
  if (!isatty(STDERR_FILENO)) return;
  fprintf(stderr, "\033[K%d of %d, about %.0f s left: ", full->measured, full->planned,
          1.1 * full->seconds * (full->planned - full->measured + 1));
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputs("\r", stderr);
}

static int measure_row(BenchFull *full, const CenoteModel *model, BenchRow *row, float *phase_us)
{
  show(full, "%s, %" PRIu32 " voice%s%s, %" PRIu32 " thread%s",
       cenote_precision_name(row->precision), row->voices, row->voices == 1 ? "" : "s",
       row->spread ? " spread" : "", row->threads, row->threads == 1 ? "" : "s");
  const BenchSetting setting = {model, row->voices, row->threads, row->spread, full->seconds};
  return bench_run(&setting, &row->result, phase_us);
}

/// What there is to measure, row by row; one voice first.
static void plan(BenchFull *full, bool only)
{
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  for (uint32_t threads = 1; threads <= BENCH_THREADS && (threads == 1 || threads <= cores);
       ++threads)
    for (size_t i = 0; i < sizeof voices_of / sizeof *voices_of; ++i)
      for (int spread = 0; spread <= (voices_of[i] == SPREAD_VOICES); ++spread)
        if (voices_of[i] >= threads)
          full->row[full->rows++] = (BenchRow){full->precision, voices_of[i], threads, spread, {0}};
  static const CenotePrecision all[BENCH_PRECISIONS] = {CENOTE_F32, CENOTE_BF16, CENOTE_INT8};
  full->planned = (int)full->rows + 2; // layers, limits
  for (size_t i = 0; i < (only ? 1 : BENCH_PRECISIONS); ++i) {
    const CenotePrecision precision = only ? full->precision : all[i];
    full->precise[full->precisions++] = (BenchRow){precision, 1, 1, false, {0}};
    if (precision != full->precision) ++full->planned;
  }
}

/// The first one leaves phase_us[period].
static int measure_rows(BenchFull *full, float *phase_us)
{
  for (size_t i = 0; i < full->rows; ++i) {
    const int status = measure_row(full, full->model, &full->row[i], i == 0 ? phase_us : NULL);
    if (status != CLI_DONE) return status;
  }
  return CLI_DONE;
}

/// Voices of which a step takes as long as a sample lasts: on a straight line between those that
/// were measured, in proportion beyond the last.
static double held(const BenchFull *full, uint32_t threads)
{
  const double sample_us = bench_realtime(full->model, 1.0);
  double voices = 0.0;
  double us = 0.0;
  for (size_t i = 0; i < full->rows; ++i) {
    const BenchRow *row = &full->row[i];
    if (row->threads != threads || row->spread) continue;
    const double more = row->result.clean_us - us;
    if (row->result.clean_us >= sample_us)
      return voices + (row->voices - voices) * (sample_us - us) / more;
    voices = row->voices;
    us = row->result.clean_us;
  }
  return us > 0.0 ? voices * sample_us / us : 0.0;
}

/// us[period] again and again.
static double longest_run(const float *us, size_t period, size_t steps)
{
  double sum = 0.0;
  for (size_t i = 0; i < steps; ++i) sum += (double)us[i % period];
  double longest = sum;
  for (size_t i = 0; i < period; ++i) {
    sum += (double)us[(i + steps) % period] - (double)us[i];
    if (sum > longest) longest = sum;
  }
  return longest;
}

static double furthest_behind(const float *us, size_t period, double sample_us)
{
  double behind = 0.0;
  double furthest = 0.0;
  for (size_t i = 0; i < 2 * period; ++i) {
    behind += (double)us[i % period] - sample_us;
    if (behind < 0.0) behind = 0.0;
    if (behind > furthest) furthest = behind;
  }
  return furthest;
}

static void find_peaks(BenchFull *full, const float *phase_us)
{
  const BenchResult *one = &full->row[0].result;
  const size_t period = cenote_model_info(full->model)->period;
  const size_t phases = one->steps < period ? one->steps : period;
  const double sample_us = bench_realtime(full->model, 1.0);
  for (size_t i = 0; i < BENCH_BLOCKS; ++i)
    full->peak[i] =
        longest_run(phase_us, phases, bench_blocks[i]) / (bench_blocks[i] * one->clean_us);
  full->lag_us =
      one->clean_us > sample_us ? (double)INFINITY : furthest_behind(phase_us, phases, sample_us);
}

static int measure_limits(BenchFull *full)
{
  LimitsRate read;
  Limits peaks;
  show(full, "the machine's limits");
  if (!limits_measure_at(cenote_model_info(full->model)->bytes, full->seconds, &read, &peaks))
    return cli_fail("bench", "%s", cenote_strerror(CENOTE_NO_MEMORY));
  full->read_gbs = read.best;
  full->isa = peaks.isa;
  full->peak_gmacs = peaks.f32.best;
  if (full->precision == CENOTE_BF16 && peaks.bf16.best > 0.0) full->peak_gmacs = peaks.bf16.best;
  if (full->precision == CENOTE_INT8 || full->precision == CENOTE_INT4)
    full->peak_gmacs = peaks.int8.best;
  return CLI_DONE;
}

/// One voice, for as many steps as fit into the time.
static int measure_layers(BenchFull *full)
{
  const uint64_t period = cenote_model_info(full->model)->period;
  const uint64_t fit = (uint64_t)(1e6 * full->seconds / full->row[0].result.mean_us);
  const uint64_t steps = fit < period ? fit + 1 : fit / period * period;
  show(full, "layers");
  const CenoteStatus status =
      cenote_model_profile(full->model, 1, steps, &full->layer, &full->layers);
  if (status != CENOTE_OK) return cli_fail("bench", "%s", cenote_strerror(status));
  return CLI_DONE;
}

static int measure_precisions(BenchFull *full, const char *path)
{
  for (size_t i = 0; i < full->precisions; ++i) {
    BenchRow *row = &full->precise[i];
    if (row->precision == full->precision) {
      *row = full->row[0];
      continue;
    }
    CenoteModel *model = cli_load("bench", path, row->precision, NULL);
    if (!model) return CLI_FAILED;
    const int status = measure_row(full, model, row, NULL);
    cenote_model_free(model);
    if (status != CLI_DONE) return status;
  }
  return CLI_DONE;
}

static int measure_all(BenchFull *full, const char *path)
{
  float *phase_us = calloc(cenote_model_info(full->model)->period, sizeof *phase_us);
  if (!phase_us) return cli_fail("bench", "%s", cenote_strerror(CENOTE_NO_MEMORY));
  int status = measure_rows(full, phase_us);
  if (status == CLI_DONE) {
    find_peaks(full, phase_us);
    for (uint32_t t = 0; t < BENCH_THREADS; ++t) full->held[t] = held(full, t + 1);
    status = measure_layers(full);
  }
  free(phase_us);
  if (status == CLI_DONE) status = measure_limits(full);
  if (status == CLI_DONE) status = measure_precisions(full, path);
  if (isatty(STDERR_FILENO)) fputs("\033[K", stderr);
  return status;
}

int bench_full(const CenoteModel *model, const char *path, double seconds, bool only, bool json)
{
  BenchFull full = {.model = model, .seconds = seconds};
  cenote_precision_find(cenote_model_info(model)->precision, &full.precision);
  plan(&full, only);
  int status = measure_all(&full, path);
  if (status == CLI_DONE) status = json ? bench_full_json(&full) : bench_full_text(&full);
  free(full.layer);
  return status;
}
