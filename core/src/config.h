// SPDX-License-Identifier: ISC
// The configuration of a model: MODEL.md section 6, names as there.
#ifndef CN_CONFIG_H
#define CN_CONFIG_H

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CN_MAX_LEVELS = 8,   ///< pools + 1
  CN_MAX_ENTRIES = 64, ///< entries of one level's list
  CN_MAX_WIDTH = 4096, ///< features of a level
  CN_MAX_INNER =
      65536, ///< hidden units, ff_expand * width, kernel * width: the wide side of a layer
  CN_MAX_POOL = 64,
  CN_MAX_PERIOD = 65536
};

typedef enum CnEntry { CN_RGLRU, CN_LRU, CN_CONV, CN_MLP } CnEntry;
typedef enum CnNorm { CN_NORM_LAYER, CN_NORM_RMS, CN_NORM_NONE } CnNorm;
typedef enum CnInput { CN_INPUT_SINE, CN_INPUT_EMBED, CN_INPUT_MLP } CnInput;

typedef struct CnConfig {
  uint32_t levels; ///< pools + 1
  uint32_t base_dim;
  uint32_t pool_temporal[CN_MAX_LEVELS];
  uint32_t pool_features[CN_MAX_LEVELS];
  uint32_t entries[CN_MAX_LEVELS];
  /// As the list says, but `rglru` already turned into what rnn.block_type names.
  CnEntry structure[CN_MAX_LEVELS][CN_MAX_ENTRIES];
  bool unet;
  CnNorm norm;
  bool use_gating;
  bool use_temporal_cnn;
  CnInput input;
  uint32_t ff_expand;
  uint32_t conv_kernel_size;
  uint32_t conv_groups;
  bool conv_pooling;
  uint32_t d_hidden;
  bool only_real;
  bool input_norm;
  uint32_t n_diag_blocks;
  double log_a_scale;
  bool adaptive_d;
  uint32_t sample_rate_hz;
  CenoteEncoding encoding;
  uint32_t baseline;
  bool min_max_scaling;

  // Derived.
  uint32_t width[CN_MAX_LEVELS];  ///< base_dim * prod(pool_features[:i])
  uint32_t hidden[CN_MAX_LEVELS]; ///< H of level i
  uint32_t every[CN_MAX_LEVELS];  ///< prod(pool_temporal[:i])
} CnConfig;

/// Read and check a configuration. `name` (a path) opens each error. The text need not end in 0.
CenoteStatus cn_config_parse(const char *name, const char *json, size_t size, CnConfig *out,
                             CenoteError *err);

/// Codes of a clip, samples[count] in int16 units: min_max_scaling over the clip if the
/// configuration says so, then its encoding.
void cn_encode_clip(const CnConfig *config, const float *samples, size_t count, uint8_t *codes);

/// Complex units (or real ones with only_real) of level i.
static inline uint32_t cn_config_units(const CnConfig *config, uint32_t level)
{
  return config->only_real ? config->hidden[level] : config->hidden[level] / 2;
}

#endif
