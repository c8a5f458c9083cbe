// SPDX-License-Identifier: ISC
// The tensors that a configuration asks for: MODEL.md section 6's table, walked once, in the order
// in which a step meets them. Loading, packing and training all go by this list.
#ifndef CN_PARAMS_H
#define CN_PARAMS_H

#include "config.h"

#include <stddef.h>

/// One run of residual blocks of a level.
typedef enum CnStack { CN_DOWN, CN_UP, CN_DEEPEST } CnStack;

typedef struct CnParam {
  char name[64];
  uint32_t rank;
  uint32_t dim[3];
  uint64_t count;  ///< product of dim
  uint64_t offset; ///< of the first float in the weights' arena
  /// Of a dense product over whole rows, which a file may hold as int8 (MODEL.md section 6): gate,
  /// out, mlp, rnn.in, rnn.out and head. Dense pools and convs are products too, but a step cuts or
  /// turns their rows, so that a scale a row would not be what it is packed with; they stay float.
  bool matrix;
  // Where the file holds it as int8, those numbers beside the floats that they stand for.
  const int8_t *quant; ///< [rows][cols]; NULL: not so
  const float *scale;  ///< [rows][groups]
  uint32_t groups;
} CnParam;

typedef struct CnParams {
  CnParam *param;
  size_t size;
  uint64_t floats; ///< all counts together
} CnParams;

/// Refuses configurations of more than 2^32 weights.
CenoteStatus cn_params_new(const char *name, const CnConfig *config, CnParams *out,
                           CenoteError *err);
void cn_params_clear(CnParams *params);

/// Residual blocks of a stack of level i, and what block j mixes with: each entry of the list is
/// that entry's block, then an mlp block; up stacks run the list backwards.
uint32_t cn_stack_blocks(const CnConfig *config, uint32_t level, CnStack stack);
CnEntry cn_stack_entry(const CnConfig *config, uint32_t level, CnStack stack, uint32_t block);

/// "levels.2.down" and the like. At most 24 characters.
void cn_stack_name(uint32_t level, CnStack stack, char name[static 24]);

#endif
