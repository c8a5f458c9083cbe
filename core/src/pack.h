// SPDX-License-Identifier: ISC
// Weights in the order in which a step reads them, in one arena. Packing runs twice over the same
// code: once with no arena, to count, and once to fill it.
#ifndef CN_PACK_H
#define CN_PACK_H

#include "rt/rt.h"
#include "weights.h"

#include <stddef.h>

typedef struct Packer {
  const CnWeights *weights;
  const CnKernels *kernels;
  CnForm form;   ///< of the dense matrices
  char *arena;   ///< NULL: only count
  size_t bytes;  ///< packed so far
  size_t state;  ///< floats of a voice's state so far
  size_t wide;   ///< longest scratch vector so far
  uint64_t macs; ///< multiply-adds of what was packed since it was last set to 0
  size_t next;   ///< where the search for a tensor begins: packing mostly follows their order
  char prefix[40];
} Packer;

/// Some rows of a matrix: element (row, col) is weight[row * row_step + col]. Where the file holds
/// them as int8, `quant` is the same place in those numbers.
typedef struct CnPiece {
  const float *weight;
  const float *bias; ///< NULL: zeros
  uint32_t rows;
  size_t row_step;
  const int8_t *quant; ///< NULL: none
  const float *scale;  ///< [rows][groups]
  uint32_t groups;
} CnPiece;

/// Tensor PREFIX + name; NULL when the configuration has none such.
const float *cn_pack_tensor(Packer *packer, const char *name);

/// Room for `floats` numbers; where they begin, or NULL while counting.
float *cn_pack_take(Packer *packer, size_t floats);

/// A copy of `count` numbers.
const float *cn_pack_copy(Packer *packer, const float *from, size_t count);

/// PREFIX + name + ".weight" and ".bias", [rows][cols].
CnPiece cn_pack_piece(Packer *packer, const char *name, uint32_t rows, uint32_t cols);

/// The pieces' rows one below the other, each piece rounded up to whole granules.
CnMatrix cn_pack_matrix(Packer *packer, const CnPiece *piece, uint32_t pieces, uint32_t cols);

/// PREFIX + name alone.
CnMatrix cn_pack_dense(Packer *packer, const char *name, uint32_t rows, uint32_t cols);

/// Block-diagonal matrix of `blocks` blocks, weight [blocks][rows][cols], bias [blocks][rows].
CnDiagonal cn_pack_diagonal(Packer *packer, const float *weight, const float *bias, uint32_t blocks,
                            uint32_t rows, uint32_t cols);

/// Note that a scratch vector of so many numbers will be needed.
void cn_pack_wide(Packer *packer, size_t floats);

/// A residual block; its tensors begin with packer->prefix.
CenoteStatus cn_pack_block(Packer *packer, uint32_t level, CnEntry entry, CnBlock *out);

#endif
