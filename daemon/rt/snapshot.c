// SPDX-License-Identifier: ISC
#include "rt/snapshot.h"

#include "rt/engine_struct.h"

#include <string.h>

/// Append, when it fits.
CENOTE_RT static bool add(Moment *moment, const void *bytes, size_t size)
{
  if (moment->room - moment->bytes < size) return false;
  memcpy(moment->state + moment->bytes, bytes, size);
  moment->bytes += size;
  return true;
}

CENOTE_RT static void add_voice(const Part *part, Moment *moment)
{
  const Stream *now = part->now;
  SnapshotVoice head = {.hash = part->kit->hash,
                        .bytes = part->kit->state_bytes,
                        .set = part->set,
                        .cross = now->cross,
                        .envelope = now->envelope,
                        .run = now->run,
                        .gain = now->gain,
                        .glide = part->glide};
  memcpy(head.pan, now->pan, sizeof head.pan);
  memcpy(head.last, now->last, sizeof head.last);
  memcpy(head.residue, part->residue, sizeof head.residue);
  if (!add(moment, &head, sizeof head)) return;
  if (moment->room - moment->bytes < part->kit->state_bytes) return;
  cenote_voice_save(now->voice, moment->state + moment->bytes);
  moment->bytes += part->kit->state_bytes;
}

CENOTE_RT void engine_snapshot(const Engine *engine, Moment *moment)
{
  Snapshot head = {.frames = engine->frames,
                   .voices = engine->options.voices,
                   .master = engine->master,
                   .end = engine->end,
                   .master_level = engine->master_level,
                   .master_muted = engine->master_muted};
  memcpy(head.dc_in, engine->dc_in, sizeof head.dc_in);
  memcpy(head.dc_out, engine->dc_out, sizeof head.dc_out);
  memcpy(head.key_slot, engine->key_slot, sizeof head.key_slot);
  moment->bytes = 0;
  add(moment, &head, sizeof head);
  for (uint32_t k = 0; k < engine->options.voices; ++k) add_voice(&engine->part[k], moment);
  for (uint32_t s = 0; s < ENGINE_SLOTS; ++s) {
    const Moment *held = engine->slot[s];
    if (!held || held->bytes == 0) continue;
    const SnapshotSlot slot = {.hash = held->hash, .bytes = held->bytes, .slot = s};
    if (moment->room - moment->bytes < sizeof slot + held->bytes) break;
    add(moment, &slot, sizeof slot);
    add(moment, held->state, held->bytes);
    ++head.slots;
  }
  memcpy(moment->state, &head, sizeof head);
}
