// SPDX-License-Identifier: ISC
// Matrices of a weights file as int8: whole numbers -127..127 in NAME, and in NAME.scale the F32
// [rows][groups] that they are multiples of, one for each of `groups` equal runs of a row.
#ifndef CN_QUANT_H
#define CN_QUANT_H

#include "params.h"
#include "safetensors.h"

enum { CN_SCALE_NAME = 80 };

/// "NAME.scale".
void cn_scale_name(const CnParam *param, char name[static CN_SCALE_NAME]);

/// Whether rows of `cols` numbers may have so many scales: one, or runs of a multiple of 4 columns,
/// at least CN_GROUP, for that is how finely the kernels take them.
bool cn_quant_splits(uint64_t cols, uint64_t groups);

/// A scale tensor for `param`; NULL is a missing one, and refused.
CenoteStatus cn_quant_check(const CnFile *file, const CnParam *param, const CnTensor *scale,
                            CenoteError *err);

/// A matrix that cn_quant_check passed: number[rows * cols], size[rows * groups] and their
/// products.
CenoteStatus cn_quant_read(const CnFile *file, const CnTensor *tensor, const CnTensor *scale,
                           uint32_t groups, int8_t *number, float *size, float *out,
                           CenoteError *err);

#endif
