// SPDX-License-Identifier: ISC
#include "clip.h"

#include "cli.h"

#include <stdlib.h>

CenoteStatus clip_codes(const CenoteModel *model, const char *path, uint8_t **codes, size_t *count,
                        CenoteError *err)
{
  float *samples;
  *codes = NULL;
  CenoteStatus status =
      clip_samples(path, cenote_model_info(model)->sample_rate_hz, NULL, &samples, count, err);
  if (status != CENOTE_OK) return status;
  *codes = malloc(*count);
  if (*codes) cenote_model_encode(model, samples, *count, *codes);
  else status = cli_error(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  free(samples);
  return status;
}
