// SPDX-License-Identifier: ISC
// What the command line uses of the trainer: the whole-sequence pass and the files of codes and
// answers around it.
#ifndef TRAINER_TRAINER_H
#define TRAINER_TRAINER_H

#include <cenote/cenote.h>

#include <sys/types.h>

/// Weights for the whole-sequence pass: the trainer's forward pass, many steps at a time.
typedef struct Net Net;
/// A stream through it: the recurrent states, open pooling units and delays between two calls.
typedef struct NetStream NetStream;

/// On failure *out is NULL and err names file and tensor, as cenote_model_load does.
CenoteStatus net_open(const char *path, Net **out, CenoteError *err);
/// NULL is fine; close its streams first.
void net_close(Net *net);

/// A stream at its start, for up to `most` steps a call.
CenoteStatus net_stream_new(const Net *net, size_t most, NetStream **out);
/// NULL is fine.
void net_stream_free(NetStream *stream);
/// Back to the start.
void net_stream_reset(NetStream *stream);

/// The next `steps` (<= most) steps, teacher-forced: logits[steps][256] before each code is seen.
/// Cutting a sequence into calls anywhere changes nothing but float rounding.
void net_stream_listen(NetStream *stream, const uint8_t *codes, size_t steps, float *logits);

/// `tokens` I32 [T] of a safetensors file as codes[*count]; free() them. Values outside 0..255 and
/// an empty list are errors.
CenoteStatus tokens_load(const char *path, uint8_t **codes, size_t *count, CenoteError *err);

/// F32 `logits` [count, 256] and F32 `nll_bits` [1], written aside and renamed over `path`.
CenoteStatus answers_save(const char *path, const float *logits, size_t count, double nll_bits,
                          CenoteError *err);

/// Where a file that is written aside is to be put: the name at the end of all links from `path`,
/// whether anything is there or not; free() it. *mode are the rights of what is there, or those
/// that a plain open would give. NULL with errno.
char *place_find(const char *path, mode_t *mode);

#endif
