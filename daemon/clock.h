// SPDX-License-Identifier: ISC
// The map between OSC time and the output's sample clock: a straight line, which /clock shows. It
// is the time of hearing. Where the card's clock has run away from the line by more than
// CLOCK_SLACK_S, a new line takes its place; what waits keeps its sample.
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SLACK_S 0.002

typedef struct Clock {
  uint64_t zero; ///< NTP time of `frame`
  uint64_t frame;
  double rate_hz;      ///< frames in a second of OSC time
  uint64_t seen_frame; ///< when the rate was last looked at
  uint64_t seen;
  uint32_t lines; ///< so far
} Clock;

/// NTP time now: seconds since 1900 in 32.32 bits.
uint64_t clock_now(void);
/// NTP time of the system's real time in ns since 1970.
uint64_t clock_ntp(int64_t real_ns);

/// Frame 0 is heard at `zero`.
void clock_init(Clock *clock, double rate_hz, uint64_t zero);
/// The frame that is heard at a time, to the nearest; 0 before the first.
uint64_t clock_frame(const Clock *clock, uint64_t time);
uint64_t clock_time(const Clock *clock, uint64_t frame);
/// Seconds from a to b, both of one era of NTP: what is less is before, however long.
double clock_seconds(uint64_t a, uint64_t b);
/// As measured: `frame` is heard at `time`. True when that made a new line.
bool clock_correct(Clock *clock, uint64_t frame, uint64_t time);

#endif
