// SPDX-License-Identifier: ISC
#include "training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char config_json[] =
    "{\"base_dim\":16,\"pool_temporal\":[2,4],\"pool_features\":[1,2],"
    "\"model_structure\":[[\"rglru\"],[\"conv\",\"lru\"],[\"rglru\"]],\"unet\":true,"
    "\"norm\":\"layer\",\"use_gating\":true,\"use_temporal_cnn\":true,"
    "\"input_transform\":\"embed\",\"ff_expand\":2,\"conv_kernel_size\":3,"
    "\"conv_feature_group_count\":2,\"conv_pooling\":true,\"rnn\":{\"block_type\":\"rglru\","
    "\"d_hidden\":24,\"only_real\":false,\"input_norm\":true,\"n_diag_blocks\":4,"
    "\"log_a_scale\":-8.0,\"adaptive_d\":true},\"sample_rate\":16000,\"encoding\":\"mulaw\","
    "\"num_classes\":256,\"baseline\":128,\"min_max_scaling\":true}";

uint8_t codes[STEPS + 1][BATCH * LENGTH * 2];

void training_codes(void)
{
  uint32_t random = 5;
  for (size_t k = 0; k <= STEPS; ++k) {
    for (size_t i = 0; i < sizeof codes[0]; ++i) {
      random = random * 1664525u + 1013904223u;
      codes[k][i] = (uint8_t)(128.0 + 60.0 * sin(0.3 * (double)i) + (double)(random >> 29));
    }
  }
}

CnWeights training_init(uint64_t seed)
{
  CnWeights weights;
  CenoteError err;
  if (trainer_init_weights("test", config_json, seed, &weights, &err) != CENOTE_OK)
    fail_msg("%s", err.text);
  return weights;
}

TrainerOptions training_options(void)
{
  TrainerOptions o;
  trainer_defaults(&o);
  o.batch = BATCH;
  o.length = LENGTH;
  o.warmup_steps = 2;
  o.item_rows = 16;
  return o;
}

Trainer *training_start(const CnWeights *weights, const TrainerOptions *o)
{
  Trainer *trainer;
  CenoteError err;
  if (trainer_new(weights, o, &trainer, &err) != CENOTE_OK) fail_msg("%s", err.text);
  return trainer;
}
