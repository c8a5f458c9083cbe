// SPDX-License-Identifier: ISC
// Whole sequences, one array per layer, no state and no streaming: nothing here is shared with the
// engines but the reader of files.
#include "reference.h"

#include "weights.h"

#include <cenote/cenote.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/// What is being computed, and the block or level whose tensors are meant.
typedef struct Pass {
  const CnWeights *weights;
  const CnConfig *config;
  char prefix[40];
} Pass;

static double *numbers(size_t count)
{
  double *x = calloc(count + 1, sizeof *x);
  assert_non_null(x);
  return x;
}

static const float *tensor(const Pass *pass, const char *name, const char *part)
{
  char full[96];
  snprintf(full, sizeof full, "%s%s.%s", pass->prefix, name, part);
  return cn_weights_get(pass->weights, full);
}

/// Block-diagonal product; one block is the plain dense. x[steps][blocks * cols].
static double *product(const Pass *pass, const char *name, const double *x, size_t steps,
                       size_t blocks, size_t rows, size_t cols)
{
  const float *w = tensor(pass, name, "weight");
  const float *bias = tensor(pass, name, "bias");
  double *y = numbers(steps * blocks * rows);
  for (size_t t = 0; t < steps; ++t) {
    for (size_t o = 0; o < blocks * rows; ++o) {
      const double *in = x + t * blocks * cols + o / rows * cols;
      double sum = (double)bias[o];
      for (size_t i = 0; i < cols; ++i) sum += (double)w[o * cols + i] * in[i];
      y[t * blocks * rows + o] = sum;
    }
  }
  return y;
}

static double *normed(const Pass *pass, const char *name, CnNorm kind, const double *x,
                      size_t steps, size_t width)
{
  const float *weight = kind == CN_NORM_NONE ? NULL : tensor(pass, name, "weight");
  const float *bias = kind == CN_NORM_LAYER ? tensor(pass, name, "bias") : NULL;
  double *y = numbers(steps * width);
  for (size_t t = 0; t < steps; ++t, x += width) {
    double mean = 0.0;
    double square = 0.0;
    for (size_t i = 0; bias && i < width; ++i) mean += x[i] / (double)width;
    for (size_t i = 0; i < width; ++i) square += (x[i] - mean) * (x[i] - mean) / (double)width;
    for (size_t i = 0; i < width; ++i)
      y[t * width + i] = weight ? (x[i] - mean) / sqrt(square + 1e-6) * (double)weight[i] : x[i];
    for (size_t i = 0; bias && i < width; ++i) y[t * width + i] += (double)bias[i];
  }
  return y;
}

static double *conv(const Pass *pass, const double *n, size_t steps, size_t width)
{
  const size_t taps = pass->config->conv_kernel_size;
  const size_t each = width / pass->config->conv_groups;
  const float *w = tensor(pass, "conv", "weight");
  const float *bias = tensor(pass, "conv", "bias");
  double *y = numbers(steps * width);
  for (size_t t = 0; t < steps; ++t) {
    for (size_t o = 0; o < width; ++o) {
      double sum = (double)bias[o];
      for (size_t i = 0; i < each; ++i)
        for (size_t j = 0; j < taps; ++j)
          if (t + j + 1 >= taps)
            sum += (double)w[(o * each + i) * taps + j] *
                   n[(t + j + 1 - taps) * width + o / each * each + i];
      y[t * width + o] = sum;
    }
  }
  return y;
}

static double sigmoid(double x)
{
  return 1.0 / (1.0 + exp(-x));
}

