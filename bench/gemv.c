// SPDX-License-Identifier: ISC
// The library's matrix-vector products on the chain of gemv_chain.h, bias and narrowing of the
// input included: what peer_opus.sh times of Opus. CENOTE_ISA chooses the kernels. Prints one JSON
// object a line.
#include "gemv_chain.h"

#include "kernels/kernels.h"
#include "pack.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct Chain {
  const CnKernels *kernels;
  CnMatrix matrix[GEMV_STREAM];
} Chain;

static void multiply(const void *data, size_t index, float *y, const float *x)
{
  const Chain *chain = data;
  const CnMatrix *m = &chain->matrix[index];
  uint16_t room[GEMV_WIDE + 32];
  CnVector vector = {.narrow = room};
  const CnVector *in = &vector;
  chain->kernels->narrow(&vector, m->form, x, m->cols, CN_UNKNOWN);
  chain->kernels->product(&y, m, &in, 1, false);
}

/// As a model is packed: once to count, once to fill.
static void pack(Chain *chain, Packer *packer, const float *weight)
{
  static const float bias[GEMV_WIDE];
  packer->bytes = 0;
  for (size_t i = 0; i < GEMV_STREAM; ++i) {
    // Another start for each matrix; so many numbers lie behind it.
    const CnPiece piece = {
        .weight = weight + i, .bias = bias, .rows = gemv_rows(i), .row_step = gemv_cols(i)};
    chain->matrix[i] = cn_pack_matrix(packer, &piece, 1, gemv_cols(i));
  }
}

static bool prepare(Chain *chain, CnForm form)
{
  const size_t count = GEMV_NARROW * GEMV_WIDE + GEMV_STREAM;
  float *weight = malloc(count * sizeof *weight);
  Packer packer = {.kernels = chain->kernels, .form = form};
  uint32_t state = 1;
  for (size_t i = 0; weight && i < count; ++i) weight[i] = 0.1f * gemv_random(&state);
  pack(chain, &packer, weight);
  packer.arena = gemv_memory(packer.bytes);
  if (weight && packer.arena) pack(chain, &packer, weight);
  free(weight);
  return weight && packer.arena;
}

int main(void)
{
  static const struct {
    const char *name;
    const char *precision;
    CnForm form;
  } runs[] = {{"gemv_f32", "f32", CN_FORM_F32}, {"gemv_int8", "int8", CN_FORM_INT8}};
  Chain chain = {.kernels = cn_kernels_choose(getenv("CENOTE_ISA"))};
  if (!chain.kernels) return fputs("gemv: CENOTE_ISA names no usable kernels\n", stderr), 1;
  for (size_t i = 0; i < sizeof runs / sizeof *runs; ++i) {
    char extra[80];
    if (!prepare(&chain, runs[i].form)) return fputs("gemv: out of memory\n", stderr), 1;
    snprintf(extra, sizeof extra, "\"precision\":\"%s\",\"kernel\":\"%s\"", runs[i].precision,
             chain.kernels->name);
    gemv_report(runs[i].name, extra, multiply, &chain);
  }
  return 0;
}
