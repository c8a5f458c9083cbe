// SPDX-License-Identifier: ISC
// What `cenote bench --full` found, as text and as JSON. Figures are clean ones but for p50, p99
// and the longest step.
#include "bench_full.h"

#include "cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/// A rate in G a second, and which part that is of the most there is; NAN where there is none.
typedef struct Rate {
  double giga;
  double share;
} Rate;

static Rate rate(double work, double us, double most)
{
  const double giga = work > 0.0 && us > 0.0 ? 1e-3 * work / us : (double)NAN;
  return (Rate){giga, most > 0.0 ? giga / most : (double)NAN};
}

static double layers_us(const BenchFull *full)
{
  double us = 0.0;
  for (size_t i = 0; i < full->layers; ++i) us += full->layer[i].us;
  return us;
}

static double layers_bytes(const BenchFull *full)
{
  double bytes = 0.0;
  for (size_t i = 0; i < full->layers; ++i) bytes += full->layer[i].bytes;
  return bytes;
}

// Text.

static void print_rate(Rate rate)
{
  if (isnan(rate.giga)) printf("  %7s  %5s", "-", "-");
  else if (isnan(rate.share)) printf("  %7.1f  %5s", rate.giga, "-");
  else printf("  %7.1f  %3.0f %%", rate.giga, 100.0 * rate.share);
}

static void print_layer(const BenchFull *full, double us, double bytes, double macs)
{
  printf("  %9.3f  %8.1f", us, 1e-3 * bytes);
  print_rate(rate(bytes, us, full->read_gbs));
  printf("  %8.1f", 1e-3 * macs);
  print_rate(rate(macs, us, full->peak_gmacs));
  putchar('\n');
}

static void print_layers(const BenchFull *full)
{
  const CenoteModelInfo *info = cenote_model_info(full->model);
  puts("\n  One voice, a step in the mean; of GB/s and G multiply-adds a second the part of this\n"
       "  machine's own limit\n"
       "  level  layer       blocks         us   kB read     GB/s         k MACs   GMAC/s");
  for (size_t i = 0; i < full->layers; ++i) {
    const CenoteLayerTime *layer = &full->layer[i];
    printf("  %5" PRIu32 "  %-10s  %6" PRIu32, layer->level, cenote_layer_name(layer->layer),
           layer->blocks);
    print_layer(full, layer->us, layer->bytes, layer->macs);
  }
  printf("    all                    ");
  print_layer(full, layers_us(full), layers_bytes(full), info->macs_mean);
  printf("  limits: one thread reads %.2f MB at %.1f GB/s", 1e-6 * (double)info->bytes,
         full->read_gbs);
  if (full->peak_gmacs > 0.0)
    printf(", multiplies and adds %.0f G a second for %s", full->peak_gmacs, info->precision);
  printf(" (%s)\n", full->isa);
}

static void print_rows(const BenchFull *full)
{
  puts("\n  voices  threads                us   us/voice  x real time       p50       p99   "
       "longest");
  for (size_t i = 0; i < full->rows; ++i) {
    const BenchRow *row = &full->row[i];
    const BenchResult *result = &row->result;
    printf("  %6" PRIu32 "  %7" PRIu32 "  %-6s  %9.2f  %9.2f  %11.2f  %8.2f  %8.2f  %8.2f\n",
           row->voices, row->threads, row->spread ? "spread" : "", result->clean_us,
           result->clean_us / row->voices, bench_realtime(full->model, result->clean_us),
           result->p50_us, result->p99_us, result->max_us);
  }
  for (int t = 0; t < BENCH_THREADS; ++t)
    if (full->held[t] > 0.0)
      printf("  voices held at real time with %d thread%s: %.1f\n", t + 1, t == 0 ? "" : "s",
             full->held[t]);
}

static void print_precisions(const BenchFull *full)
{
  puts("\n  One voice       us  x real time   longest (clean)");
  for (size_t i = 0; i < full->precisions; ++i) {
    const BenchRow *row = &full->precise[i];
    printf("  %-8s  %9.2f  %11.2f  %8.2f\n", cenote_precision_name(row->precision),
           row->result.clean_us, bench_realtime(full->model, row->result.clean_us),
           row->result.clean_worst_us);
  }
}

static void print_peaks(const BenchFull *full)
{
  puts("\n  One voice, how much longer than in the mean steps take");
  printf("  the longest step             %5.2f\n",
         full->row[0].result.clean_worst_us / full->row[0].result.clean_us);
  for (size_t i = 0; i < BENCH_BLOCKS; ++i)
    printf("  the longest run of %3" PRIu32 " steps  %5.2f\n", bench_blocks[i], full->peak[i]);
  if (isinf(full->lag_us)) puts("  slower than real time: no lead is long enough");
  else printf("  at worst %.0f us behind real time: so much lead is needed\n", full->lag_us);
}

