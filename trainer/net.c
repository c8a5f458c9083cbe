// SPDX-License-Identifier: ISC
// Weights to listen with: the trainer's layers and its forward pass, nothing kept for a way back.
#include "net.h"

#include "alloc.h"
#include "status.h"

#include <stdlib.h>

/// The weights in the trainer's own kind of number.
static real *to_real(const CnWeights *weights)
{
  const size_t count = (size_t)weights->params.floats;
  real *data = cn_alloc((count + OPS_SLACK) * sizeof *data);
  for (size_t i = 0; data && i < count; ++i) data[i] = (real)weights->data[i];
  return data;
}

static CenoteStatus build(const char *path, Net *net, CenoteError *err)
{
  const CnConfig *config = &net->weights.config;
  const CenoteStatus status = layers_init(&net->layers, path, config, ops_choose(false), err);
  if (status != CENOTE_OK) return status;
  net->data = to_real(&net->weights);
  net->packed = cn_alloc((net->layers.packed + OPS_SLACK) * sizeof *net->packed);
  if (config->input == CN_INPUT_SINE)
    net->sine = cn_alloc((size_t)CENOTE_CLASSES * config->base_dim * sizeof *net->sine);
  if (!net->data || !net->packed || (config->input == CN_INPUT_SINE && !net->sine))
    return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  if (net->sine) sine_table(config->base_dim, net->sine);
  layers_pack(&net->layers, net->data, net->packed, 0, 1);
  return CENOTE_OK;
}

CenoteStatus net_open(const char *path, Net **out, CenoteError *err)
{
  *out = NULL;
  Net *net = calloc(1, sizeof *net);
  if (!net) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  CenoteStatus status = cn_weights_load(path, &net->weights, err);
  if (status == CENOTE_OK) status = build(path, net, err);
  if (status != CENOTE_OK) {
    net_close(net);
    return status;
  }
  *out = net;
  return CENOTE_OK;
}

void net_close(Net *net)
{
  if (!net) return;
  layers_clear(&net->layers);
  cn_weights_clear(&net->weights);
  free(net->data);
  free(net->packed);
  free(net->sine);
  free(net);
}
