// SPDX-License-Identifier: ISC
#ifndef TRAINER_SETTINGS_STRUCT_H
#define TRAINER_SETTINGS_STRUCT_H

#include "settings.h"
#include "train.h"

struct Settings {
  TrainerOptions step; ///< batch: of all processes together
  json_t *model;       ///< the configuration of MODEL.md section 6
  uint64_t steps;      ///< 0: as many as fit into the minutes
  double minutes;
  bool cosine;               ///< the learning rate falls to 0 at the last step
  bool strict;               ///< a bad file ends the run
  double trim_silence;       ///< dB below a clip's peak; 0: nothing is cut
  uint64_t raw_rate;         ///< of files named .raw; 0: they are passed over
  uint64_t raw_channels;     ///< of the same
  uint64_t valid_every;      ///< steps; 0: twenty times a run
  double valid_seconds;      ///< of sound in each validation but the last, which takes all
  uint64_t checkpoint_every; ///< steps; 0: once a minute
  double sample_seconds;     ///< of sound generated at each validation; 0: none
  double sample_temperature; ///< of that sound
};

#endif
