// SPDX-License-Identifier: ISC
#include "kit.h"
#include "rt/engine_struct.h"
#include "rt/snapshot.h"

#include <stdlib.h>
#include <string.h>

size_t snapshot_room(uint32_t voices, uint32_t slots, size_t state_bytes)
{
  return sizeof(Snapshot) + voices * (sizeof(SnapshotVoice) + state_bytes) +
         slots * (sizeof(SnapshotSlot) + state_bytes);
}

typedef struct Reader {
  const unsigned char *at;
  size_t left;
} Reader;

static const unsigned char *take(Reader *reader, size_t size)
{
  if (reader->left < size) return NULL;
  const unsigned char *bytes = reader->at;
  reader->at += size;
  reader->left -= size;
  return bytes;
}

static bool take_into(Reader *reader, void *out, size_t size)
{
  const unsigned char *bytes = take(reader, size);
  if (bytes) memcpy(out, bytes, size);
  return bytes != NULL;
}

static bool restore_voice(Part *part, Reader *reader)
{
  SnapshotVoice head;
  if (!take_into(reader, &head, sizeof head)) return false;
  const unsigned char *state = take(reader, head.bytes);
  if (!state || cenote_voice_restore(part->now->voice, state, head.bytes) != CENOTE_OK)
    return false;
  part->set = head.set;
  Stream *now = part->now;
  stream_begin(now, (double)head.set.speed);
  now->cross = head.cross;
  now->envelope = head.envelope;
  now->run = head.run;
  now->gain = head.gain;
  memcpy(now->pan, head.pan, sizeof now->pan);
  memcpy(now->last, head.last, sizeof now->last);
  memcpy(part->residue, head.residue, sizeof part->residue);
  part->glide = head.glide;
  return true;
}

static bool restore_slot(Engine *engine, Reader *reader)
{
  SnapshotSlot head;
  if (!take_into(reader, &head, sizeof head) || head.slot >= ENGINE_SLOTS) return false;
  const unsigned char *state = take(reader, head.bytes);
  Moment *moment = state ? moment_new(head.bytes) : NULL;
  if (!moment) return false;
  memcpy(moment->state, state, head.bytes);
  moment->bytes = head.bytes;
  moment->hash = head.hash;
  free(engine->slot[head.slot]);
  engine->slot[head.slot] = moment;
  return true;
}

bool engine_restore(Engine *engine, const unsigned char *snapshot, size_t bytes)
{
  Reader reader = {snapshot, bytes};
  Snapshot head;
  if (!take_into(&reader, &head, sizeof head) || head.voices != engine->options.voices)
    return false;
  engine->frames = head.frames;
  engine->master = head.master;
  engine->end = head.end;
  engine->master_level = head.master_level;
  engine->master_muted = head.master_muted;
  memcpy(engine->dc_in, head.dc_in, sizeof head.dc_in);
  memcpy(engine->dc_out, head.dc_out, sizeof head.dc_out);
  memcpy(engine->key_slot, head.key_slot, sizeof head.key_slot);
  for (uint32_t k = 0; k < head.voices; ++k)
    if (!restore_voice(&engine->part[k], &reader)) return false;
  for (uint32_t i = 0; i < head.slots; ++i)
    if (!restore_slot(engine, &reader)) return false;
  return true;
}
