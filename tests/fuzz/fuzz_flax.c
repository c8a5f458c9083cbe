// SPDX-License-Identifier: ISC
// Any bytes as a Flax checkpoint: refused with a line that names it, or weights.
#include "flax.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
  CenoteError err = {""};
  const CenoteStatus status =
      flax_import_bytes("run_7", bytes, size, "/dev/null", &flax_defaults, &err);
  if (status == CENOTE_OK || strncmp(err.text, "run_7: ", 7) == 0) return 0;
  fprintf(stderr, "refused without its name: %s\n", err.text);
  abort();
}
