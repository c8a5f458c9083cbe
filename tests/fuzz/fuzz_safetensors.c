// SPDX-License-Identifier: ISC
// Bytes as a weights file: refused with one line, or played for a few steps.
#define _GNU_SOURCE // memfd_create

#include <cenote/cenote.h>

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char path[64];
  CenoteModel *model;
  CenoteVoice *voice;
  CenoteError err;
  const int fd = memfd_create("weights", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
    if (fd >= 0) close(fd);
    return 0;
  }
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (cenote_model_load(path, &model, &err) == CENOTE_OK) {
    if (cenote_voice_new(model, &voice) == CENOTE_OK) {
      float sound[40];
      cenote_voice_render(voice, sound, 40);
      cenote_voice_free(voice);
    }
    cenote_model_free(model);
  }
  close(fd);
  return 0;
}
