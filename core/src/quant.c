// SPDX-License-Identifier: ISC
#include "quant.h"

#include "round.h"
#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void cn_scale_name(const CnParam *param, char name[static CN_SCALE_NAME])
{
  snprintf(name, CN_SCALE_NAME, "%s.scale", param->name);
}

bool cn_quant_splits(uint64_t cols, uint64_t groups)
{
  if (groups <= 1) return groups == 1;
  return cols % groups == 0 && cols / groups % 4 == 0 && cols / groups >= CN_GROUP;
}

CenoteStatus cn_quant_check(const CnFile *file, const CnParam *param, const CnTensor *scale,
                            CenoteError *err)
{
  if (!scale)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: no tensor %s.scale, want F32 [%u, groups] beside I8",
                   file->path, param->name, param->dim[0]);
  if (scale->dtype != CN_F32)
    return cn_fail(err, CENOTE_BAD_MODEL, "%s: %s: dtype %s, want F32", file->path, scale->name,
                   scale->dtype_name);
  if (scale->rank == 2 && scale->dim[0] == param->dim[0] &&
      cn_quant_splits(param->dim[1], scale->dim[1]))
    return CENOTE_OK;
  char found[192];
  cn_shape_text(scale->rank, scale->dim, found, sizeof found);
  return cn_fail(err, CENOTE_BAD_MODEL,
                 "%s: %s: shape %s, want [%u, groups] with groups 1, or parts of the %u columns "
                 "that are multiples of 4 and at least %d",
                 file->path, scale->name, found, param->dim[0], param->dim[1], CN_GROUP);
}

CenoteStatus cn_quant_read(const CnFile *file, const CnTensor *tensor, const CnTensor *scale,
                           uint32_t groups, int8_t *number, float *size, float *out,
                           CenoteError *err)
{
  CN_TRY(cn_file_read(file, tensor, number, err));
  CN_TRY(cn_file_read(file, scale, size, err));
  for (uint64_t i = 0; i < scale->count; ++i)
    if (!isfinite(size[i]) || size[i] < 0.0f)
      return cn_fail(err, CENOTE_BAD_MODEL,
                     "%s: %s: value number %" PRIu64 " is %g, want a scale of 0 or more",
                     file->path, scale->name, i, (double)size[i]);
  const uint64_t each = tensor->dim[1] / groups;
  for (uint64_t i = 0; i < tensor->count; ++i) {
    // Kernels negate, and -(-128) is no int8.
    if (number[i] == INT8_MIN)
      return cn_fail(err, CENOTE_BAD_MODEL,
                     "%s: %s: value number %" PRIu64 " is -128, want -127 to 127", file->path,
                     tensor->name, i);
    out[i] = (float)number[i] * size[i / each];
  }
  return CENOTE_OK;
}
