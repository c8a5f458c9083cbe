// SPDX-License-Identifier: ISC
// A pipe that may be silent for ever, and yet be given up: a thread copies it into a pipe of our
// own, which ends when we say so.
#ifndef DAEMON_INPUT_PIPE_H
#define DAEMON_INPUT_PIPE_H

#include <cenote/cenote.h>

typedef struct InputPipe InputPipe;

/// "-" is standard input. NULL: it cannot be opened.
InputPipe *input_pipe_open(const char *path, CenoteError *err);
/// Wait for its first bytes, and tell whether they are no header of a sound file. The end to read
/// from, or -1 when it ended before.
int input_pipe_begin(InputPipe *input, bool *raw);
/// Whoever reads comes to the end. From any thread.
void input_pipe_stop(InputPipe *input);
/// Nobody reads any more. NULL is fine.
void input_pipe_close(InputPipe *input);

#endif
