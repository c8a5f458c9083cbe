// SPDX-License-Identifier: ISC
// The only file that knows MPI.
#include "group.h"

#include "status.h"

#include <mpi.h>
#include <stdlib.h>

CenoteStatus group_start(Group *out, CenoteError *err)
{
  *out = (Group){0, 1};
  // Without mpirun there is nobody to talk to, and MPI_Init would only cost time.
  if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMI_SIZE") && !getenv("PMIX_RANK"))
    return CENOTE_OK;
  int rank;
  int size;
  int threads;
  if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads) != MPI_SUCCESS)
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "MPI cannot start");
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  *out = (Group){(uint32_t)rank, (uint32_t)size};
  return CENOTE_OK;
}

static bool started(void)
{
  int flag = 0;
  MPI_Initialized(&flag);
  return flag != 0;
}

void group_stop(const Group *group)
{
  (void)group;
  if (started()) MPI_Finalize();
}

void group_abandon(const Group *group)
{
  if (group->size > 1) MPI_Abort(MPI_COMM_WORLD, 1);
  group_stop(group);
}

/// MPI counts with int.
static void sum(void *number, size_t count, size_t each, MPI_Datatype type)
{
  enum { MOST = 1 << 28 };
  char *at = number;
  for (; count > 0; count -= count < MOST ? count : MOST) {
    const int part = (int)(count < MOST ? count : MOST);
    MPI_Allreduce(MPI_IN_PLACE, at, part, type, MPI_SUM, MPI_COMM_WORLD);
    at += (size_t)part * each;
  }
}

void group_sum_real(const Group *group, real *number, size_t count)
{
  if (group->size > 1)
    sum(number, count, sizeof *number, sizeof *number == 8 ? MPI_DOUBLE : MPI_FLOAT);
}

void group_sum(const Group *group, double *number, size_t count)
{
  if (group->size > 1) sum(number, count, sizeof *number, MPI_DOUBLE);
}

void group_share(const Group *group, void *bytes, size_t size)
{
  if (group->size > 1) MPI_Bcast(bytes, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD);
}
