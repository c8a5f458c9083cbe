// SPDX-License-Identifier: ISC
// Any bytes as a weights file: refused with a line that names it, or a model that plays. Seeds:
// tests/golden.
#define _GNU_SOURCE
#include <cenote/cenote.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

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
