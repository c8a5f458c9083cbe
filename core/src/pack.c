// SPDX-License-Identifier: ISC
#include "pack.h"

#include "alloc.h"

#include <stdio.h>
#include <string.h>

const float *cn_pack_tensor(Packer *packer, const char *name)
{
  const CnParams *params = &packer->weights->params;
  char full[96];
  snprintf(full, sizeof full, "%s%s", packer->prefix, name);
  for (size_t i = 0; i < params->size; ++i) {
    const size_t at = (packer->next + i) % params->size;
    if (strcmp(params->param[at].name, full) != 0) continue;
    packer->next = at + 1;
    return packer->weights->data + params->param[at].offset;
  }
  return NULL;
}

float *cn_pack_take(Packer *packer, size_t floats)
{
  const size_t at = cn_carve(&packer->floats, floats);
  return packer->arena ? packer->arena + at : NULL;
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

CnMatrix cn_pack_matrix(Packer *packer, const float *weight, size_t row_step, const float *bias,
                        uint32_t rows, uint32_t cols)
{
  const size_t padded = ((size_t)rows + CN_PANEL - 1) / CN_PANEL * CN_PANEL;
  float *b = cn_pack_take(packer, padded);
  float *w = cn_pack_take(packer, padded * cols);
  for (uint32_t row = 0; w && row < rows; ++row) {
    float *to = w + (size_t)(row / CN_PANEL) * cols * CN_PANEL + row % CN_PANEL;
    for (uint32_t col = 0; col < cols; ++col)
      to[(size_t)col * CN_PANEL] = weight[row * row_step + col];
    if (bias) b[row] = bias[row];
  }
  packer->macs += (uint64_t)rows * cols;
  cn_pack_wide(packer, padded);
  cn_pack_wide(packer, cols);
  return (CnMatrix){rows, cols, b, w};
}

CnMatrix cn_pack_dense(Packer *packer, const char *name, uint32_t rows, uint32_t cols)
{
  char full[32];
  snprintf(full, sizeof full, "%s.weight", name);
  const float *weight = cn_pack_tensor(packer, full);
  snprintf(full, sizeof full, "%s.bias", name);
  return cn_pack_matrix(packer, weight, cols, cn_pack_tensor(packer, full), rows, cols);
}

CnDiagonal cn_pack_diagonal(Packer *packer, const float *weight, const float *bias, uint32_t blocks,
                            uint32_t rows, uint32_t cols)
{
  const uint32_t groups = (rows + CN_QUAD - 1) / CN_QUAD;
  float *b = cn_pack_take(packer, (size_t)blocks * groups * CN_QUAD);
  float *w = cn_pack_take(packer, (size_t)blocks * groups * CN_QUAD * cols);
  for (uint32_t block = 0; w && block < blocks; ++block) {
    for (uint32_t row = 0; row < rows; ++row) {
      const size_t group = (size_t)block * groups + row / CN_QUAD;
      const size_t from = (size_t)block * rows + row;
      for (uint32_t col = 0; col < cols; ++col)
        w[(group * cols + col) * CN_QUAD + row % CN_QUAD] = weight[from * cols + col];
      b[group * CN_QUAD + row % CN_QUAD] = bias[from];
    }
  }
  packer->macs += (uint64_t)blocks * rows * cols;
  cn_pack_wide(packer, (size_t)blocks * rows);
  cn_pack_wide(packer, (size_t)blocks * cols);
  return (CnDiagonal){blocks, rows, cols, b, w};
}
