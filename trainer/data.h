// SPDX-License-Identifier: ISC
// What is learnt from: recordings, kept in memory as codes, split by file into train and valid.
#ifndef TRAINER_DATA_H
#define TRAINER_DATA_H

#include "clip_list.h"

#include "config.h"

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct DataClip {
  char *name;     ///< its path; NULL: a part of another clip
  uint8_t *codes; ///< [count]
  size_t count;
} DataClip;

typedef struct DataSet {
  DataClip *clip;
  size_t clips;
  size_t count; ///< codes of all clips
} DataSet;

/// How valid came about.
typedef enum DataSplit {
  DATA_FOLDERS, ///< folders train and valid
  DATA_NAMES,   ///< about a tenth of the files, by a hash of their names
  DATA_TENTH    ///< the last tenth of the only file
} DataSplit;

typedef struct Data {
  DataSet train;
  DataSet valid;
  DataSplit split;
  size_t skipped;       ///< files that could not be used
  uint64_t fingerprint; ///< of all codes and where clips end
} Data;

typedef struct DataOptions {
  const CnConfig *config; ///< rate, encoding and scaling
  bool strict;            ///< a bad file is an error, not skipped
  double trim_db;         ///< cut from both ends what is so far below the clip's peak; 0: nothing
  ClipRaw raw;            ///< of files named .raw; rate 0: they are passed over
  const char *own;        ///< FOLDER/NAME: files NAME.N.wav of this folder are no data; or NULL
  void (*skip)(void *arg, const char *why);               ///< a file that is left out
  void (*progress)(void *arg, size_t done, size_t files); ///< NULL: nobody asks
  void *arg;                                              ///< of both
} DataOptions;

/// Read a folder (or one file). With a folder `train` in it, that is train, and `valid` beside it
/// valid; without `valid` the files of train are split. Refused: no audio, nothing that can be
/// used, silence alone.
CenoteStatus data_load(const char *path, const DataOptions *options, Data *out, CenoteError *err);
/// A zeroed struct is fine.
void data_clear(Data *data);

/// Put about a tenth of the clips, at least one, into valid: by a hash of their names below
/// `folder`, so that the same files are always split alike. A single clip gives its last tenth.
CenoteStatus data_split(const char *folder, Data *data);

/// Bits a sample that plain counting needs on `valid`, tables counted on `train` alone. Order 0:
/// how often each code occurs (1/2 is added to each count). Order 1: after each code, backing off
/// to order 0 with weight 20. Before a clip stands code 128.
CenoteStatus data_baselines(const DataSet *train, const DataSet *valid, double *order0,
                            double *order1);

#endif
