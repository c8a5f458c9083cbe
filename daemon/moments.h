// SPDX-License-Identifier: ISC
// Moments from files and to them, and from what is heard: for the job thread.
#ifndef DAEMON_MOMENTS_H
#define DAEMON_MOMENTS_H

#include "jobs.h"

/// A saved state; of `model`, or refused by name (NULL: of any).
CenoteStatus moment_read(const char *path, const CenoteModel *model, Moment **out,
                         CenoteError *err);
/// Sealed, written aside, then renamed: a good file stays until the new one is whole.
CenoteStatus moment_write(const char *path, Moment *moment, CenoteError *err);
/// job->moment[0], from where it is on, through job->path's sound; bits a sample into job->bits.
CenoteStatus moment_prime(Job *job);
/// A preset's slots: job->folder/slots/NAME.state.
CenoteStatus moments_find(Job *job);
/// job->moment[k] into job->folder/voice-K.state.
CenoteStatus moments_keep(Job *job);

#endif
