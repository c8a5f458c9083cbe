// SPDX-License-Identifier: ISC
// A voice as the player knows it: what sounds now, what fades out under it, and how loud and where.
#ifndef DAEMON_PART_H
#define DAEMON_PART_H

#include "rt/stream.h"

/// What is set of a part, and how its note stands; plain data, which a log holds.
typedef struct PartSet {
  float level; ///< linear gain
  float pan;
  float attack_ms, release_ms, fade_ms;
  float speed;
  bool muted;
  bool run;
  bool releasing;
  bool listening;
  bool noted; ///< by /mnote
  int32_t key;
  int32_t id;
  uint64_t began; ///< frame at which it was last started
  uint64_t ends;  ///< frame at which its release begins, 0: none
  bool morphed;   ///< morph_a and the others say what was morphed last
  uint32_t morph_a, morph_b, morph_level;
} PartSet;

typedef struct Part {
  Kit *kit;
  Kit *old_kit; ///< whose stream fades; NULL: none
  Stream *now;
  Stream *fading; ///< NULL: none
  PartSet set;
  float residue[ENGINE_CHANNELS]; ///< of what was cut off: glides to 0
  uint32_t glide;
  bool told;        ///< that it stopped being finite
  bool other_state; ///< it plays one that brought its own controls: to be told
  // Heard, since the last meter event.
  float peak;
  double square, sum;
  uint64_t metered;
  uint32_t clipped;
} Part;

/// Of the output: its rate, and what keeps it from clicking.
typedef struct PartTimes {
  double rate_hz;
  uint32_t ramp; ///< frames of every one
  uint32_t channels;
} PartTimes;

CENOTE_RT uint32_t part_frames(const PartTimes *times, float ms);

/// Whether neither of its streams sounds.
CENOTE_RT bool part_stands(const Part *part);

/// Let the other stream take over, with the state that its voice has been given; what sounded fades
/// out in `frames`. With `whole` the new one is there at once, else it fades in.
CENOTE_RT void part_turn(Part *part, const PartTimes *times, uint32_t frames, bool whole);
/// What still fades ends here; its last value glides away.
CENOTE_RT void part_cut(Part *part, const PartTimes *times);
/// The stream that part_turn lets take over. What fades in it is cut off.
CENOTE_RT Stream *part_other(Part *part, const PartTimes *times);
/// The same, with the state of what plays.
CENOTE_RT Stream *part_double(Part *part, const PartTimes *times);
/// The same with another kit, which may be of another model; *retired is no longer used, or NULL.
CENOTE_RT void part_replace(Part *part, const PartTimes *times, Kit *kit, Kit **retired);
/// After a block: forget what has faded. The kit that is no longer used, or NULL.
CENOTE_RT Kit *part_clean(Part *part);

/// Begin a note: envelope, gain and pan (NAN: as set).
CENOTE_RT void part_start(Part *part, const PartTimes *times, uint64_t frame, float gain,
                          float pan);
/// Its envelope anew from the start, in what time is set now.
CENOTE_RT void part_attack(Part *part, const PartTimes *times);
CENOTE_RT void part_release(Part *part, const PartTimes *times);
CENOTE_RT void part_set_run(Part *part, const PartTimes *times, bool run);
/// After level, muted or pan have been set.
CENOTE_RT void part_reshape(Part *part, const PartTimes *times);

/// The sound of both streams added to mix[frames][channels], and to alone[frames][channels] (may be
/// NULL).
CENOTE_RT void part_mix(Part *part, const PartTimes *times, uint32_t frames, float *mix,
                        float *alone);
/// What is measured from now on: peak, square, sum, metered, clipped.
CENOTE_RT void part_reset_meter(Part *part);

#endif
