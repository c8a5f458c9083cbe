// SPDX-License-Identifier: ISC
// What the engine's own kernels are worth: its step beside the same chain of matrix products by
// OpenBLAS, on one thread, in one run. Short rounds of both alternate, so that a changing clock
// meets both alike, and the fastest round of each counts: whatever else runs on the machine can
// only slow one down.
//
// The chain: for each step, every matrix of every level that falls due in that step, times a
// vector, in the order of the step, with the weights as they lie in the file. Left out of the chain
// is all that a step does besides: norms, gates, the recurrence, biases, conv pools, gelu, the
// sampler. The engine does all of it. So a ratio of 1 means that the engine makes the whole step in
// the time in which OpenBLAS makes the products alone.
#include "weights.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 101 };
static const double ROUND_US = 1e4; ///< at least; whole periods

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

static void render(CenoteVoice *voice, size_t steps)
{
  float out[256];
  for (size_t done = 0; done < steps;) {
    const size_t n = steps - done < 256 ? steps - done : 256;
    cenote_voice_render(voice, out, (uint32_t)n);
    done += n;
  }
}

/// Rounds of both in turn.
static void race(const CenoteModel *model, CenoteVoice *voice, const Chain *chain)
{
  const CenoteModelInfo *info = cenote_model_info(model);
  double engine = 1e300;
  double products = 1e300;
  double before = now_us();
  render(voice, info->period);
  const size_t periods = 1 + (size_t)(ROUND_US / (now_us() - before));
  const size_t steps = periods * info->period;
  for (int round = 0; round < ROUNDS; ++round) {
    before = now_us();
    render(voice, steps);
    const double between = now_us();
    for (size_t i = 0; i < steps; ++i) multiply(chain, i);
    const double after = now_us();
    engine = fmin(engine, (between - before) / (double)steps);
    products = fmin(products, (after - between) / (double)steps);
  }
  printf("engine_us     %.2f\n", engine);
  printf("sgemv_us      %.2f\n", products);
  printf("ratio         %.2f\n", products / engine);
  printf("x_realtime    %.2f\n", 1e6 / engine / info->sample_rate_hz);
  printf("engine_gmacs  %.2f\n", 1e-3 * info->macs_mean / engine);
  printf("sgemv_gmacs   %.2f\n", 1e-3 * chain->macs / products);
  printf("engine_macs   %.0f\n", info->macs_mean);
  printf("sgemv_macs    %.0f\n", chain->macs);
}

static int run(const char *path)
{
  CenoteError err;
  CenoteModel *model;
  CenoteVoice *voice = NULL;
  CnWeights weights = {0};
  Chain chain = {0};
  float sample;
  const double before_mb = resident_mb();
  const double began = now_us();
  if (cenote_model_load(path, &model, &err) != CENOTE_OK) {
    fprintf(stderr, "sgemv: %s\n", err.text);
    return 1;
  }
  bool good = cenote_voice_new(model, &voice) == CENOTE_OK;
  snprintf(err.text, sizeof err.text, "out of memory");
  if (good) {
    cenote_voice_render(voice, &sample, 1);
    printf("model         %s\n", cenote_model_info(model)->name);
    printf("kernel        %s\n", cenote_model_info(model)->kernel);
    printf("blas          %s\n", openblas_get_corename());
    printf("first_ms      %.1f\n", 1e-3 * (now_us() - began));
    printf("resident_mb   %.1f\n", resident_mb() - before_mb);
  }
  good = good && cn_weights_load(path, &weights, &err) == CENOTE_OK && make_chain(&weights, &chain);
  if (good) race(model, voice, &chain);
  else fprintf(stderr, "sgemv: %s\n", err.text);
  clear_chain(&chain);
  cn_weights_clear(&weights);
  cenote_voice_free(voice);
  cenote_model_free(model);
  return good ? 0 : 1;
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fputs("Usage: sgemv WEIGHTS.safetensors\n", stderr);
    return 2;
  }
  openblas_set_num_threads(1);
  return run(argv[1]);
}
