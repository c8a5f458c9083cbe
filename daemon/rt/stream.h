// SPDX-License-Identifier: ISC
// One voice being heard: its steps brought to the output rate. How many steps are made by a frame
// is a function of the stream's own time alone, so that what a command does to it depends neither
// on other voices nor on how the time is cut into blocks.
#ifndef DAEMON_STREAM_H
#define DAEMON_STREAM_H

#include "rt/command.h"
#include "rt/ramp.h"

enum {
  STREAM_ROOM = 1024, ///< steps held for the resampler, whose filter is longer the faster it reads
  STREAM_STEPS = 64,  ///< made at a time
  STREAM_LATER = 64   ///< commands that wait for their step
};

typedef struct Later {
  double step;
  bool *done; ///< of the schedule, which still holds it: to be told
  Command command;
} Later;

typedef struct Stream {
  CenoteVoice *voice;
  CenoteResampler *resampler; ///< NULL: a step is a frame, and speed has been 1 since it began
  CenoteResampler *own;       ///< that one, also while there is no use for it
  double pace;                ///< steps in an output frame, at speed 1
  double speed;
  uint32_t least_look;  ///< steps that the resampler reads ahead at speed 1
  uint32_t look;        ///< at this one, with what it turned out to want since
  uint64_t frames;      ///< made since it began
  uint64_t base_frames; ///< those made when the speed was last set
  double base;          ///< position then, in steps
  uint64_t steps;       ///< made since it began
  uint64_t name;        ///< of this beginning: never used again
  uint32_t held_at, held;
  uint32_t made; ///< frames of this block
  uint32_t laters;
  Ramp cross;                  ///< 0 while another takes over
  Ramp envelope;               ///< attack and release
  Ramp run;                    ///< 1, or 0 while it stands still
  Ramp gain;                   ///< 0 while muted
  Ramp pan[ENGINE_CHANNELS];   ///< gain of each channel
  float last[ENGINE_CHANNELS]; ///< what was heard last
  Later later[STREAM_LATER];
  uint32_t saves;
  Command save[STREAM_LATER + 1]; ///< done; their moments are filled
  float step_sound[STREAM_ROOM];
  float sound[ENGINE_BLOCK];
} Stream;

/// The two streams of a voice, one of which fades out while the other begins, the ear that listens,
/// and the voice's past. Made and freed by the job thread.
struct Kit {
  void *model; ///< the OSC thread's
  uint64_t hash;
  size_t state_bytes;
  uint32_t levels;
  Stream *stream[2];
  CenoteResampler *ear; ///< output rate to model rate; NULL: the same
  uint32_t past_room;   ///< states that fit into the past
  uint32_t past_held;
  uint32_t past_next;
  uint32_t past_every; ///< frames between two
  unsigned char *past;
  uint64_t *past_frame;
};

/// Begin anew from the voice's state, with nothing heard yet.
CENOTE_RT void stream_begin(Stream *stream, double speed);

/// Take a command at `frames` frames from now; false when too many wait already. *done is set when
/// it has been, which may be some steps before its frame.
CENOTE_RT bool stream_later(Stream *stream, const Command *command, double frames, bool *done);
/// The command that would set *done: don't do it.
CENOTE_RT void stream_forget(Stream *stream, const bool *done);
/// Take a command of the first kind now. Saves are left in `save`.
CENOTE_RT void stream_take(Stream *stream, const Command *command);
/// False: it must begin anew for that, with its resampler.
CENOTE_RT bool stream_set_speed(Stream *stream, double speed);

/// sound[frames] of all, from now on; streams of one model stand side by side.
CENOTE_RT void stream_render(Stream *const *stream, uint32_t streams, uint32_t frames);

/// Whether it makes no sound and no step.
CENOTE_RT static inline bool stream_stands(const Stream *stream)
{
  return stream->run.left == 0 && stream->run.now == 0.0f;
}

#endif
