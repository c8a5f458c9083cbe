// SPDX-License-Identifier: ISC
// MODEL.md once more, in double and as plainly as it can be written, to judge the engines by on
// configurations that no golden case has. And such configurations, made by chance.
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

/// Write model number `seed`: odd sizes, random weights. Fails the running test when it cannot.
void reference_model(const char *path, uint64_t seed);

/// logits[steps][256] of the model at `path`, and the mean of their bits.
double reference_listen(const char *path, const uint8_t *codes, size_t steps, float *logits);

#endif
