// SPDX-License-Identifier: ISC
// All that a log needs of the engine at its first frame: plain data, one after another: the
// snapshot, for each voice a SnapshotVoice and its state, for each slot that holds something a
// SnapshotSlot and its state.
#ifndef DAEMON_SNAPSHOT_H
#define DAEMON_SNAPSHOT_H

#include "rt/engine.h"

typedef struct Snapshot {
  uint64_t frames;
  uint32_t voices;
  uint32_t slots;
  Ramp master, end;
  float master_level;
  bool master_muted;
  double dc_in[ENGINE_CHANNELS], dc_out[ENGINE_CHANNELS];
  uint16_t key_slot[ENGINE_KEYS];
} Snapshot;

typedef struct SnapshotVoice {
  uint64_t hash; ///< of its model
  uint64_t bytes;
  PartSet set;
  Ramp cross, envelope, run, gain;
  Ramp pan[ENGINE_CHANNELS];
  float last[ENGINE_CHANNELS];
  float residue[ENGINE_CHANNELS];
  uint32_t glide;
} SnapshotVoice;

typedef struct SnapshotSlot {
  uint64_t hash;
  uint64_t bytes;
  uint32_t slot;
} SnapshotSlot;

/// Bytes for so many voices and slots of states of so many bytes.
size_t snapshot_room(uint32_t voices, uint32_t slots, size_t state_bytes);
/// Into moment->state; slots that do not fit are left out.
CENOTE_RT void engine_snapshot(const Engine *engine, Moment *moment);
/// Before the first segment of an engine whose kits are those of the snapshot's models: go on from
/// there. Slots are made with moment_new; false without memory, or with a snapshot that is none.
bool engine_restore(Engine *engine, const unsigned char *snapshot, size_t bytes);

#endif
