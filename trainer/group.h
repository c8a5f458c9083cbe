// SPDX-License-Identifier: ISC
// The processes of one run, on one machine or several: MPI where it is built in and the program was
// started by mpirun, otherwise this process alone.
#ifndef TRAINER_GROUP_H
#define TRAINER_GROUP_H

#include "real.h"

#include <cenote/cenote.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Group {
  uint32_t rank; ///< of this process; 0 writes the files
  uint32_t size; ///< processes
} Group;

/// Once, before all else. Fails when mpirun started several and MPI is not built in.
CenoteStatus group_start(Group *out, CenoteError *err);
/// All is done in every process.
void group_stop(const Group *group);
/// This process cannot go on, so the others are ended too. Returns where there are none.
void group_abandon(const Group *group);

/// Each number becomes its sum over the processes, the same bits in each.
void group_sum_real(const Group *group, real *number, size_t count);
void group_sum(const Group *group, double *number, size_t count);
/// The first process's bytes to all.
void group_share(const Group *group, void *bytes, size_t size);

#endif