static double *recurrent(const Pass *pass, const double *n, size_t steps, uint32_t level,
                         CnEntry entry)
{
  const CnConfig *config = pass->config;
  const size_t width = config->width[level];
  const size_t hidden = config->hidden[level];
  const size_t units = cn_config_units(config, level);
  const size_t blocks = config->n_diag_blocks;
  const float *a_real = tensor(pass, "rnn", "a_real");
  const float *a_imag = tensor(pass, "rnn", "a_imag");
  double *gx = NULL;
  double *ga = NULL;
  double *u = product(pass, "rnn.in", n, steps, 1, hidden, width);
  if (entry == CN_RGLRU) {
    gx = product(pass, "rnn.gate_x", u, steps, blocks, units / blocks, hidden / blocks);
    ga = product(pass, "rnn.gate_a", u, steps, blocks, units / blocks, hidden / blocks);
  }
  double *h = numbers(hidden);
  for (size_t t = 0; t < steps; ++t) {
    for (size_t k = 0; k < units; ++k) {
      const double gate = ga ? sigmoid(ga[t * units + k]) : 1.0;
      const double rho = config->log_a_scale * gate * log1p(exp((double)a_real[k]));
      const double phi = a_imag ? (double)a_imag[k] * gate : 0.0;
      double in = gx ? sigmoid(gx[t * units + k]) : 1.0;
      if (config->input_norm) in *= sqrt(-expm1(2.0 * rho));
      const double re = h[k];
      const double im = a_imag ? h[units + k] : 0.0;
      double *at = u + t * hidden;
      at[k] = h[k] = exp(rho) * (cos(phi) * re - sin(phi) * im) + in * at[k];
      if (!a_imag) continue;
      at[units + k] = h[units + k] =
          exp(rho) * (cos(phi) * im + sin(phi) * re) + in * at[units + k];
    }
  }
  double *y = product(pass, "rnn.out", u, steps, 1, width, hidden);
  free(h);
  free(ga);
  free(gx);
  free(u);
  return y;
}

static double gelu(double v)
{
  return 0.5 * v * (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (v + 0.044715 * v * v * v)));
}

static void block(const Pass *pass, double *x, size_t steps, uint32_t level, CnEntry entry)
{
  const CnConfig *config = pass->config;
  const size_t width = config->width[level];
  const size_t inner = entry == CN_MLP ? width * config->ff_expand : width;
  double *n = normed(pass, "norm", config->norm, x, steps, width);
  double *g = config->use_gating ? product(pass, "gate", n, steps, 1, inner, width) : NULL;
  if (config->use_temporal_cnn && (entry == CN_RGLRU || entry == CN_LRU)) {
    double *before = conv(pass, n, steps, width);
    free(n);
    n = normed(pass, "conv_norm", CN_NORM_LAYER, before, steps, width);
    free(before);
  }
  double *b = entry == CN_MLP    ? product(pass, "mlp", n, steps, 1, inner, width)
              : entry == CN_CONV ? conv(pass, n, steps, width)
                                 : recurrent(pass, n, steps, level, entry);
  for (size_t i = 0; i < steps * inner; ++i) b[i] = g ? b[i] * gelu(g[i]) : gelu(b[i]);
  double *out = product(pass, "out", b, steps, 1, width, inner);
  for (size_t i = 0; i < steps * width; ++i) x[i] += out[i];
  free(out);
  free(b);
  free(g);
  free(n);
}

static void stack(Pass *pass, double *x, size_t steps, uint32_t level, CnStack which)
{
  char name[24];
  cn_stack_name(level, which, name);
  for (uint32_t j = 0; j < cn_stack_blocks(pass->config, level, which); ++j) {
    snprintf(pass->prefix, sizeof pass->prefix, "%s.%u.", name, j);
    block(pass, x, steps, level, cn_stack_entry(pass->config, level, which, j));
  }
}

/// The units of x[units * factor][width], pooled.
static double *pool_down(const Pass *pass, const double *x, size_t units, uint32_t level)
{
  const size_t width = pass->config->width[level];
  const size_t wide = pass->config->width[level + 1];
  const size_t factor = pass->config->pool_temporal[level];
  if (!pass->config->conv_pooling)
    return product(pass, "downpool", x, units, 1, wide, factor * width);
  const float *w = tensor(pass, "downpool", "weight");
  const float *bias = tensor(pass, "downpool", "bias");
  double *y = numbers(units * wide);
  for (size_t m = 0; m < units; ++m)
    for (size_t o = 0; o < wide; ++o) {
      y[m * wide + o] = (double)bias[o];
      for (size_t j = 0; j < factor; ++j)
        y[m * wide + o] += (double)w[o * factor + j] *
                           x[(m * factor + j) * width + o / pass->config->pool_features[level]];
    }
  return y;
}

