// SPDX-License-Identifier: ISC
// What the engine's own kernels are worth: its step beside the same chain of matrix products by
// OpenBLAS, on one thread, in one run. Turns of both alternate, so that a changing clock meets
// both alike, and of each phase of the pooling period the fastest repeat counts: whatever else runs
// on the machine can only slow one down. The mean over the phases is `clean_us`,
// the slowest of them `clean_worst_us`, as in `cenote bench`. Prints a JSON object.
//
// The chain: for each step, every matrix of every level that falls due in that step, times a
// vector, in the order of the step, with the weights as they lie in the file. Left out of the chain
// is all that a step does besides: norms, gates, the recurrence, biases, conv pools, gelu, the
// sampler. The engine does all of it. So a ratio of 1 means that the engine makes the whole step in
// the time in which OpenBLAS makes the products alone.
#include "weights.h"

#include <cblas.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double TURN_US = 2.5e5; ///< at least; whole periods

/// `blocks` products of [rows][cols], one after the other in the file.
typedef struct Product {
  const float *weight;
  uint32_t blocks;
  uint32_t rows;
  uint32_t cols;
  uint32_t level; ///< runs when this level does
} Product;

typedef struct Chain {
  Product *product;
  size_t products;
  uint32_t every[CN_MAX_LEVELS];
  uint32_t levels;
  float *x;
  float *y;
  double macs; ///< a step, in the mean
} Chain;

static double now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