/// All that a report needs in one line.
static void print_line(const BenchFull *full, const char *cpu)
{
  const CenoteModelInfo *info = cenote_model_info(full->model);
  printf("\nfor a report: cenote %s %s/%s, ", cenote_version(), info->kernel, info->precision);
  cli_print_plain(info->name);
  printf(" %016" PRIx64 ", full %g s, voices/threads:us", info->hash, full->seconds);
  for (size_t i = 0; i < full->rows; ++i)
    printf(" %" PRIu32 "/%" PRIu32 "%s:%.2f", full->row[i].voices, full->row[i].threads,
           full->row[i].spread ? "s" : "", full->row[i].result.clean_us);
  printf(", held");
  for (int t = 0; t < BENCH_THREADS && full->held[t] > 0.0; ++t) printf(" %.1f", full->held[t]);
  printf(",");
  for (size_t i = 0; i < full->precisions; ++i)
    printf(" %s %.2f", cenote_precision_name(full->precise[i].precision),
           full->precise[i].result.clean_us);
  printf(", peak");
  for (size_t i = 0; i < BENCH_BLOCKS; ++i) printf(" %.2f", full->peak[i]);
  printf(" lag %.0f, layers %.2f, limits %.1f GB/s %.0f GMAC/s %s, %s\n", full->lag_us,
         layers_us(full), full->read_gbs, full->peak_gmacs, full->isa, cpu);
}

int bench_full_text(const BenchFull *full)
{
  const CenoteModelInfo *info = cenote_model_info(full->model);
  char cpu[128];
  bench_cpu(cpu, sizeof cpu);
  cli_print_plain(info->name);
  printf(", %s on %s, %s\n", info->precision, info->kernel, cpu);
  print_layers(full);
  print_rows(full);
  print_precisions(full);
  print_peaks(full);
  print_line(full, cpu);
  return CLI_DONE;
}

// JSON.

/// A number; null if there is none.
static json_t *number(double value)
{
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *layers_json(const BenchFull *full)
{
  json_t *list = json_array();
  for (size_t i = 0; i < full->layers; ++i) {
    const CenoteLayerTime *layer = &full->layer[i];
    const Rate read = rate(layer->bytes, layer->us, full->read_gbs);
    const Rate macs = rate(layer->macs, layer->us, full->peak_gmacs);
    json_array_append_new(list, json_pack("{s:I, s:s, s:I, s:f, s:f, s:o, s:o, s:f, s:o, s:o}",
                                          "level", (json_int_t)layer->level, "layer",
                                          cenote_layer_name(layer->layer), "blocks",
                                          (json_int_t)layer->blocks, "us", layer->us, "bytes",
                                          layer->bytes, "gbs", number(read.giga), "gbs_share",
                                          number(read.share), "macs", layer->macs, "gmacs",
                                          number(macs.giga), "gmacs_share", number(macs.share)));
  }
  return list;
}

static json_t *rows_json(const BenchFull *full, const BenchRow *row, size_t rows)
{
  json_t *list = json_array();
  for (; rows > 0; --rows, ++row) {
    const BenchResult *result = &row->result;
    json_array_append_new(
        list,
        json_pack("{s:s, s:I, s:I, s:b, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "precision",
                  cenote_precision_name(row->precision), "voices", (json_int_t)row->voices,
                  "threads", (json_int_t)row->threads, "spread", (int)row->spread, "steps",
                  (json_int_t)result->steps, "us_per_step", result->mean_us, "p50_us",
                  result->p50_us, "p99_us", result->p99_us, "max_us", result->max_us, "clean_us",
                  result->clean_us, "clean_worst_us", result->clean_worst_us, "clean_us_per_voice",
                  result->clean_us / row->voices, "clean_x_realtime",
                  bench_realtime(full->model, result->clean_us)));
  }
  return list;
}

static json_t *held_json(const BenchFull *full)
{
  json_t *list = json_array();
  for (int t = 0; t < BENCH_THREADS; ++t)
    if (full->held[t] > 0.0)
      json_array_append_new(list,
                            json_pack("{s:i, s:f}", "threads", t + 1, "voices", full->held[t]));
  return list;
}

static json_t *peaks_json(const BenchFull *full)
{
  json_t *list = json_array();
  for (size_t i = 0; i < BENCH_BLOCKS; ++i)
    json_array_append_new(list, json_pack("{s:I, s:f}", "steps", (json_int_t)bench_blocks[i],
                                          "times_mean", full->peak[i]));
  return list;
}

int bench_full_json(const BenchFull *full)
{
  const CenoteModelInfo *info = cenote_model_info(full->model);
  char cpu[128];
  char hash[17];
  bench_cpu(cpu, sizeof cpu);
  snprintf(hash, sizeof hash, "%016" PRIx64, info->hash);
  json_t *limits = json_pack("{s:s, s:I, s:f, s:o}", "isa", full->isa, "read_bytes",
                             (json_int_t)info->bytes, "read_gbs", full->read_gbs, "gmacs",
                             full->peak_gmacs > 0.0 ? json_real(full->peak_gmacs) : json_null());
  return cli_print_json(
      "bench",
      json_pack("{s:o, s:s, s:s, s:o, s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o, "
                "s:o, s:o}",
                "model", cli_json_text(info->name), "hash", hash, "version", cenote_version(),
                "cpu", cli_json_text(cpu), "kernel", info->kernel, "precision", info->precision,
                "sample_rate", (json_int_t)info->sample_rate_hz, "period", (json_int_t)info->period,
                "seconds", full->seconds, "macs_mean", info->macs_mean, "layers_us",
                layers_us(full), "limits", limits, "layers", layers_json(full), "voices",
                rows_json(full, full->row, full->rows), "held", held_json(full), "precisions",
                rows_json(full, full->precise, full->precisions), "runs", peaks_json(full),
                "lag_us", number(full->lag_us)));
}
