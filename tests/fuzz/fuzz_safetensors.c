// SPDX-License-Identifier: ISC
// Any bytes as a weights file: refused with a line that names it, or a model that plays. Half of
// the mutations change the header alone and keep its length true, or few would get past the first
// check.
#define _GNU_SOURCE
#include <cenote/cenote.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most); // libFuzzer's

static void broken(const char *promise)
{
  fprintf(stderr, "fuzz_safetensors: %s\n", promise);
  abort();
}

static void play(const CenoteModel *model)
{
  enum { STEPS = 16 };
  const CenoteModelInfo *info = cenote_model_info(model);
  if (info->macs_worst > 10000000) return; // a step of it is too slow to fuzz
  CenoteVoice *voice;
  float sound[STEPS];
  if (cenote_voice_new(model, &voice) != CENOTE_OK) broken("a small voice finds memory");
  cenote_voice_render(voice, sound, STEPS);
  for (int i = 0; i < STEPS; ++i)
    if (!(sound[i] >= -1.0f && sound[i] <= 1.0f)) broken("samples stay within [-1, 1]");
  void *state = malloc(info->state_bytes);
  if (!state) broken("a small state finds memory");
  cenote_voice_save(voice, state);
  if (cenote_voice_restore(voice, state, info->state_bytes) != CENOTE_OK)
    broken("a saved state is restored");
  free(state);
  cenote_voice_free(voice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
  static int fd = -1;
  static char path[64];
  if (fd < 0) {
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0) broken("memfd_create works here");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size)
    broken("the input can be written");
  CenoteModel *model;
  CenoteError err = {""};
  if (cenote_model_load(path, &model, &err) == CENOTE_OK) {
    play(model);
    cenote_model_free(model);
  } else if (model || strncmp(err.text, path, strlen(path)) != 0) {
    broken("an error names the file and leaves no model");
  }
  return 0;
}

/// Length of the header; `size` when it is not all there.
static size_t header_length(const uint8_t *bytes, size_t size)
{
  uint64_t length = 0;
  for (size_t i = 8; i-- > 0 && size >= 8;) length = length << 8 | bytes[i];
  return size >= 8 && length <= size - 8 ? (size_t)length : size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
  const size_t length = header_length(bytes, size);
  if (seed % 2 == 0 || length == size || length == 0) return LLVMFuzzerMutate(bytes, size, most);
  const size_t data = size - 8 - length;
  uint8_t *header = malloc(most);
  if (!header) broken("a small header finds memory");
  memcpy(header, bytes + 8, length);
  const size_t changed = LLVMFuzzerMutate(header, length, most - 8 - data);
  memmove(bytes + 8 + changed, bytes + 8 + length, data);
  memcpy(bytes + 8, header, changed);
  for (size_t i = 0; i < 8; ++i) bytes[i] = (uint8_t)((uint64_t)changed >> (8 * i));
  free(header);
  return 8 + changed + data;
}
