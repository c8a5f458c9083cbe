// SPDX-License-Identifier: ISC
// Packing one residual block, and the constants that its recurrence needs (MODEL.md section 3).
#include "alloc.h"
#include "pack.h"
#include "rt/dmath.h"
#include "try.h"

#include <math.h>
#include <stdlib.h>

/// The conv of a block, from weight [width][each][taps] to the window's order [taps][each].
static CenoteStatus pack_conv(Packer *packer, CnMatrix *dense, CnBlock *out)
{
  const CnConfig *config = &packer->weights->config;
  const uint32_t width = out->width;
  out->taps = config->conv_kernel_size;
  out->groups = config->conv_groups;
  const uint32_t each = width / out->groups;
  const uint32_t cols = each * out->taps;
  out->window_at = cn_carve(&packer->state, (size_t)width * out->taps);
  float *turned = NULL;
  if (packer->arena) {
    const float *weight = cn_pack_tensor(packer, "conv.weight");
    turned = malloc((size_t)width * cols * sizeof *turned);
    if (!turned) return CENOTE_NO_MEMORY;
    for (size_t o = 0; o < width; ++o)
      for (uint32_t i = 0; i < each; ++i)
        for (uint32_t j = 0; j < out->taps; ++j)
          turned[o * cols + j * each + i] = weight[(o * each + i) * out->taps + j];
  }
  const float *bias = cn_pack_tensor(packer, "conv.bias");
  const CnPiece piece = {.weight = turned, .bias = bias, .rows = width, .row_step = cols};
  if (out->groups == 1) *dense = cn_pack_matrix(packer, &piece, 1, cols);
  else out->conv = cn_pack_diagonal(packer, turned, bias, out->groups, each, cols);
  free(turned);
  return CENOTE_OK;
}

/// The rows that read the block's normed input: gate, then the layer's own if it reads the same.
static void pack_front(Packer *packer, const char *layer, uint32_t rows, CnBlock *out)
{
  const CnConfig *config = &packer->weights->config;
  CnPiece piece[2];
  uint32_t pieces = 0;
  if (config->use_gating) piece[pieces++] = cn_pack_piece(packer, "gate", out->inner, out->width);
  const uint32_t whole = (out->inner + CN_GRANULE - 1) / CN_GRANULE * CN_GRANULE;
  out->value_at = config->use_gating ? whole : 0;
  if (layer) piece[pieces++] = cn_pack_piece(packer, layer, rows, out->width);
  if (pieces > 0) out->front = cn_pack_matrix(packer, piece, pieces, out->width);
  cn_pack_wide(packer, out->value_at + (size_t)out->inner);
}

/// rate = log_a_scale * softplus(a_real), and for an LRU the constant a and sqrt(1 - |a|^2).
static void pack_recurrence(Packer *packer, CnBlock *out)
{
  const CnConfig *config = &packer->weights->config;
  CnRecurrence *r = &out->recurrence;
  const float *a_real = cn_pack_tensor(packer, "rnn.a_real");
  const float *a_imag = cn_pack_tensor(packer, "rnn.a_imag"); // NULL with only_real
  r->input_norm = config->input_norm;
  if (out->entry == CN_RGLRU) {
    float *rate = cn_pack_take(packer, r->units);
    for (uint32_t k = 0; rate && k < r->units; ++k)
      rate[k] = (float)(config->log_a_scale * cn_softplus((double)a_real[k]));
    r->rate = rate;
    if (a_imag) r->angle = cn_pack_copy(packer, a_imag, r->units);
    r->near = true;
    for (uint32_t k = 0; a_imag && k < r->units; ++k)
      if (fabsf(a_imag[k]) > 1.57f) r->near = false;
    return;
  }
  float *a_re = cn_pack_take(packer, r->units);
  float *a_im = a_imag ? cn_pack_take(packer, r->units) : NULL;
  float *rest_re = cn_pack_take(packer, r->units);
  float *rest_im = a_imag ? cn_pack_take(packer, r->units) : NULL;
  float *scale = cn_pack_take(packer, r->units);
  for (uint32_t k = 0; scale && k < r->units; ++k) {
    const double rho = config->log_a_scale * cn_softplus((double)a_real[k]);
    const double size = cn_exp(rho < 700.0 ? rho : 700.0);
    double s = 0.0;
    double c = 1.0;
    if (a_imag) cn_sincos((double)a_imag[k], &s, &c);
    a_re[k] = (float)(size * c);
    if (a_im) a_im[k] = (float)(size * s);
    rest_re[k] = (float)(size * c - (double)a_re[k]);
    if (a_im) rest_im[k] = (float)(size * s - (double)a_im[k]);
    // 1 - |a|^2 in double keeps enough digits down to rho = -1e-9.
    const double rest = rho > -1e-9 ? -2.0 * rho : 1.0 - size * size;
    scale[k] = config->input_norm ? (float)sqrt(rest > 0.0 ? rest : 0.0) : 1.0f;
  }
  r->a_re = a_re;
  r->a_im = a_im;
  r->rest_re = rest_re;
  r->rest_im = rest_im;
  r->scale = scale;
}

