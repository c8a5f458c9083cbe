// SPDX-License-Identifier: ISC
// The inner loops, one table per instruction set. Every table sums in the same order and rounds
// every product (no fused multiply-add in `scalar` and `portable`), so these two give the same
// bits on every machine.
#ifndef CN_KERNELS_H
#define CN_KERNELS_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stdint.h>

enum {
  CN_PANEL = 16, ///< rows of a panel of a packed matrix
  CN_QUAD = 4    ///< rows of a group of a packed block-diagonal matrix
};

/// Dense matrix [rows][cols] packed for a step: panels of CN_PANEL rows, in a panel column by
/// column; rows past the last are zero.
typedef struct CnMatrix {
  uint32_t rows;
  uint32_t cols;
  const float *bias;   ///< [rows rounded up to CN_PANEL]
  const float *weight; ///< [panel][cols][CN_PANEL]
} CnMatrix;

/// Block-diagonal matrix: `blocks` dense [rows][cols] ones side by side, packed in groups of
/// CN_QUAD rows; rows past a block's last are zero.
typedef struct CnDiagonal {
  uint32_t blocks;
  uint32_t rows; ///< of one block
  uint32_t cols;
  const float *bias;   ///< [blocks][rows rounded up to CN_QUAD]
  const float *weight; ///< [blocks][group][cols][CN_QUAD]
} CnDiagonal;

/// Parameters of one RG-LRU or LRU layer, `units` numbers each.
typedef struct CnRecurrence {
  uint32_t units;
  bool input_norm;
  const float *rate;    ///< RG-LRU: log_a_scale * softplus(a_real)
  const float *angle;   ///< RG-LRU: a_imag; NULL with only_real
  const float *a_re;    ///< LRU: a
  const float *a_im;    ///< LRU: NULL with only_real
  const float *rest_re; ///< LRU: what rounding a_re to float left over
  const float *rest_im;
  const float *scale; ///< LRU: sqrt(1 - |a|^2), or 1 without input_norm
} CnRecurrence;

/// Slack that a result may be written past its end, in floats.
enum { CN_SLACK = 16 };

typedef struct CnKernels {
  const char *name;
  bool (*usable)(void); ///< CPU and operating system both
  /// y[rows, rounded up to CN_PANEL] = m x + bias; x[cols]
  void (*matvec)(float *restrict y, const CnMatrix *m, const float *restrict x);
  /// y[blocks * rows, + slack] = m x + bias; x[blocks * cols]
  void (*diagonal)(float *restrict y, const CnDiagonal *m, const float *restrict x);
  /// y[n] = (x - mean) / sqrt(var + eps) * weight + bias; eps 1e-6
  void (*layer_norm)(float *restrict y, const float *restrict x, const float *weight,
                     const float *bias, uint32_t n);
  /// y[n] = x / sqrt(mean(x^2) + eps) * weight; eps 1e-6
  void (*rms_norm)(float *restrict y, const float *restrict x, const float *weight, uint32_t n);
  /// y[n] *= gelu(gate[n])
  void (*gate)(float *restrict y, const float *restrict gate, uint32_t n);
  /// y[n] = gelu(y)
  void (*gelu)(float *y, uint32_t n);
  /// y[n] += x
  void (*add)(float *restrict y, const float *restrict x, uint32_t n);
  /// h = a h + sqrt(1 - |a|^2) sigmoid(gx) u, a of sigmoid(ga): MODEL.md section 3. h and u are
  /// the real parts [units], then (unless angle is NULL) the imaginary ones.
  void (*rglru)(float *restrict h, const CnRecurrence *r, const float *u, const float *gx,
                const float *ga);
  /// The same with constant a and no gates.
  void (*lru)(float *restrict h, const CnRecurrence *r, const float *u);
  /// Elementary functions over n numbers, for tests: x is read, y is written.
  void (*exp)(float *y, const float *x, uint32_t n);   ///< clamped to finite results
  void (*expm1)(float *y, const float *x, uint32_t n); ///< same
  void (*sigmoid)(float *y, const float *x, uint32_t n);
  void (*sincos)(float *s, float *c, const float *x, uint32_t n); ///< |x| up to 8192
} CnKernels;

extern const CnKernels cn_kernels_scalar;   ///< the reference: plain, one number at a time
extern const CnKernels cn_kernels_portable; ///< the compiler's vectors: the fallback everywhere

/// Usable tables, best first, NULL at the end.
const CnKernels *const *cn_kernels_all(void);

/// The best table, or the one that `name` (from CENOTE_ISA; may be NULL) asks for; NULL when there
/// is no such usable one.
const CnKernels *cn_kernels_choose(const char *name);

#endif
