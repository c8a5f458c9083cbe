// SPDX-License-Identifier: ISC
// The inner loops, one table per instruction set. Every table sums in the same order and rounds
// every product (no fused multiply-add), so all tables give the same bits, in each precision.
#ifndef CN_KERNELS_H
#define CN_KERNELS_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CN_GRANULE = 16, ///< rows that lie side by side in a packed matrix
  CN_PANEL = 4,    ///< granules of a panel at most
  CN_BATCH = 16    ///< voices that go through the weights together at most
};

/// Sizes below this one count as it, so that dividing by the largest stays finite.
#define CN_LEAST 1e-30f
/// No bits of a size.
#define CN_UNKNOWN 0xffffffffu

/// How the numbers of a product are stored: weights and the vector they meet.
typedef enum CnForm {
  CN_FORM_F32,
  CN_FORM_BF16, ///< both in bfloat16, products exact, sums in float32
  CN_FORM_INT8, ///< both in -127..127, sums exact in int32, a scale a row and a scale a vector
  CN_FORM_INT4  ///< the weights in -7..7
} CnForm;

/// Columns that a form takes at a time: 4 bytes of a row.
static inline uint32_t cn_form_columns(CnForm form)
{
  return form == CN_FORM_F32 ? 1 : form == CN_FORM_BF16 ? 2 : form == CN_FORM_INT8 ? 4 : 8;
}

/// Dense matrix [rows][cols] in the order in which a step reads it: panels of up to CN_PANEL
/// granules of CN_GRANULE rows. A panel is, columns outermost, 64 bytes for each granule: 4 bytes a
/// row, which are 1 f32, 2 bf16, 4 int8, or 8 int4 (low halves the first four columns, offset 8);
/// then for integers the scales, f32 [groups][rows]; then the biases, f32 [rows].
typedef struct CnMatrix {
  CnForm form;
  uint32_t rows; ///< a multiple of CN_GRANULE; 0: there is no such matrix
  uint32_t cols;
  uint32_t groups; ///< equal parts of the columns with a scale of their own, for integers; 1, or
                   ///< each of whole runs
  const void *panel;
} CnMatrix;

/// The columns rounded up to whole runs of cn_form_columns, as they are stored; zeros at the end.
static inline uint32_t cn_stored_columns(const CnMatrix *m)
{
  const uint32_t take = cn_form_columns(m->form);
  return (m->cols + take - 1) / take * take;
}

/// Bytes of a panel of so many granules, and where its scales and biases begin in it.
static inline size_t cn_panel_scales(const CnMatrix *m, uint32_t granules)
{
  return (size_t)(cn_stored_columns(m) / cn_form_columns(m->form)) * granules * 4 * CN_GRANULE;
}

static inline size_t cn_panel_biases(const CnMatrix *m, uint32_t granules)
{
  const size_t scales = m->form == CN_FORM_INT8 || m->form == CN_FORM_INT4 ? m->groups : 0;
  return cn_panel_scales(m, granules) + scales * granules * 4 * CN_GRANULE;
}

static inline size_t cn_panel_bytes(const CnMatrix *m, uint32_t granules)
{
  return cn_panel_biases(m, granules) + (size_t)granules * 4 * CN_GRANULE;
}

/// What a matrix is multiplied with: cols numbers, as floats and in the matrix's form.
typedef struct CnVector {
  const float *wide;
  void *narrow;  ///< room[cols + 63] for bf16 or int8 numbers; zeros follow the last
  int32_t total; ///< sum of the int8 numbers
  float scale;   ///< of the int8 numbers; NaN when a number was not finite
} CnVector;

/// Block-diagonal matrix: `blocks` dense [rows][cols] ones side by side. All rows of all blocks in
/// one list, packed in granules [granule][cols][CN_GRANULE].
typedef struct CnDiagonal {
  uint32_t blocks;
  uint32_t rows; ///< of one block
  uint32_t cols;
  const float *bias;   ///< [blocks * rows, rounded up to CN_GRANULE]
  const float *weight; ///< [granule][cols][CN_GRANULE]
} CnDiagonal;

