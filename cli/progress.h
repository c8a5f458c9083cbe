// SPDX-License-Identifier: ISC
// A line on standard error that says how far a long job is. Only where it is a terminal.
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Progress {
  uint64_t total;
  double unit; ///< seconds of sound that one of `total` makes
  atomic_uint_fast64_t done;
  pthread_mutex_t drawing; ///< guards what follows
  bool on;
  double began_s;
  double drawn_s;
} Progress;

void progress_start(Progress *progress, uint64_t total, double unit);
/// So many more are done; any thread.
void progress_add(Progress *progress, uint64_t more);
/// Take the line away, for good.
void progress_stop(Progress *progress);

#endif