/// x[units * factor][width] of y[units][wide], not yet delayed.
static double *pool_up(const Pass *pass, const double *y, size_t units, uint32_t level)
{
  const size_t width = pass->config->width[level];
  const size_t wide = pass->config->width[level + 1];
  const size_t factor = pass->config->pool_temporal[level];
  const size_t features = pass->config->pool_features[level];
  if (!pass->config->conv_pooling)
    return product(pass, "uppool", y, units, 1, factor * width, wide);
  const float *w = tensor(pass, "uppool", "weight");
  const float *bias = tensor(pass, "uppool", "bias");
  double *x = numbers(units * factor * width);
  for (size_t t = 0; t < units * factor; ++t)
    for (size_t c = 0; c < width; ++c) {
      x[t * width + c] = (double)bias[c];
      for (size_t k = 0; k < features; ++k)
        x[t * width + c] += (double)w[(c * features + k) * factor + t % factor] *
                            y[t / factor * wide + c * features + k];
    }
  return x;
}

static void skip_block(Pass *pass, double *x, size_t steps, uint32_t level)
{
  if (level + 1 == pass->config->levels) {
    stack(pass, x, steps, level, CN_DEEPEST);
    return;
  }
  const size_t width = pass->config->width[level];
  const size_t factor = pass->config->pool_temporal[level];
  const size_t units = steps / factor;
  stack(pass, x, steps, level, CN_DOWN);
  snprintf(pass->prefix, sizeof pass->prefix, "levels.%u.", level);
  double *y = pool_down(pass, x, units, level);
  skip_block(pass, y, units, level + 1);
  snprintf(pass->prefix, sizeof pass->prefix, "levels.%u.", level);
  double *up = pool_up(pass, y, units, level);
  for (size_t t = factor - 1; t < steps; ++t)
    for (size_t c = 0; c < width; ++c) x[t * width + c] += up[(t - (factor - 1)) * width + c];
  free(up);
  free(y);
  stack(pass, x, steps, level, CN_UP);
}

static double *input(const Pass *pass, const uint8_t *codes, size_t steps)
{
  const CnConfig *config = pass->config;
  const size_t width = config->base_dim;
  const size_t half = width / 2;
  const float *embedding = tensor(pass, "input", "embedding");
  const float *w = tensor(pass, "input", "weight");
  const float *bias = tensor(pass, "input", "bias");
  double *x = numbers(steps * width);
  for (size_t t = 0; t < steps; ++t) {
    const uint32_t code = t == 0 ? config->baseline : codes[t - 1];
    for (size_t i = 0; i < width; ++i) {
      const double angle = code * pow(10000.0, -(double)(i % (half + !half)) / (double)half);
      x[t * width + i] = embedding  ? (double)embedding[code * width + i]
                         : w        ? (double)w[i] * (2.0 * code / 256.0 - 1.0) + (double)bias[i]
                         : i < half ? cos(angle)
                                    : sin(angle);
    }
  }
  return x;
}

double reference_listen(const char *path, const uint8_t *codes, size_t steps, float *logits)
{
  CnWeights weights;
  CenoteError err = {""};
  if (cn_weights_load(path, &weights, &err) != CENOTE_OK) fail_msg("%s", err.text);
  Pass pass = {&weights, &weights.config, ""};
  const size_t width = weights.config.base_dim;
  double *x = input(&pass, codes, steps);
  skip_block(&pass, x, steps, 0);
  pass.prefix[0] = '\0';
  double *n = normed(&pass, "norm", CN_NORM_LAYER, x, steps, width);
  double *y = product(&pass, "head", n, steps, 1, CENOTE_CLASSES, width);
  double nats = 0.0;
  for (size_t t = 0; t < steps; ++t) {
    double sum = 0.0;
    for (size_t k = 0; k < CENOTE_CLASSES; ++k) {
      logits[t * CENOTE_CLASSES + k] = (float)y[t * CENOTE_CLASSES + k];
      sum += exp(y[t * CENOTE_CLASSES + k]);
    }
    nats += log(sum) - y[t * CENOTE_CLASSES + codes[t]];
  }
  free(y);
  free(n);
  free(x);
  cn_weights_clear(&weights);
  return nats / log(2.0) / (double)steps;
}
