// SPDX-License-Identifier: ISC
#ifndef TRAINER_NET_H
#define TRAINER_NET_H

#include "layers.h"
#include "trainer.h"

#include "weights.h"

struct Net {
  CnWeights weights;
  Layers layers;
  real *data;   ///< the weights, as `real`
  real *packed; ///< their forms for products
  real *sine;   ///< [256][base_dim]; NULL: another input
};

#endif