static CenoteStatus pack_recurrent(Packer *packer, uint32_t level, CnBlock *out)
{
  const CnConfig *config = &packer->weights->config;
  const uint32_t hidden = config->hidden[level];
  const uint32_t units = cn_config_units(config, level);
  out->recurrence.units = units;
  out->hidden = hidden;
  out->hidden_at = cn_carve(&packer->state, hidden);
  if (config->use_temporal_cnn) {
    pack_front(packer, NULL, 0, out);
    CN_TRY(pack_conv(packer, &out->layer, out));
    out->conv_norm = cn_pack_copy(packer, cn_pack_tensor(packer, "conv_norm.weight"), out->width);
    out->conv_norm_bias =
        cn_pack_copy(packer, cn_pack_tensor(packer, "conv_norm.bias"), out->width);
    out->rnn_in = cn_pack_dense(packer, "rnn.in", hidden, out->width);
  } else {
    pack_front(packer, "rnn.in", hidden, out);
  }
  if (out->entry == CN_RGLRU) {
    const uint32_t n = config->n_diag_blocks;
    out->gate_x =
        cn_pack_diagonal(packer, cn_pack_tensor(packer, "rnn.gate_x.weight"),
                         cn_pack_tensor(packer, "rnn.gate_x.bias"), n, units / n, hidden / n);
    out->gate_a =
        cn_pack_diagonal(packer, cn_pack_tensor(packer, "rnn.gate_a.weight"),
                         cn_pack_tensor(packer, "rnn.gate_a.bias"), n, units / n, hidden / n);
  }
  pack_recurrence(packer, out);
  out->rnn_out = cn_pack_dense(packer, "rnn.out", out->width, hidden);
  return CENOTE_OK;
}

CenoteStatus cn_pack_block(Packer *packer, uint32_t level, CnEntry entry, CnBlock *out)
{
  const CnConfig *config = &packer->weights->config;
  const uint32_t width = config->width[level];
  *out = (CnBlock){.entry = entry, .width = width};
  out->inner = entry == CN_MLP ? width * config->ff_expand : width;
  cn_pack_wide(packer, width);
  if (config->norm != CN_NORM_NONE)
    out->norm = cn_pack_copy(packer, cn_pack_tensor(packer, "norm.weight"), width);
  if (config->norm == CN_NORM_LAYER)
    out->norm_bias = cn_pack_copy(packer, cn_pack_tensor(packer, "norm.bias"), width);
  switch (entry) {
  case CN_MLP:
    pack_front(packer, "mlp", out->inner, out);
    break;
  case CN_CONV:
    pack_front(packer, NULL, 0, out);
    CN_TRY(pack_conv(packer, &out->layer, out));
    break;
  case CN_RGLRU:
  case CN_LRU:
    CN_TRY(pack_recurrent(packer, level, out));
    break;
  }
  out->out = cn_pack_dense(packer, "out", width, out->inner);
  return CENOTE_OK;
}