/// Parameters of one RG-LRU or LRU layer, `units` numbers each.
typedef struct CnRecurrence {
  uint32_t units;
  bool input_norm;
  bool near;            ///< RG-LRU: every |angle| <= pi/2
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
  uint8_t flip;         ///< what the packed int8 numbers are xored with, for this table
  /// y[v][m->rows] = m x[v] + bias, for each voice by itself; added to y[v] if `add`.
  void (*product)(float *const *y, const CnMatrix *m, const CnVector *const *x, uint32_t voices,
                  bool add);
  /// Make a vector of x[n] in a form; `to` has its room. x stays borrowed. `most` are the bits of
  /// the largest size in x, as some functions below return them; CN_UNKNOWN: they are found here.
  void (*narrow)(CnVector *to, CnForm form, const float *x, uint32_t n, uint32_t most);
  /// y[blocks * rows, + slack] = m x + bias; x[blocks * cols]
  void (*diagonal)(float *restrict y, const CnDiagonal *m, const float *restrict x);
  /// The same with two matrices of one shape.
  void (*diagonals)(float *restrict y, float *restrict z, const CnDiagonal *m, const CnDiagonal *n,
                    const float *restrict x);
  /// y[n] = (x - mean) / sqrt(var + eps) * weight + bias; eps 1e-6
  void (*layer_norm)(float *restrict y, const float *restrict x, const float *weight,
                     const float *bias, uint32_t n);
  /// The same, with the variance from one pass, for what is rounded to 8 bits next. Returns the
  /// bits of y's largest size.
  uint32_t (*layer_norm_brief)(float *restrict y, const float *restrict x, const float *weight,
                               const float *bias, uint32_t n);
  /// y[n] = x / sqrt(mean(x^2) + eps) * weight; eps 1e-6
  void (*rms_norm)(float *restrict y, const float *restrict x, const float *weight, uint32_t n);
  /// y[n] *= gelu(gate[n]).
  void (*gate)(float *restrict y, const float *restrict gate, uint32_t n);
  /// The same to four digits, for what is rounded to 8 bits next. Returns the bits of y's largest
  /// size.
  uint32_t (*gate_brief)(float *restrict y, const float *restrict gate, uint32_t n);
  /// y[n] = gelu(y)
  void (*gelu)(float *y, uint32_t n, bool brief);
  /// y[n] += x
  void (*add)(float *restrict y, const float *restrict x, uint32_t n);
  /// y[n] += w x
  void (*multiply_add)(float *restrict y, const float *restrict w, const float *restrict x,
                       uint32_t n);
  /// h = a h + sqrt(1 - |a|^2) sigmoid(gx) u, a of sigmoid(ga): MODEL.md section 3. h and u are
  /// the real parts [units], then (unless angle is NULL) the imaginary ones. `brief` is of the
  /// gates; a stays as exact.
  void (*rglru)(float *restrict h, const CnRecurrence *r, const float *u, const float *gx,
                const float *ga, bool brief);
  /// The same with constant a and no gates.
  void (*lru)(float *restrict h, const CnRecurrence *r, const float *u);
  /// y[n] = e^((x - top) / temperature) in double; n a multiple of CN_GRANULE
  void (*weigh)(double *restrict y, const float *restrict x, double top, double temperature,
                uint32_t n);
  /// Elementary functions over n numbers, for tests: x is read, y is written.
  void (*exp)(float *y, const float *x, uint32_t n);   ///< clamped to finite results
  void (*expm1)(float *y, const float *x, uint32_t n); ///< same
  void (*sigmoid)(float *y, const float *x, uint32_t n);
  void (*sincos)(float *s, float *c, const float *x, uint32_t n); ///< |x| up to 8192
} CnKernels;

extern const CnKernels cn_kernels_scalar;   ///< the reference: plain, one number at a time
extern const CnKernels cn_kernels_portable; ///< the compiler's vectors: the fallback everywhere
extern const CnKernels cn_kernels_avx2;     ///< x86-64
extern const CnKernels cn_kernels_avx512;   ///< x86-64, with VNNI and BF16
extern const CnKernels cn_kernels_amx;      ///< the same, and tiles for int8 and several voices
extern const CnKernels cn_kernels_neon;     ///< aarch64, with the dot product

/// Tables of this build, best first, NULL at the end.
const CnKernels *const *cn_kernels_all(void);

/// The best usable table, or the one that `name` (from CENOTE_ISA; may be NULL) asks for; NULL when
/// there is no such usable one.
const CnKernels *cn_kernels_choose(const char *name);

#endif
