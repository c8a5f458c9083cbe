// SPDX-License-Identifier: ISC
#include "pack.h"

#include "alloc.h"
#include "round.h"

#include <stdio.h>
#include <string.h>

static const CnParam *find(Packer *packer, const char *name)
{
  const CnParams *params = &packer->weights->params;
  char full[96];
  snprintf(full, sizeof full, "%s%s", packer->prefix, name);
  for (size_t i = 0; i < params->size; ++i) {
    const size_t at = (packer->next + i) % params->size;
    if (strcmp(params->param[at].name, full) != 0) continue;
    packer->next = at + 1;
    return &params->param[at];
  }
  return NULL;
}

const float *cn_pack_tensor(Packer *packer, const char *name)
{
  const CnParam *param = find(packer, name);
  return param ? packer->weights->data + param->offset : NULL;
}

static void *take(Packer *packer, size_t bytes)
{
  const size_t at = packer->bytes;
  packer->bytes += (bytes + CN_ALIGN - 1) / CN_ALIGN * CN_ALIGN;
  return packer->arena ? packer->arena + at : NULL;
}

float *cn_pack_take(Packer *packer, size_t floats)
{
  return take(packer, floats * sizeof(float));
}

const float *cn_pack_copy(Packer *packer, const float *from, size_t count)
{
  float *to = cn_pack_take(packer, count);
  if (to) memcpy(to, from, count * sizeof *to);
  return to;
}

void cn_pack_wide(Packer *packer, size_t floats)
{
  if (floats > packer->wide) packer->wide = floats;
}

CnPiece cn_pack_piece(Packer *packer, const char *name, uint32_t rows, uint32_t cols)
{
  char full[32];
  snprintf(full, sizeof full, "%s.weight", name);
  const CnParam *param = find(packer, full);
  snprintf(full, sizeof full, "%s.bias", name);
  CnPiece piece = {.weight = packer->weights->data + param->offset,
                   .bias = cn_pack_tensor(packer, full),
                   .rows = rows,
                   .row_step = cols};
  if (param->quant) {
    piece.quant = param->quant;
    piece.scale = param->scale;
    piece.groups = param->groups;
  }
  return piece;
}

/// Where the numbers of a row go.
typedef struct Place {
  char *weight; ///< the row's first 4 bytes
  size_t step;  ///< from one run of columns to the next
  float *scale; ///< its first group's
  size_t rows;  ///< from one group's scale to the next
  float *bias;
} Place;

static Place place_of(const CnMatrix *m, char *panels, uint32_t row)
{
  const uint32_t whole = CN_PANEL * CN_GRANULE;
  const uint32_t panel = row / whole;
  uint32_t granules = (m->rows - panel * whole) / CN_GRANULE;
  if (granules > CN_PANEL) granules = CN_PANEL;
  char *base = panels + panel * cn_panel_bytes(m, CN_PANEL);
  const uint32_t at = row % whole;
  return (Place){
      .weight = base + (size_t)at * 4,
      .step = (size_t)granules * 4 * CN_GRANULE,
      .scale = (float *)(void *)(base + cn_panel_scales(m, granules)) + at,
      .rows = (size_t)granules * CN_GRANULE,
      .bias = (float *)(void *)(base + cn_panel_biases(m, granules)) + at,
  };
}

static void put_float(CnForm form, const Place *place, const float *row, uint32_t cols)
{
  for (uint32_t j = 0; j < cols; ++j) {
    if (form == CN_FORM_F32) {
      memcpy(place->weight + j * place->step, &row[j], sizeof *row);
    } else {
      const uint16_t half = cn_round_bf16(row[j]);
      memcpy(place->weight + j / 2 * place->step + j % 2 * 2, &half, sizeof half);
    }
  }
}

static void put_whole(const CnMatrix *m, uint8_t flip, const Place *place, const int8_t *row,
                      uint32_t cols)
{
  for (uint32_t j = 0; j < cn_stored_columns(m); ++j) {
    const int number = j < cols ? row[j] : 0;
    if (m->form == CN_FORM_INT8) {
      place->weight[j / 4 * place->step + j % 4] = (char)((uint8_t)number ^ flip);
      continue;
    }
    char *byte = place->weight + j / 8 * place->step + j % 4;
    if (j % 8 < 4) *byte = (char)((number + 8) & 15);
    else *byte = (char)((uint8_t)*byte | (uint8_t)(number + 8) << 4);
  }
}

