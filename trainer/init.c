// SPDX-License-Identifier: ISC
// Weights as training begins (MODEL.md section 3). Each number is a function of seed, tensor and
// place, by our own elementary functions: the same on every machine.
#include "train.h"

#include "rt/dmath.h"
#include "rt/philox.h"
#include "status.h"
#include "try.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

/// The standard deviation that is left of a normal number cut at 2.
#define CUT_DEVIATION 0.87962566103423978

typedef enum Law { ZERO, ONE, NORMAL, CUT, RADIUS, ANGLE } Law;

/// How a tensor begins; `variance` of NORMAL and CUT.
typedef struct Start {
  Law law;
  double variance;
} Start;

static bool ends(const char *name, const char *end)
{
  const size_t a = strlen(name);
  const size_t b = strlen(end);
  return a >= b && strcmp(name + a - b, end) == 0;
}

/// One part of the variance for each residual branch of the tensor's level.
static double branch_share(const CnConfig *config, const char *name)
{
  unsigned level = 0;
  if (sscanf(name, "levels.%u.", &level) != 1 || level >= config->levels) return 1.0;
  uint32_t branches = 0;
  if (level + 1 == config->levels) branches = cn_stack_blocks(config, level, CN_DEEPEST);
  else
    branches = 1 + cn_stack_blocks(config, level, CN_DOWN) + cn_stack_blocks(config, level, CN_UP);
  return 1.0 / branches;
}

static Start start_of(const CnConfig *config, const CnParam *param)
{
  const char *name = param->name;
  const double last = param->dim[1]; // the fan-in of a dense layer
  if (ends(name, "a_real")) return (Start){RADIUS, 0.0};
  if (ends(name, "a_imag")) return (Start){ANGLE, 0.0};
  if (ends(name, "norm.weight")) return (Start){ONE, 0.0};
  if (ends(name, "gate_x.bias") || ends(name, "gate_a.bias"))
    return (Start){CUT, 1.0 / param->dim[0]};
  if (strcmp(name, "input.bias") == 0) return (Start){NORMAL, 0.25};
  if (ends(name, ".bias")) return (Start){ZERO, 0.0};
  if (strcmp(name, "input.embedding") == 0) return (Start){NORMAL, 1.0 / last};
  if (ends(name, "gate_x.weight") || ends(name, "gate_a.weight"))
    return (Start){CUT, 1.0 / ((double)param->dim[0] * param->dim[2])};
  if (ends(name, "uppool.weight")) {
    const double fan = param->rank == 3 ? last * param->dim[2] : last;
    return (Start){NORMAL, branch_share(config, name) / fan};
  }
  if (ends(name, ".out.weight") && !ends(name, "rnn.out.weight"))
    return (Start){NORMAL, branch_share(config, name) / last};
  if (param->rank == 3) return (Start){CUT, 1.0 / (last * param->dim[2])};
  return (Start){CUT, 1.0 / last};
}

/// A normal number, by Box and Muller.
static double normal(uint64_t key, uint64_t counter)
{
  uint32_t word[4];
  cn_philox(key, counter, word);
  const double u = ((double)word[0] * 0x1p-32 + (double)word[1]) * 0x1p-32 + 0x1p-65; // above 0
  const double v = ((double)word[2] * 0x1p-32 + (double)word[3]) * 0x1p-32;
  double sine;
  double cosine;
  cn_sincos(2.0 * PI * v, &sine, &cosine);
  return sqrt(-2.0 * cn_log(u)) * cosine;
}

static double draw(const Start *start, uint64_t key, uint64_t place)
{
  switch (start->law) {
  case ZERO:
    return 0.0;
  case ONE:
    return 1.0;
  case NORMAL:
    return sqrt(start->variance) * normal(key, place);
  case CUT:
    for (uint64_t again = 0;; ++again) {
      const double x = normal(key, place | again << 40);
      if (fabs(x) <= 2.0) return sqrt(start->variance) / CUT_DEVIATION * x;
    }
  case RADIUS: {
    const double square = cn_uniform(key, place) * (0.99 * 0.99 - 0.9 * 0.9) + 0.9 * 0.9 + 1e-8;
    return cn_log(cn_exp(-0.5 * cn_log(square)) - 1.0);
  }
  case ANGLE:
    return 0.1 * PI * cn_uniform(key, place);
  }
  return 0.0;
}

static CenoteStatus fill(const char *name, const char *config_json, uint64_t seed, CnWeights *out,
                         CenoteError *err)
{
  CN_TRY(cn_config_parse(name, config_json, strlen(config_json), &out->config, err));
  CN_TRY(cn_params_new(name, &out->config, &out->params, err));
  out->config_json = strdup(config_json);
  out->note = calloc(1, sizeof *out->note);
  out->data = malloc(out->params.floats * sizeof *out->data);
  if (!out->config_json || !out->note || !out->data)
    return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", name);
  for (size_t p = 0; p < out->params.size; ++p) {
    const CnParam *param = &out->params.param[p];
    const Start start = start_of(&out->config, param);
    uint32_t word[4];
    cn_philox(seed, p, word);
    const uint64_t key = (uint64_t)word[1] << 32 | word[0];
    for (uint64_t i = 0; i < param->count; ++i)
      out->data[param->offset + i] = (float)draw(&start, key, i);
  }
  return CENOTE_OK;
}

CenoteStatus trainer_init_weights(const char *name, const char *config_json, uint64_t seed,
                                  CnWeights *out, CenoteError *err)
{
  *out = (CnWeights){0};
  const CenoteStatus status = fill(name, config_json, seed, out, err);
  if (status != CENOTE_OK) cn_weights_clear(out);
  return status;
}
