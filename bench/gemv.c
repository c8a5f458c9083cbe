// SPDX-License-Identifier: ISC
// The library's matrix-vector products on the chain of gemv_chain.h, bias included: what
// peer_opus.sh times of Opus. CENOTE_ISA chooses the kernels. Prints one JSON object a line.
#include "gemv_chain.h"

#include "kernels/kernels.h"
#include "pack.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct Chain {
  const CnKernels *kernels;
  CnMatrix matrix[GEMV_STREAM];
} Chain;

static void multiply_f32(const void *data, size_t index, float *y, const float *x)
{
  const Chain *chain = data;
  chain->kernels->matvec(y, &chain->matrix[index], x);
}

/// As a model is packed: once to count, once to fill.
static void pack(Chain *chain, Packer *packer, const float *weight)
{
  static const float bias[GEMV_WIDE];
  packer->floats = 0;
  for (size_t i = 0; i < GEMV_STREAM; ++i) {
    const uint32_t cols = gemv_cols(i);
    // Another start for each matrix; so many rows lie behind it.
    chain->matrix[i] = cn_pack_matrix(packer, weight + i, cols, bias, gemv_rows(i), cols);
  }
}

static bool prepare(Chain *chain)
{
  const size_t count = GEMV_NARROW * GEMV_WIDE + GEMV_STREAM;
  float *weight = malloc(count * sizeof *weight);
  Packer packer = {0};
  uint32_t state = 1;
  for (size_t i = 0; weight && i < count; ++i) weight[i] = 0.1f * gemv_random(&state);
  pack(chain, &packer, weight);
  packer.arena = gemv_memory(packer.floats * sizeof(float));
  if (weight && packer.arena) pack(chain, &packer, weight);
  free(weight);
  return weight && packer.arena;
}

int main(void)
{
  Chain chain = {.kernels = cn_kernels_choose(getenv("CENOTE_ISA"))};
  if (!chain.kernels) return fputs("gemv: CENOTE_ISA names no usable kernels\n", stderr), 1;
  if (!prepare(&chain)) return fputs("gemv: out of memory\n", stderr), 1;
  char extra[80];
  snprintf(extra, sizeof extra, "\"precision\":\"f32\",\"kernel\":\"%s\"", chain.kernels->name);
  gemv_report("gemv_f32", extra, multiply_f32, &chain);
  return 0;
}
