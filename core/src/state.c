// SPDX-License-Identifier: ISC
// Saved states as files hold them: sealed by a check sum, and refused with a reason, where
// cenote_voice_restore only says that they are.
#include "hash.h"
#include "rt/rt.h"
#include "status.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/// Over all but the seal itself; never 0, which is no seal.
static uint64_t check_sum(const void *state, size_t bytes)
{
  const unsigned char *at = state;
  const size_t before = offsetof(CnState, seal);
  const size_t after = before + sizeof(uint64_t);
  const uint64_t sum = cn_hash(cn_hash(0, at, before), at + after, bytes - after);
  return sum != 0 ? sum : 1;
}

/// Whether the bytes are a state's, whole, and as they were sealed if they were. The header comes
/// into *head when there are bytes enough for one.
static bool whole(const void *state, size_t bytes, CnState *head)
{
  if (bytes < sizeof *head) return false;
  memcpy(head, state, sizeof *head);
  return memcmp(head->magic, CN_STATE_MAGIC, sizeof head->magic) == 0 && head->bytes == bytes &&
         (head->seal == 0 || head->seal == check_sum(state, bytes));
}

void cenote_state_seal(void *state, size_t bytes)
{
  if (bytes < sizeof(CnState)) return;
  const uint64_t sum = check_sum(state, bytes);
  memcpy((unsigned char *)state + offsetof(CnState, seal), &sum, sizeof sum);
}

CenoteStatus cenote_state_check(const CenoteModel *model, const void *state, size_t bytes,
                                CenoteError *err)
{
  CnState head;
  const bool is_whole = whole(state, bytes, &head);
  if (is_whole && cn_state_valid(model, state, bytes)) return CENOTE_OK;
  if (bytes < sizeof head)
    return cn_fail(err, CENOTE_BAD_STATE, "%zu bytes, too short for a saved state", bytes);
  if (memcmp(head.magic, "CENOTE", 6) != 0)
    return cn_fail(err, CENOTE_BAD_STATE, "not a saved state");
  if (memcmp(head.magic, CN_STATE_MAGIC, sizeof head.magic) != 0)
    return cn_fail(err, CENOTE_BAD_STATE, "a state saved by another version of this program");
  head.model_name[sizeof head.model_name - 1] = '\0';
  if (head.model_hash != model->info.hash)
    return cn_fail(err, CENOTE_BAD_STATE,
                   "a state of model %s (%016" PRIx64 "), not of %s (%016" PRIx64 ")",
                   head.model_name, head.model_hash, model->info.name, model->info.hash);
  if (head.bytes != bytes || bytes != model->info.state_bytes)
    return cn_fail(err, CENOTE_BAD_STATE, "%zu bytes, want %zu", bytes, model->info.state_bytes);
  return cn_fail(err, CENOTE_BAD_STATE,
                 is_whole ? "damaged: a field is out of its range"
                          : "damaged: it is not what its check sum was made of");
}

uint64_t cenote_state_hash(const void *state, size_t bytes)
{
  CnState head;
  return whole(state, bytes, &head) ? head.model_hash : 0;
}

void cenote_state_model(const void *state, size_t bytes, char *name, size_t size)
{
  CnState head;
  if (size == 0) return;
  name[0] = '\0';
  if (whole(state, bytes, &head))
    snprintf(name, size, "%.*s", (int)sizeof head.model_name - 1, head.model_name);
}
