// SPDX-License-Identifier: ISC
// A build without MPI: one process.
#include "group.h"

#include "status.h"

#include <stdlib.h>

CenoteStatus group_start(Group *out, CenoteError *err)
{
  const char *size = getenv("OMPI_COMM_WORLD_SIZE");
  *out = (Group){0, 1};
  if (!size || atoi(size) <= 1) return CENOTE_OK;
  return cn_fail(err, CENOTE_BAD_ARGUMENT,
                 "mpirun started %s processes, but this cenote is built without MPI "
                 "(meson setup -Dmpi=enabled)",
                 size);
}

void group_stop(const Group *group)
{
  (void)group;
}

void group_abandon(const Group *group)
{
  (void)group;
}

void group_sum_real(const Group *group, real *number, size_t count)
{
  (void)group, (void)number, (void)count;
}

void group_sum(const Group *group, double *number, size_t count)
{
  (void)group, (void)number, (void)count;
}

void group_share(const Group *group, void *bytes, size_t size)
{
  (void)group, (void)bytes, (void)size;
}
