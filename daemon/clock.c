// SPDX-License-Identifier: ISC
#include "clock.h"

#include <math.h>
#include <time.h>

#define TO_1970 UINT64_C(2208988800)

uint64_t clock_ntp(int64_t real_ns)
{
  const uint64_t seconds = (uint64_t)(real_ns / 1000000000) + TO_1970;
  const uint64_t ns = (uint64_t)(real_ns % 1000000000);
  return seconds << 32 | ((ns << 32) / 1000000000);
}

uint64_t clock_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return clock_ntp((int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
}

double clock_seconds(uint64_t a, uint64_t b)
{
  return b >= a ? (double)(b - a) / 4294967296.0 : -((double)(a - b) / 4294967296.0);
}

void clock_init(Clock *clock, double rate_hz, uint64_t zero)
{
  *clock = (Clock){.zero = zero, .rate_hz = rate_hz, .seen = zero, .lines = 1};
}

uint64_t clock_frame(const Clock *clock, uint64_t time)
{
  const double frames = rint(clock_seconds(clock->zero, time) * clock->rate_hz);
  if (frames < -(double)clock->frame) return 0;
  return frames >= 0.0 ? clock->frame + (uint64_t)frames : clock->frame - (uint64_t)-frames;
}

uint64_t clock_time(const Clock *clock, uint64_t frame)
{
  const double seconds = (double)(int64_t)(frame - clock->frame) / clock->rate_hz;
  return clock->zero + (uint64_t)(int64_t)rint(seconds * 4294967296.0);
}

bool clock_correct(Clock *clock, uint64_t frame, uint64_t time)
{
  const double off = clock_seconds(clock_time(clock, frame), time);
  if (fabs(off) < CLOCK_SLACK_S) return false;
  // The rate as it was since the last line, if that is long ago and it makes sense.
  const double seconds = clock_seconds(clock->seen, time);
  const double rate = seconds > 20.0 ? (double)(frame - clock->seen_frame) / seconds : 0.0;
  if (rate > clock->rate_hz * 0.999 && rate < clock->rate_hz * 1.001) clock->rate_hz = rate;
  clock->zero = clock->seen = time;
  clock->frame = clock->seen_frame = frame;
  ++clock->lines;
  return true;
}
