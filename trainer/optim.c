// SPDX-License-Identifier: ISC
// The optimiser, as the reference has it: the mean loss in bits, its gradient clipped by the norm
// of all of it, AdamW whose decay follows the rate, and the moving average of the weights.
#include "optim.h"

#include <math.h>

#define PI 3.14159265358979323846

double optim_rate(const TrainerOptions *options, uint64_t counter)
{
  const double n = (double)counter;
  const double warmup = (double)options->warmup_steps;
  const double peak = options->learning_rate;
  if (n < warmup) return peak * (n / warmup);
  if (options->decay_steps == 0) return peak;
  const double steps = (double)options->decay_steps;
  if (n >= steps) return 0.0;
  return peak * 0.5 * (1.0 + cos(PI * (n - warmup) / (steps - warmup)));
}

AdamStep optim_step(const TrainerOptions *options, uint64_t counter, double lr, double scale,
                    double norm)
{
  const double k = (double)counter + 1.0;
  const double clip = options->clip / (norm + 1e-6);
  return (AdamStep){
      .scale = (real)(scale * (clip < 1.0 ? clip : 1.0)),
      .b1 = (real)options->b1,
      .b2 = (real)options->b2,
      .rest1 = (real)(1.0 - options->b1),
      .rest2 = (real)(1.0 - options->b2),
      .root = (real)sqrt(1.0 - pow(options->b2, k)),
      .rate = (real)(lr / (1.0 - pow(options->b1, k))),
      .eps = (real)options->eps,
      .decay = (real)(lr * options->weight_decay),
      .ema = (real)options->ema_rate,
      .rest_ema = (real)(1.0 - options->ema_rate),
  };
}

Slice optim_slice(size_t count, uint32_t index, uint32_t workers)
{
  const size_t each = (count / workers + 63) / 64 * 64; // no two workers in one cache line
  const size_t from = index * each < count ? index * each : count;
  const size_t rest = count - from;
  return (Slice){from, index + 1 == workers || rest < each ? rest : each};
}