/// One row of a piece, rounded to the matrix's form unless the file holds it so.
static void put_row(const Packer *packer, const CnMatrix *m, const Place *place,
                    const CnPiece *piece, uint32_t row, uint32_t cols)
{
  const float *weight = piece->weight + row * piece->row_step;
  if (m->form == CN_FORM_F32 || m->form == CN_FORM_BF16) {
    put_float(m->form, place, weight, cols);
    return;
  }
  int8_t number[CN_MAX_INNER];
  float scale[CN_MAX_INNER / CN_GROUP];
  if (m->form == CN_FORM_INT8 && piece->quant && piece->groups == m->groups) {
    memcpy(number, piece->quant + row * piece->row_step, cols);
    memcpy(scale, piece->scale + (size_t)row * m->groups, m->groups * sizeof *scale);
  } else {
    cn_round_row(weight, cols, m->groups, m->form == CN_FORM_INT4 ? 7 : 127, number, scale);
  }
  put_whole(m, packer->kernels->flip, place, number, cols);
  for (uint32_t g = 0; g < m->groups; ++g) place->scale[g * place->rows] = scale[g];
}

/// An integer row of zeros is not all zero bytes: offset or flip.
static void put_zeros(const Packer *packer, const CnMatrix *m, const Place *place)
{
  if (m->form == CN_FORM_INT8 || m->form == CN_FORM_INT4)
    put_whole(m, packer->kernels->flip, place, NULL, 0);
}

/// The groups that a matrix is packed in: int4 always in runs of CN_GROUP, int8 as the file has it.
static uint32_t groups_of(const Packer *packer, const CnPiece *piece, uint32_t pieces,
                          uint32_t cols)
{
  if (packer->form == CN_FORM_INT4) return cols % CN_GROUP == 0 ? cols / CN_GROUP : 1;
  uint32_t groups = piece[0].quant ? piece[0].groups : 1;
  for (uint32_t i = 1; i < pieces; ++i)
    if (!piece[i].quant || piece[i].groups != groups) groups = 1;
  return cols % (groups * cn_form_columns(CN_FORM_INT8)) == 0 ? groups : 1;
}

CnMatrix cn_pack_matrix(Packer *packer, const CnPiece *piece, uint32_t pieces, uint32_t cols)
{
  CnMatrix m = {
      .form = packer->form, .cols = cols, .groups = groups_of(packer, piece, pieces, cols)};
  for (uint32_t i = 0; i < pieces; ++i) {
    m.rows += (piece[i].rows + CN_GRANULE - 1) / CN_GRANULE * CN_GRANULE;
    packer->macs += (uint64_t)piece[i].rows * cols;
  }
  const uint32_t granules = m.rows / CN_GRANULE;
  size_t bytes = granules / CN_PANEL * cn_panel_bytes(&m, CN_PANEL);
  if (granules % CN_PANEL != 0) bytes += cn_panel_bytes(&m, granules % CN_PANEL);
  char *panels = take(packer, bytes);
  m.panel = panels;
  cn_pack_wide(packer, m.rows);
  cn_pack_wide(packer, cols);
  for (uint32_t i = 0, at = 0; panels && i < pieces; ++i) {
    const uint32_t end = at + (piece[i].rows + CN_GRANULE - 1) / CN_GRANULE * CN_GRANULE;
    for (uint32_t row = 0; at < end; ++row, ++at) {
      const Place place = place_of(&m, panels, at);
      if (row >= piece[i].rows) {
        put_zeros(packer, &m, &place);
        continue;
      }
      put_row(packer, &m, &place, &piece[i], row, cols);
      if (piece[i].bias) *place.bias = piece[i].bias[row];
    }
  }
  return m;
}

CnMatrix cn_pack_dense(Packer *packer, const char *name, uint32_t rows, uint32_t cols)
{
  const CnPiece piece = cn_pack_piece(packer, name, rows, cols);
  return cn_pack_matrix(packer, &piece, 1, cols);
}

CnDiagonal cn_pack_diagonal(Packer *packer, const float *weight, const float *bias, uint32_t blocks,
                            uint32_t rows, uint32_t cols)
{
  const size_t all = (size_t)blocks * rows;
  const size_t padded = (all + CN_GRANULE - 1) / CN_GRANULE * CN_GRANULE;
  float *w = cn_pack_take(packer, padded * cols);
  float *b = cn_pack_take(packer, padded);
  for (size_t row = 0; w && row < all; ++row) {
    float *to = w + row / CN_GRANULE * CN_GRANULE * cols + row % CN_GRANULE;
    for (uint32_t col = 0; col < cols; ++col)
      to[(size_t)col * CN_GRANULE] = weight[row * cols + col];
    b[row] = bias[row];
  }
  packer->macs += all * cols;
  cn_pack_wide(packer, padded);
  cn_pack_wide(packer, (size_t)blocks * cols);
  return (CnDiagonal){blocks, rows, cols, b, w};
}
