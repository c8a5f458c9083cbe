// SPDX-License-Identifier: ISC
// audio_match GOT WANT: where in WANT half a second from the middle of GOT is, the first channels
// compared. Prints "frames of GOT, correlation there"; exit 1 below 0.9. For sound that came
// through a lossy coder.
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>

static double *read_first(const char *path, long *frames, int *rate_hz)
{
  SF_INFO info = {0};
  SNDFILE *file = sf_open(path, SFM_READ, &info);
  if (!file) {
    fprintf(stderr, "audio_match: %s: %s\n", path, sf_strerror(NULL));
    exit(1);
  }
  const size_t most = (size_t)info.samplerate * 60; // the length of a stream is not known
  double *all = calloc(most * (size_t)info.channels, sizeof *all);
  if (!all) exit(1);
  *frames = (long)sf_readf_double(file, all, (sf_count_t)most);
  *rate_hz = info.samplerate;
  for (long i = 0; i < *frames; ++i) all[i] = all[i * info.channels];
  sf_close(file);
  return all;
}

int main(int argc, char **argv)
{
  if (argc != 3) return 2;
  long got_frames, want_frames;
  int got_hz, want_hz;
  double *got = read_first(argv[1], &got_frames, &got_hz);
  double *want = read_first(argv[2], &want_frames, &want_hz);
  const long length = got_hz / 2;
  const double *part = got + (got_frames - length) / 2;
  double best = 0.0;
  for (long lag = 0; got_hz == want_hz && got_frames >= length && lag + length <= want_frames;
       ++lag) {
    double xy = 0.0, xx = 1e-9, yy = 1e-9;
    for (long i = 0; i < length; ++i) {
      xy += part[i] * want[lag + i];
      xx += part[i] * part[i];
      yy += want[lag + i] * want[lag + i];
    }
    if (xy / sqrt(xx * yy) > best) best = xy / sqrt(xx * yy);
  }
  printf("%ld %.3f\n", got_frames, best);
  free(got);
  free(want);
  return best > 0.9 ? 0 : 1;
}
