// SPDX-License-Identifier: ISC
// How well the averaged weights do on what they have not seen.
#include "run_state.h"

#include <math.h>
#include <string.h>

/// Codes of a clip that count: all, or its share of valid_seconds.
static size_t share_of(const Run *run, const DataClip *clip, bool whole)
{
  const double wanted = run->settings->valid_seconds * run->weights.config.sample_rate_hz;
  const double all = (double)run->data.valid.count;
  if (whole || wanted >= all) return clip->count;
  const size_t share = (size_t)ceil((double)clip->count * wanted / all);
  return share < clip->count ? share : clip->count;
}

bool run_validate(Run *run, bool whole)
{
  const DataSet *valid = &run->data.valid;
  double *bits = run->clip_bits;
  const double begin_s = run_now_s();
  uint64_t codes = 0;
  memset(bits, 0, valid->clips * sizeof *bits);
  bool stopped = false;
  for (size_t i = 0; i < valid->clips && !stopped; ++i) {
    const size_t count = share_of(run, &valid->clip[i], whole);
    codes += count;
    // One clip after another by each process, then summed in the order of the clips: the same bits
    // by any number of processes.
    if (i % run->group->size == run->group->rank)
      bits[i] = trainer_eval(run->trainer, true, valid->clip[i].codes, count);
    stopped = run->group->size == 1 && atomic_load(run->hooks->stop) != 0;
  }
  if (!stopped) {
    double sum = 0.0;
    group_sum(run->group, bits, valid->clips);
    for (size_t i = 0; i < valid->clips; ++i) sum += bits[i];
    run->valid_bits = sum / (double)codes;
    run->valid_codes = codes;
    run->heard_s = run_now_s() - begin_s;
  }
  return !stopped;
}
