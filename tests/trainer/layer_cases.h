// SPDX-License-Identifier: ISC
// The trainer's layers, each as a function of one vector and its gradient, at odd sizes.
#ifndef TESTS_LAYER_CASES_H
#define TESTS_LAYER_CASES_H

#include "kernels/ops.h"

#include <stdbool.h>
#include <stddef.h>

enum { MOST = 4096, PARTS = 6 };

/// A layer as a function of one vector, its inputs and weights part by part.
typedef struct Layer {
  const char *name;
  size_t part[PARTS]; ///< numbers of each part
  size_t outputs;
  size_t size[4]; ///< what it is made of
  bool flag;
  void (*forward)(const Ops *ops, const struct Layer *layer, real *const *in, real *out);
  void (*backward)(const Ops *ops, const struct Layer *layer, real *const *in, const real *out,
                   const real *dout, real *const *din);
  bool product; ///< rounded by tables of bfloat16
} Layer;

extern const Layer layers[];
extern const size_t layers_count;

/// Makes of any numbers such as the layer may meet.
void layer_fit(const Layer *layer, real *const *in);

#endif
