// SPDX-License-Identifier: ISC
// A checkpoint's tensors under our names, still in Flax's shapes.
#ifndef TRAINER_FLAX_TREE_H
#define TRAINER_FLAX_TREE_H

#include "flax.h"
#include "msgpack.h"

#include "config.h"

/// How the dimensions of a tensor change places.
typedef enum FlaxTurn {
  FLAX_COPY,
  FLAX_REVERSE, ///< [a][b][c] -> [c][b][a]: dense and conv kernels
  FLAX_FLIP,    ///< the same with a backwards: the up-pool is run as a convolution
  FLAX_INNER    ///< [a][b][c] -> [a][c][b]: block-diagonal weights
} FlaxTurn;

typedef struct FlaxTensor {
  const MsgLeaf *leaf;
  char name[64]; ///< ours
  FlaxTurn turn;
} FlaxTensor;

typedef struct FlaxTree {
  const char *file;
  FlaxTensor *tensor;
  size_t tensors;
  uint32_t levels; ///< one more than the deepest met
} FlaxTree;

/// The leaves below `root` ("weights_ema/params/" and the like). A name that our model has no place
/// for is refused. free() out->tensor.
CenoteStatus flax_names(const char *file, const MsgTree *leaves, const char *root, FlaxTree *out,
                        CenoteError *err);

/// NULL: there is none such.
const FlaxTensor *flax_find(const FlaxTree *tree, const char *name);

/// The configuration that names and shapes tell, with what they do not tell from `options`.
CenoteStatus flax_config(const FlaxTree *tree, const FlaxOptions *options, CnConfig *out,
                         CenoteError *err);

#endif
