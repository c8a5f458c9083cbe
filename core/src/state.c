// SPDX-License-Identifier: ISC
// Saying why a saved state is refused; cenote_voice_restore only says that it is.
#include "rt/rt.h"
#include "status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

CenoteStatus cenote_state_check(const CenoteModel *model, const void *state, size_t bytes,
                                CenoteError *err)
{
  if (cn_state_valid(model, state, bytes)) return CENOTE_OK;
  CnState head;
  if (bytes < sizeof head)
    return cn_fail(err, CENOTE_BAD_STATE, "%zu bytes, too short for a saved state", bytes);
  memcpy(&head, state, sizeof head);
  if (memcmp(head.magic, "CENOTE1", sizeof head.magic) == 0)
    return cn_fail(err, CENOTE_BAD_STATE, "a state saved before levels had controls");
  if (memcmp(head.magic, "CENOTE2", sizeof head.magic) != 0)
    return cn_fail(err, CENOTE_BAD_STATE, "not a saved state");
  head.model_name[sizeof head.model_name - 1] = '\0';
  if (head.model_hash != model->info.hash)
    return cn_fail(err, CENOTE_BAD_STATE,
                   "a state of model %s (%016" PRIx64 "), not of %s (%016" PRIx64 ")",
                   head.model_name, head.model_hash, model->info.name, model->info.hash);
  if (head.bytes != bytes || bytes != model->info.state_bytes)
    return cn_fail(err, CENOTE_BAD_STATE, "%zu bytes, want %zu", bytes, model->info.state_bytes);
  return cn_fail(err, CENOTE_BAD_STATE, "damaged: a field is out of its range");
}

uint64_t cenote_state_hash(const void *state, size_t bytes)
{
  CnState head;
  if (bytes < sizeof head) return 0;
  memcpy(&head, state, sizeof head);
  return memcmp(head.magic, "CENOTE2", sizeof head.magic) == 0 && head.bytes == bytes
             ? head.model_hash
             : 0;
}

void cenote_state_model(const void *state, size_t bytes, char *name, size_t size)
{
  CnState head;
  if (size == 0) return;
  name[0] = '\0';
  if (cenote_state_hash(state, bytes) == 0) return;
  memcpy(&head, state, sizeof head);
  snprintf(name, size, "%.*s", (int)sizeof head.model_name - 1, head.model_name);
}
