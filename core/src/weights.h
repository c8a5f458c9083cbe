// SPDX-License-Identifier: ISC
// A weights file in memory, as float32 tensors by name: what a model is packed from and what the
// whole-sequence pass and the trainer work on.
#ifndef CN_WEIGHTS_H
#define CN_WEIGHTS_H

#include "config.h"
#include "params.h"
#include "safetensors.h"

typedef struct CnNote {
  char *key;
  char *value;
} CnNote;

typedef struct CnWeights {
  CnConfig config;
  CnParams params;
  float *data;       ///< params.floats numbers; tensor p begins at params.param[p].offset
  char *config_json; ///< as in the file
  CnNote *note;      ///< other metadata, in the file's order
  size_t notes;
  uint64_t hash;      ///< of configuration and weights
  int8_t *quant;      ///< what CnParam.quant points into; NULL: no tensor of the file is int8
  float *scale;       ///< the same of CnParam.scale
  const char *stored; ///< how the file holds its matrices: "f32", "f16", "bf16", "int8"; "mixed"
} CnWeights;

/// Read a file, check it against its own configuration, widen F16, BF16 and I8. Refused: missing,
/// extra or misshapen tensors, values that are not finite, a file that ends early.
CenoteStatus cn_weights_load(const char *path, CnWeights *out, CenoteError *err);

/// The same of a file that is open.
CenoteStatus cn_weights_read(const CnFile *file, CnWeights *out, CenoteError *err);

/// A zeroed struct is fine.
void cn_weights_clear(CnWeights *weights);

/// Tensor by name; NULL when the configuration has none such.
const CnParam *cn_weights_find(const CnWeights *weights, const char *name);

/// First number of tensor `name`; NULL when there is none.
const float *cn_weights_get(const CnWeights *weights, const char *name);

/// The file's "name" note, or the path's last part without its ending. Result[size].
void cn_weights_name(const CnWeights *weights, const char *path, char *name, size_t size);

#endif
