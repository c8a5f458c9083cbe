// SPDX-License-Identifier: ISC
// Precisions by name, and which of them a file allows: `cenote quantize` measures what a precision
// costs and notes it as "precision" in the file that it writes.
#include "precision.h"

#include <string.h>

static const char *const names[] = {[CENOTE_AUTO] = "auto",
                                    [CENOTE_F32] = "f32",
                                    [CENOTE_BF16] = "bf16",
                                    [CENOTE_INT8] = "int8",
                                    [CENOTE_INT4] = "int4"};

const char *cenote_precision_name(CenotePrecision precision)
{
  return (size_t)precision < sizeof names / sizeof *names ? names[precision] : "unknown";
}

bool cenote_precision_find(const char *name, CenotePrecision *out)
{
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(name, names[i]) != 0) continue;
    *out = (CenotePrecision)i;
    return true;
  }
  return false;
}

CenotePrecision cn_precision_for(const CnWeights *weights, CenotePrecision wanted)
{
  if (wanted != CENOTE_AUTO) return wanted;
  CenotePrecision noted;
  for (size_t i = 0; i < weights->notes; ++i)
    if (strcmp(weights->note[i].key, "precision") == 0 &&
        cenote_precision_find(weights->note[i].value, &noted) && noted != CENOTE_AUTO)
      return noted;
  return CENOTE_F32;
}
