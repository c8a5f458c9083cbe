// SPDX-License-Identifier: ISC
// A mono 16-bit sound file or pipe of known length. A file is written aside and takes its place
// only when it is whole.
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <cenote/cenote.h>

typedef struct Output Output;

/// `path` "-" is standard output. `format` NULL: by the file's ending, else wav. `frames`: how many
/// will come.
CenoteStatus output_open(const char *path, const char *format, uint32_t rate_hz, uint64_t frames,
                         Output **out, CenoteError *err);
/// samples[count] in [-1, 1]; as 16 bits they are s * 32767, rounded half to even. False when it
/// cannot be written.
bool output_write(Output *output, const float *samples, size_t count);
/// Put the finished file in its place (`keep`), or leave nothing. Frees.
CenoteStatus output_close(Output *output, bool keep, CenoteError *err);

/// Remove what is being written aside, from a signal handler.
void output_abandon(void);

#endif
