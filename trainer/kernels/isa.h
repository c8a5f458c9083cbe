// SPDX-License-Identifier: ISC
// One build of the kernels: its vectors, its tiles, and the names of its functions, which end in
// TRAINER_ISA. The build file gives the flags; nothing here chooses.
#ifndef TRAINER_ISA_H
#define TRAINER_ISA_H

#include "kernels/ops.h"

#ifndef TRAINER_ISA
#error "the build gives TRAINER_ISA, the name of this build of the kernels"
#endif

#define OPS_PASTE2(name, isa) name##_##isa
#define OPS_PASTE(name, isa) OPS_PASTE2(name, isa)
#define OP(name) OPS_PASTE(ops_##name, TRAINER_ISA)

// A tile of a product: TILE_ROWS x TILE_VECS vectors stay in registers.
#if defined(__AVX512F__)
#define VEC_BYTES 64
#define TILE_VECS 4
#elif defined(__AVX2__)
#define VEC_BYTES 32
#define TILE_VECS 2
#elif defined(__aarch64__)
#define VEC_BYTES 16
#define TILE_VECS 4
#else
#define VEC_BYTES 16
#define TILE_VECS 2
#endif
enum { TILE_ROWS = 6, LANES = VEC_BYTES / sizeof(real), PANEL = LANES * TILE_VECS };

typedef real Vec __attribute__((vector_size(VEC_BYTES), aligned(sizeof(real)), may_alias));
/// For what comes in eights at most.
typedef real Vec8 __attribute__((vector_size(8 * sizeof(real)), aligned(sizeof(real)), may_alias));

extern const Ops OP(table);

size_t OP(packed_size)(size_t depth, size_t cols);
void OP(pack)(const real *w, size_t rows, size_t cols, real *forward, real *backward);
Operand OP(left)(const real *x, size_t ldx, size_t rows, size_t cols, real *room);
void OP(multiply)(Operand x, size_t rows, const real *packed, size_t depth, size_t cols,
                  const real *bias, const real *base, real *y, size_t ldy);
Operand OP(side)(const real *x, size_t ldx, size_t rows, size_t cols, real *room);
void OP(outer)(Operand y, Operand x, size_t rows, size_t n, size_t k, real *w);
void OP(sum_rows)(const real *x, size_t ldx, size_t rows, size_t cols, real *sum);

void OP(norm)(const real *x, size_t rows, size_t width, const real *weight, const real *bias,
              bool rms, real *y, real *stats);
void OP(norm_again)(const real *x, size_t rows, size_t width, const real *weight, const real *bias,
                    const real *stats, real *y);
void OP(norm_back)(const real *x, const real *dy, const real *stats, size_t rows, size_t width,
                   const real *weight, bool rms, real *dx, real *dweight, real *dbias);
void OP(gelu)(const real *b, const real *g, size_t n, real *z);
void OP(gelu_back)(const real *b, const real *g, size_t n, real *dz, real *z, real *dg);
void OP(dropout)(const real *x, const real *y, size_t rows, size_t width, uint64_t key,
                 uint64_t first, uint32_t threshold, real scale, real *out);

size_t OP(gates_size)(const Gates *gates);
void OP(gates_pack)(const Gates *gates, real *packed);
void OP(gates)(const Gates *gates, const real *packed, const real *u, size_t rows, real *lx,
               real *la);
void OP(gates_back)(const Gates *gates, const real *packed, const real *u, const real *dlx,
                    const real *dla, size_t rows, real *du, real *dweight_x, real *dweight_a,
                    real *dbias_x, real *dbias_a);

void OP(scan)(const Rates *rates, const real *lx, const real *la, const real *u, size_t rows,
              const real *before, real *h);
void OP(scan_back)(const Rates *rates, real *lx, real *la, const real *u, const real *h,
                   const real *before, const real *dh, size_t rows, real *carry, real *du,
                   real *drate, real *dangle);
void OP(lru)(const double *re, const double *im, const double *in, size_t units, const real *u,
             size_t rows, const real *before, real *h);
void OP(lru_back)(const double *re, const double *im, const double *in, size_t units, const real *u,
                  const real *h, const real *before, const real *dh, size_t rows, real *carry,
                  real *du, real *sums);

double OP(loss)(real *logits, const uint8_t *codes, const bool *count, size_t rows, bool gradient);
void OP(pool_down)(const PoolShape *pool, const real *x, size_t rows, const real *weight,
                   const real *bias, real *y);
void OP(pool_up)(const PoolShape *pool, const real *y, size_t rows, const real *weight,
                 const real *bias, real *x);
void OP(pool_down_back)(const PoolShape *pool, const real *x, const real *dy, size_t rows,
                        const real *weight, real *dx, real *dweight);
void OP(pool_up_back)(const PoolShape *pool, const real *y, const real *dx, size_t rows,
                      const real *weight, real *dy, real *dweight);
double OP(sum_squares)(const real *x, size_t n);
void OP(adam)(const AdamStep *step, size_t n, const real *g, real *w, real *m, real *v, real *ema);

#endif