/// Memory of this process that lies in RAM.
static double resident_mb(void)
{
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0.0;
  if (fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
  fclose(file);
  return 1e-6 * (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static bool ends_with(const char *text, const char *end)
{
  const size_t length = strlen(text);
  return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/// Whether a tensor is a matrix of the step, and which.
static bool read_product(const CnWeights *weights, const CnParam *param, Product *out)
{
  const CnConfig *config = &weights->config;
  const char *name = param->name;
  const bool pool = ends_with(name, "pool.weight");
  if (!ends_with(name, ".weight") || param->rank < 2 || strcmp(name, "input.weight") == 0 ||
      (pool && config->conv_pooling))
    return false;
  unsigned level = 0;
  if (strcmp(name, "head.weight") != 0 && sscanf(name, "levels.%u.", &level) != 1) return false;
  *out = (Product){.weight = weights->data + param->offset,
                   .blocks = 1,
                   .rows = param->dim[0],
                   .cols = param->dim[1],
                   .level = pool ? level + 1 : level};
  if (ends_with(name, "conv.weight")) {
    out->blocks = config->conv_groups;
    out->rows = param->dim[0] / config->conv_groups;
    out->cols = param->dim[1] * param->dim[2];
  } else if (param->rank == 3) { // block-diagonal gates
    out->blocks = param->dim[0];
    out->rows = param->dim[1];
    out->cols = param->dim[2];
  }
  return true;
}

static bool make_chain(const CnWeights *weights, Chain *out)
{
  size_t widest = 1;
  *out = (Chain){.levels = weights->config.levels,
                 .product = calloc(weights->params.size, sizeof *out->product)};
  if (!out->product) return false;
  memcpy(out->every, weights->config.every, sizeof out->every);
  for (size_t i = 0; i < weights->params.size; ++i) {
    Product *product = &out->product[out->products];
    if (!read_product(weights, &weights->params.param[i], product)) continue;
    ++out->products;
    const size_t rows = (size_t)product->blocks * product->rows;
    const size_t cols = (size_t)product->blocks * product->cols;
    out->macs += (double)rows * product->cols / out->every[product->level];
    widest = rows > widest ? rows : widest;
    widest = cols > widest ? cols : widest;
  }
  out->x = malloc(widest * sizeof *out->x);
  out->y = malloc(widest * sizeof *out->y);
  for (size_t i = 0; out->x && i < widest; ++i) out->x[i] = 0.01f * (float)(i % 100) - 0.5f;
  return out->x && out->y;
}

static void clear_chain(Chain *chain)
{
  free(chain->product);
  free(chain->x);
  free(chain->y);
}

/// The products of step number `step`.
static void multiply(const Chain *chain, size_t step)
{
  uint32_t deepest = 0;
  while (deepest + 1 < chain->levels && (step + 1) % chain->every[deepest + 1] == 0) ++deepest;
  for (size_t i = 0; i < chain->products; ++i) {
    const Product *product = &chain->product[i];
    if (product->level > deepest) continue;
    const size_t rows = product->rows;
    const size_t cols = product->cols;
    for (uint32_t b = 0; b < product->blocks; ++b)
      cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)rows, (int)cols, 1.0f,
                  product->weight + b * rows * cols, (int)cols, chain->x + b * cols, 1, 0.0f,
                  chain->y + b * rows, 1);
  }
}

/// What each phase of the pooling period costs at best, of the repeats so far.
typedef struct Clean {
  double *us; ///< [period]
  size_t period;
} Clean;

static bool make_clean(Clean *clean, size_t period)
{
  *clean = (Clean){.us = calloc(period, sizeof(double)), .period = period};
  for (size_t i = 0; clean->us && i < period; ++i) clean->us[i] = HUGE_VAL;
  return clean->us;
}

static double mean(const Clean *clean)
{
  double sum = 0.0;
  for (size_t i = 0; i < clean->period; ++i) sum += clean->us[i];
  return sum / (double)clean->period;
}

static double worst(const Clean *clean)
{
  double most = 0.0;
  for (size_t i = 0; i < clean->period; ++i) most = fmax(most, clean->us[i]);
  return most;
}

static void time_engine(CenoteVoice *voice, Clean *clean)
{
  float sample;
  double last = now_us();
  for (size_t i = 0; i < clean->period; ++i) {
    cenote_voice_render(voice, &sample, 1);
    const double now = now_us();
    clean->us[i] = fmin(clean->us[i], now - last);
    last = now;
  }
}

static void time_products(const Chain *chain, Clean *clean)
{
  double last = now_us();
  for (size_t i = 0; i < clean->period; ++i) {
    multiply(chain, i);
    const double now = now_us();
    clean->us[i] = fmin(clean->us[i], now - last);
    last = now;
  }
}

/// Turns of each until the time is over. A turn lasts several periods: the first of them finds the
/// other's weights in the cache.
static void race(CenoteVoice *voice, const Chain *chain, double seconds, Clean *engine,
                 Clean *products)
{
  const double end = now_us() + 1e6 * seconds;
  do {
    for (const double turn = now_us() + TURN_US; now_us() < turn;) time_engine(voice, engine);
    for (const double turn = now_us() + TURN_US; now_us() < turn;) time_products(chain, products);
  } while (now_us() < end);
}

static bool report(const CenoteModelInfo *info, const Chain *chain, const Clean *engine,
                   const Clean *products, double first_ms, double resident)
{
  const double engine_us = mean(engine);
  const double products_us = mean(products);
  json_t *answer = json_pack(
      "{s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "name",
      "sgemv", "model", info->name, "kernel", info->kernel, "precision", "f32", "version",
      openblas_get_config(), "clean_us", products_us, "clean_worst_us", worst(products),
      "engine_clean_us", engine_us, "engine_clean_worst_us", worst(engine), "ratio",
      products_us / engine_us, "gmacs", 1e-3 * chain->macs / products_us, "macs", chain->macs,
      "engine_macs", info->macs_mean, "first_ms", first_ms, "resident_mb", resident);
  if (answer && json_dumpf(answer, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0) puts("");
  json_decref(answer);
  return answer;
}

static bool run(const char *path, double seconds)
{
  CenoteError err = {.text = "out of memory"};
  CenoteModel *model;
  CenoteVoice *voice = NULL;
  CnWeights weights = {0};
  Chain chain = {0};
  Clean engine = {0};
  Clean products = {0};
  float sample;
  const double before_mb = resident_mb();
  const double began = now_us();
  bool good = cenote_model_load(path, &model, &err) == CENOTE_OK;
  good = good && cenote_voice_new(model, &voice) == CENOTE_OK;
  if (good) cenote_voice_render(voice, &sample, 1);
  const double first_ms = 1e-3 * (now_us() - began);
  const double resident = resident_mb() - before_mb;
  good = good && cn_weights_load(path, &weights, &err) == CENOTE_OK;
  if (good) {
    const CenoteModelInfo *info = cenote_model_info(model);
    good = make_chain(&weights, &chain) && make_clean(&engine, info->period) &&
           make_clean(&products, info->period);
    // The render above was step 0: its period goes on from there.
    if (good) race(voice, &chain, seconds, &engine, &products);
    good = good && report(info, &chain, &engine, &products, first_ms, resident);
  }
  if (!good) fprintf(stderr, "sgemv: %s\n", err.text);
  clear_chain(&chain);
  free(engine.us);
  free(products.us);
  cn_weights_clear(&weights);
  cenote_voice_free(voice);
  cenote_model_free(model);
  return good;
}

int main(int argc, char **argv)
{
  const double seconds = argc == 3 ? atof(argv[2]) : 3.0;
  if (argc < 2 || argc > 3 || !(seconds > 0.0)) {
    fputs("Usage: sgemv WEIGHTS.safetensors [SECONDS]\n", stderr);
    return 2;
  }
  openblas_set_num_threads(1);
  return run(argv[1], seconds) ? 0 : 1;
}
