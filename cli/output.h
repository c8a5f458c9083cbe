// SPDX-License-Identifier: ISC
// Writing sound: mono, 16-bit, of a length known beforehand, to a file or a pipe.
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <cenote/cenote.h>

#include <math.h>

/// The 16-bit number of a sample in [-1, 1]: s * 32767, rounded half to even.
static inline int16_t output_int16(float sample)
{
  const float clamped = sample > 1.0f ? 1.0f : sample < -1.0f ? -1.0f : sample;
  return (int16_t)lrintf(clamped * 32767.0f);
}

typedef struct OutputFormat OutputFormat;
typedef struct Output Output;

/// Names of all formats, for messages.
#define OUTPUT_FORMATS "wav, rf64, w64, flac, raw, au, aiff, ogg"

/// The format of that name, NULL when there is none. Without a name (NULL) what the path's ending
/// says, or else wav.
const OutputFormat *output_format(const char *name, const char *path);

/// Open for so many frames. On failure *out is NULL; CENOTE_BAD_ARGUMENT: this format cannot go to
/// a pipe, or cannot hold so much.
CenoteStatus output_open(const char *path, const OutputFormat *format, uint32_t rate_hz,
                         uint64_t frames, Output **out, CenoteError *err);
CenoteStatus output_write(Output *output, const float *samples, size_t count, CenoteError *err);
/// All is written: finish the file and put it in its place. Frees, also on failure.
CenoteStatus output_keep(Output *output, CenoteError *err);
/// Leave nothing. Frees; NULL is fine.
void output_drop(Output *output);

#endif
