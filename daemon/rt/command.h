// SPDX-License-Identifier: ISC
// What the OSC thread says to audio time, and what comes back. Objects that a command carries are
// made by the job thread or the OSC thread, and come back in an event when they are done with.
#ifndef DAEMON_COMMAND_H
#define DAEMON_COMMAND_H

#include <cenote/cenote.h>

enum {
  ENGINE_VOICES = 64, ///< at most
  ENGINE_SLOTS = 512, ///< 0..127 by number, the rest by name
  ENGINE_NUMBERED = 128,
  ENGINE_KEYS = 128,
  ENGINE_MAPPED = 1024, ///< and a key, as a slot: the one that the key plays
  ENGINE_QUEUE = 4096,  ///< commands that wait for their time
  ENGINE_TAPS = 16,     ///< recordings at once
  ENGINE_BLOCK = 8192,  ///< frames of one block at most
  ENGINE_CHANNELS = 8,  ///< of the output, at most
  ENGINE_STEREO = 2,    ///< as many as there are unless others are asked for
  ENGINE_LEVELS = 8,    ///< of the pooling pyramid, at most
  ENGINE_ANY = -1,      ///< a voice that is free, else the oldest
  ENGINE_SAME = -2      ///< the voice that the trigger of this slot_b has taken
};

/// A saved state of a voice: what a slot holds.
typedef struct Moment {
  size_t room;   ///< bytes that fit
  size_t bytes;  ///< bytes that are in it; 0: none
  uint64_t hash; ///< of the model whose state it is
  void *model;   ///< the OSC thread's; NULL: not known
  _Alignas(64) unsigned char state[];
} Moment;

typedef struct Kit Kit;   ///< stream.h
typedef struct Ring Ring; ///< ring.h

typedef enum CommandKind {
  // Taken at the model's own step: the sound changes at that very frame.
  COMMAND_SEED, ///< whole
  COMMAND_TEMPERATURE,
  COMMAND_TOP_K,
  COMMAND_TOP_P,
  COMMAND_LEVEL_GAIN,
  COMMAND_LEVEL_FREEZE, ///< whole
  COMMAND_LEVEL_CLOCK,
  COMMAND_LEVEL_NOISE,
  COMMAND_LEVEL_TICK,
  COMMAND_LEVEL_RESET,
  COMMAND_SAVE,                   ///< slot; object: a Moment with room
  COMMAND_AT_FRAME,               ///< those below are taken at a frame of the output
  COMMAND_KIT = COMMAND_AT_FRAME, ///< object: play it from now on
  COMMAND_RUN,                    ///< whole
  COMMAND_RESET,
  COMMAND_GAIN,    ///< number: linear
  COMMAND_MUTE,    ///< whole
  COMMAND_PAN,     ///< -1..1
  COMMAND_ATTACK,  ///< ms; slot_b: with the trigger so called, whose own it is
  COMMAND_RELEASE, ///< ms
  COMMAND_FADE,    ///< ms, of load, morph, copy, rewind
  COMMAND_SPEED,
  COMMAND_TRIGGER,  ///< slot or key's; number: s till it ends, 0: none; gain, pan, key; slot_b: its
                    ///< own name
  COMMAND_NOTE_OFF, ///< key, id
  COMMAND_NOTES_OFF,
  COMMAND_LOAD,   ///< slot or object
  COMMAND_MORPH,  ///< slot, slot_b, level, number: x; slot ENGINE_SLOTS: the last pair
  COMMAND_COPY,   ///< whole: from which voice
  COMMAND_REWIND, ///< number: s
  COMMAND_PUT,    ///< slot; object: what it holds from now on, NULL: nothing
  COMMAND_MAP,    ///< key; slot: which it plays from now on
  COMMAND_LOOK,   ///< slot, or voice when slot is ENGINE_SLOTS; object: filled, and comes back
  COMMAND_LISTEN, ///< whole
  COMMAND_METER,  ///< whole: frames between two, 0: off
  COMMAND_TAP,    ///< slot: which; voice (-1 the mix); object: a ring of frames; NULL: end
  COMMAND_MASTER_GAIN,
  COMMAND_MASTER_MUTE,
  COMMAND_CLEAR, ///< what waits for its time is dropped
  COMMAND_END,   ///< fade to silence
  COMMAND_LOG    ///< whole: 1 on, 0 off
} CommandKind;

typedef struct Command {
  CommandKind kind;
  int32_t voice; ///< from 0
  uint32_t level;
  uint32_t slot;
  uint32_t slot_b;
  uint32_t reply; ///< whom the answer is for, 0: nobody
  uint64_t due;   ///< frame of the output; in the past: now
  uint64_t whole;
  double number;
  float gain; ///< linear
  float pan;
  int32_t key; ///< -1: none
  int32_t id;
  void *object;
} Command;

typedef enum EventKind {
  EVENT_DONE,       ///< reply, voice, number
  EVENT_REFUSED,    ///< reply, voice, whole: why
  EVENT_PLAYS,      ///< voice plays the kit that is `object`, which stays the engine's
  EVENT_KIT,        ///< object: no longer used
  EVENT_MOMENT,     ///< object: no longer used; with `reply`, filled as was asked for
  EVENT_SLOT,       ///< slot; whole: hash of its model, 0: empty
  EVENT_ENDED,      ///< voice has fallen silent after its release
  EVENT_STOPPED,    ///< voice, which ran, has been told to stand still
  EVENT_CONTROLS,   ///< voice plays another state: its sampler and levels are those in `controls`
  EVENT_NOT_FINITE, ///< voice
  EVENT_METER,      ///< voice, meter
  EVENT_TAP,        ///< slot; object: its ring, closed; whole: frames tapped
  EVENT_LOGGED,     ///< the log's last frame is whole; number: commands it had no room for
  EVENT_FADED
} EventKind;

/// Why a command was refused.
typedef enum Refusal {
  REFUSED_NO_SLOT = 1,
  REFUSED_OTHER_MODEL,
  REFUSED_NO_VOICE,
  REFUSED_FULL,
  REFUSED_NO_PAST,
  REFUSED_CLEARED,
  REFUSED_NO_PAIR,    ///< nothing has been morphed yet
  REFUSED_OTHER_VOICE ///< it plays another model
} Refusal;

typedef struct Meter {
  float peak, rms, bits, dc;
  uint32_t clipped;
} Meter;

/// Those of a voice that its state holds.
typedef struct Controls {
  uint64_t seed;
  float temperature, top_p;
  uint32_t top_k;
  uint32_t levels;
  struct {
    float gain, clock, noise;
    bool freeze;
  } level[ENGINE_LEVELS];
} Controls;

typedef struct Event {
  EventKind kind;
  int32_t voice;
  uint32_t slot;
  uint32_t reply;
  uint64_t whole;
  double number;
  void *object;
  union {
    Meter meter;
    Controls controls;
  };
} Event;

/// A command as it is logged.
typedef struct Logged {
  uint64_t taken; ///< frame at which the engine took it out of its ring
  Command command;
} Logged;

#endif
