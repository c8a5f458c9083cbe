// SPDX-License-Identifier: ISC
// Golden cases: weights, codes and the float64 answers to compare with.
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

typedef struct Golden {
  char model[512]; ///< path of the weights
  size_t steps;
  uint8_t *codes; ///< [steps]
  float *logits;  ///< [steps][256]
  float nll_bits;
} Golden;

/// Names of the cases in tests/golden, NULL at the end.
extern const char *const golden_names[];

/// The path of a file of tests/golden, or below the source folder with a path of its own.
void golden_path(const char *name, char path[static 512]);

/// Fails the running test when the case cannot be read.
Golden golden_open(const char *name);
void golden_close(Golden *golden);

/// Largest |a - b| over n numbers; NaN counts as infinite.
double golden_distance(const float *a, const float *b, size_t n);

#endif
