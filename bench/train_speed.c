// SPDX-License-Identifier: ISC
// Speed of a training step: train_speed MODEL [THREADS [LENGTH [BATCH [float|bfloat16 [DROPOUT
// [ITEM_ROWS [MEMORY_MIB]]]]]]]. MODEL: sc09, small or flat (small's blocks without pooling).
// Prints the best of several steps, the share of what OpenBLAS's sgemm does on one core of this
// machine (times the threads), and memory as predicted and as used.
#include "train.h"

#include <cblas.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REST                                                                                       \
  "\"unet\":true,\"norm\":\"layer\",\"use_gating\":true,\"use_temporal_cnn\":false,"               \
  "\"input_transform\":\"sine\",\"ff_expand\":2,\"conv_kernel_size\":3,"                           \
  "\"conv_feature_group_count\":1,\"conv_pooling\":true,\"sample_rate\":16000,"                    \
  "\"encoding\":\"mulaw\",\"num_classes\":256,\"baseline\":128,\"min_max_scaling\":true,"          \
  "\"rnn\":{\"block_type\":\"rglru\",\"only_real\":false,\"input_norm\":true,"                     \
  "\"log_a_scale\":-8.0,\"adaptive_d\":false,"
#define TWO "[\"rglru\",\"rglru\"]"
#define FOUR "[\"rglru\",\"rglru\",\"rglru\",\"rglru\"]"

static const char *const models[][2] = {
    {"sc09", "{\"base_dim\":128,\"pool_temporal\":[2,4,4,5],\"pool_features\":[1,1,1,1],"
             "\"model_structure\":[" FOUR "," FOUR "," FOUR "," FOUR "," FOUR "]," REST
             "\"d_hidden\":256,\"n_diag_blocks\":32}}"},
    {"small", "{\"base_dim\":64,\"pool_temporal\":[4,4,5],\"pool_features\":[1,1,1],"
              "\"model_structure\":[" TWO "," TWO "," TWO "," TWO "]," REST
              "\"d_hidden\":128,\"n_diag_blocks\":8}}"},
    {"flat",
     "{\"base_dim\":64,\"pool_temporal\":[],\"pool_features\":[],"
     "\"model_structure\":[[\"rglru\",\"rglru\",\"rglru\",\"rglru\",\"rglru\",\"rglru\","
     "\"rglru\",\"rglru\",\"rglru\",\"rglru\",\"rglru\",\"rglru\",\"rglru\",\"rglru\"]]," REST
     "\"d_hidden\":128,\"n_diag_blocks\":8}}"},
};

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/// Multiplications and additions a second, in matrices of these models' shapes. One core.
static double sgemm_peak(void)
{
  enum { M = 512, N = 384, K = 256, TIMES = 40 };
  float *a = calloc(M * K, sizeof *a);
  float *b = calloc(N * K, sizeof *b);
  float *c = calloc(M * N, sizeof *c);
  double best = 1e9;
  openblas_set_num_threads(1);
  for (int i = 0; a && b && c && i < TIMES; ++i) {
    const double start = now();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, M, N, K, 1.0f, a, K, b, K, 0.0f, c, N);
    const double took = now() - start;
    if (took < best) best = took;
  }
  free(a);
  free(b);
  free(c);
  return 2.0 * M * N * K / best;
}

/// Multiplications and additions of a step for each code: each weight of a dense layer takes part
/// in three products.
static double work_per_code(const CnWeights *weights)
{
  const CnConfig *config = &weights->config;
  double sum = 0.0;
  for (size_t p = 0; p < weights->params.size; ++p) {
    const CnParam *param = &weights->params.param[p];
    unsigned level = 0;
    sscanf(param->name, "levels.%u.", &level);
    if (param->rank > 1) sum += 6.0 * (double)param->count / (double)config->every[level];
  }
  return sum;
}

static uint64_t most_memory(void)
{
  char line[256];
  uint64_t kib = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, "VmHWM:", 6) == 0) kib = strtoull(line + 6, NULL, 10);
  if (file) fclose(file);
  return kib << 10;
}

static uint32_t number(int argc, char **argv, int i, uint32_t otherwise)
{
  return argc > i ? (uint32_t)strtoul(argv[i], NULL, 10) : otherwise;
}

static int run(const CnWeights *weights, const TrainerOptions *options, const char *name)
{
  CenoteError err;
  TrainerPlan plan;
  Trainer *trainer;
  if (trainer_plan(&weights->config, options, &plan, &err) != CENOTE_OK ||
      trainer_new(weights, options, &trainer, &err) != CENOTE_OK) {
    fprintf(stderr, "%s\n", err.text);
    return EXIT_FAILURE;
  }
  const size_t codes = (size_t)options->batch * options->length;
  uint8_t *code = malloc(codes);
  uint32_t random = 1;
  for (size_t i = 0; code && i < codes; ++i) {
    random = random * 1664525u + 1013904223u;
    code[i] = (uint8_t)(random >> 24);
  }
  double best = 1e9;
  StepResult result = {0};
  const double start = now();
  for (int i = 0; code && (i < 3 || (now() - start < 6.0 && i < 30)); ++i) {
    const double begin = now();
    trainer_step(trainer, code, NULL, NULL, &result);
    const double took = now() - begin;
    if (took < best) best = took;
  }
  const double speed = (double)codes / best;
  const double peak = sgemm_peak();
  printf("{\"model\": \"%s\", \"threads\": %" PRIu32 ", \"length\": %" PRIu32
         ", \"batch\": %" PRIu32
         ", \"numbers\": \"%s\", \"dropout\": %g, \"tokens_per_s\": %.0f, \"sgemm_gflops\": %.1f, "
         "\"share_of_sgemm\": %.3f, \"planned_mib\": %.1f, \"vmhwm_mib\": %.1f, \"recomputed\": "
         "%" PRIu32 ", \"loss_bits\": %.4f}\n",
         name, options->threads, options->length, options->batch,
         options->bfloat16 ? "bfloat16" : "float", options->dropout, speed, peak / 1e9,
         speed * work_per_code(weights) / (peak * options->threads), (double)plan.bytes / 0x1p20,
         (double)most_memory() / 0x1p20, plan.recomputed, result.loss_bits);
  free(code);
  trainer_free(trainer);
  return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : "small";
  const char *config = NULL;
  for (size_t i = 0; i < sizeof models / sizeof *models; ++i)
    if (strcmp(models[i][0], name) == 0) config = models[i][1];
  CenoteError err = {"no such model: sc09, small or flat"};
  CnWeights weights;
  if (!config || trainer_init_weights(name, config, 1, &weights, &err) != CENOTE_OK) {
    fprintf(stderr, "%s\n", err.text);
    return EXIT_FAILURE;
  }
  TrainerOptions options;
  trainer_defaults(&options);
  options.threads = number(argc, argv, 2, 1);
  options.length = number(argc, argv, 3, 16000);
  options.batch = number(argc, argv, 4, 1);
  options.bfloat16 = argc > 5 && strcmp(argv[5], "bfloat16") == 0;
  options.dropout = argc > 6 ? strtod(argv[6], NULL) : 0.0;
  options.item_rows = number(argc, argv, 7, 0);
  options.memory_bytes = (uint64_t)number(argc, argv, 8, 0) << 20;
  const int status = run(&weights, &options, name);
  cn_weights_clear(&weights);
  return status;
}
