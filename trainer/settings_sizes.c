// SPDX-License-Identifier: ISC
// Whole configurations. `sc09` is the paper's; the others are cut to what a laptop learns in an
// evening: short crops, few at a time, a learning rate that rises quickly and falls to zero.
#include "settings_struct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const SettingsKey settings_keys[] = {
    {"base_dim", "width of the level at the sample rate"},
    {"pool_temporal", "factors between the levels"},
    {"pool_features", "how much wider each next level is"},
    {"model_structure", "entries of each level: rglru, lru, conv, mlp"},
    {"unet", "blocks on the way down too"},
    {"norm", "layer, rms or none"},
    {"use_gating", "a gate in every block"},
    {"use_temporal_cnn", "a convolution before the recurrence"},
    {"input_transform", "sine, embed or mlp"},
    {"ff_expand", "width of an mlp block"},
    {"conv_kernel_size", "taps"},
    {"conv_feature_group_count", "groups"},
    {"conv_pooling", "depthwise pools, or dense"},
    {"rnn.block_type", "rglru or lru"},
    {"rnn.d_hidden", "real numbers of state"},
    {"rnn.only_real", "no complex state"},
    {"rnn.input_norm", "scale the input by sqrt(1-|a|^2)"},
    {"rnn.n_diag_blocks", "blocks of the gates' weights"},
    {"rnn.log_a_scale", "of the decay"},
    {"rnn.adaptive_d", "state grows with the width"},
    {"sample_rate", "recordings are brought to it"},
    {"encoding", "mulaw or linear"},
    {"baseline", "code before the first"},
    {"min_max_scaling", "stretch each file to [-1, 1]"},
    {NULL, NULL},
};

#define REST                                                                                       \
  "\"unet\":true,\"norm\":\"layer\",\"use_gating\":true,\"use_temporal_cnn\":false,"               \
  "\"input_transform\":\"sine\",\"ff_expand\":2,\"conv_kernel_size\":3,"                           \
  "\"conv_feature_group_count\":1,\"conv_pooling\":true,"
#define RNN(hidden, blocks)                                                                        \
  "\"rnn\":{\"block_type\":\"rglru\",\"d_hidden\":" #hidden                                        \
  ",\"only_real\":false,\"input_norm\":true,\"n_diag_blocks\":" #blocks                            \
  ",\"log_a_scale\":-8.0,\"adaptive_d\":false},"
#define SOUND(scaled)                                                                              \
  "\"sample_rate\":16000,\"encoding\":\"mulaw\",\"num_classes\":256,\"baseline\":128,"             \
  "\"min_max_scaling\":" #scaled
#define TWO "[\"rglru\",\"rglru\"]"
#define THREE "[\"rglru\",\"rglru\",\"rglru\"]"
#define FOUR "[\"rglru\",\"rglru\",\"rglru\",\"rglru\"]"
#define EVENING                                                                                    \
  "{\"batch\":2,\"length\":8000,\"learning_rate\":2.5e-3,\"warmup_steps\":100,\"cosine\":true,"    \
  "\"b2\":0.99,\"weight_decay\":1e-3,\"clip\":1,\"ema_rate\":0.99,\"dropout\":0"

const SettingsSize settings_sizes[] = {
    {"tiny",
     "{\"base_dim\":32,\"pool_temporal\":[4,4,5],\"pool_features\":[1,1,1],\"model_structure\":"
     "[[\"rglru\"],[\"rglru\"],[\"rglru\"],[\"rglru\"]]," REST RNN(64, 4) SOUND(false) "}",
     EVENING "}", "0.1 M weights, learns 390 k samples/s, 42 voices in real time (int8)"},
    {"small",
     "{\"base_dim\":64,\"pool_temporal\":[4,4,5],\"pool_features\":[1,1,1],\"model_structure\":"
     "[" TWO "," TWO "," TWO "," TWO "]," REST RNN(128, 8) SOUND(false) "}",
     EVENING "}", "0.75 M weights, learns 82 k samples/s, 16 voices"},
    {"medium",
     "{\"base_dim\":96,\"pool_temporal\":[2,4,4,5],\"pool_features\":[1,1,1,1],"
     "\"model_structure\":[[\"rglru\"]," TWO "," THREE "," THREE "," THREE "]," REST RNN(192, 16)
         SOUND(false) "}",
     EVENING "}", "2.4 M weights, learns 41 k samples/s, 4 voices"},
    {"sc09",
     "{\"base_dim\":128,\"pool_temporal\":[2,4,4,5],\"pool_features\":[1,1,1,1],"
     "\"model_structure\":[" FOUR "," FOUR "," FOUR "," FOUR "," FOUR "]," REST RNN(256, 32)
         SOUND(true) "}",
     "{\"learning_rate\":2e-3}", "the paper's: 7.3 M weights, learns 10 k samples/s, 3 voices"},
    {NULL, NULL, NULL, NULL},
};

Settings *settings_new(const char *size)
{
  const SettingsSize *found = settings_sizes;
  while (found->name && strcmp(found->name, size) != 0) ++found;
  Settings *settings = found->name ? calloc(1, sizeof *settings) : NULL;
  if (!settings) return NULL;
  *settings = (Settings){.minutes = 60.0,
                         .raw_channels = 1,
                         .valid_seconds = 20.0,
                         .sample_seconds = 4.0,
                         .sample_temperature = 1.0,
                         .model = json_loads(found->model, 0, NULL)};
  trainer_defaults(&settings->step);
  json_t *step = json_loads(found->step, 0, NULL);
  CenoteError err;
  const bool good =
      settings->model && step && settings_from_json(size, step, true, settings, &err) == CENOTE_OK;
  json_decref(step);
  if (good) return settings;
  settings_free(settings);
  return NULL;
}

void settings_free(Settings *settings)
{
  if (!settings) return;
  json_decref(settings->model);
  free(settings);
}
