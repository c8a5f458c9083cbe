// SPDX-License-Identifier: ISC
#include "slot.h"

#include "aside.h"
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

CenoteStatus slot_load(const char *path, CenoteVoice *voice, CenoteError *err)
{
  const CenoteModel *model = cenote_voice_model(voice);
  const size_t bytes = cenote_model_info(model)->state_bytes;
  FILE *file = fopen(path, "rb");
  if (!file) return cli_error(err, CENOTE_FILE_ERROR, "%s: cannot open: %s", path, strerror(errno));
  CenoteStatus status = CENOTE_OK;
  CenoteError why;
  char *state = malloc(bytes);
  const size_t got = state ? fread(state, 1, bytes, file) : 0;
  if (!state) status = cli_error(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  else if (ferror(file))
    status = cli_error(err, CENOTE_FILE_ERROR, "%s: cannot read: %s", path, strerror(errno));
  else if (cenote_state_check(model, state, got, &why) != CENOTE_OK)
    status = cli_error(err, CENOTE_BAD_STATE, "%s: %s", path, why.text);
  else if (fgetc(file) != EOF)
    status =
        cli_error(err, CENOTE_BAD_STATE, "%s: longer than the %zu bytes of a state", path, bytes);
  else status = cenote_voice_restore(voice, state, bytes);
  free(state);
  fclose(file);
  return status;
}

CenoteStatus slot_write(const Aside *file, const CenoteVoice *voice, CenoteError *err)
{
  const size_t bytes = cenote_model_info(cenote_voice_model(voice))->state_bytes;
  char *state = malloc(bytes);
  if (!state) return cli_error(err, CENOTE_NO_MEMORY, "%s: out of memory", file->shown);
  cenote_voice_save(voice, state);
  cenote_state_seal(state, bytes);
  size_t at = 0;
  ssize_t wrote = 0;
  for (; at < bytes && wrote >= 0; at += wrote > 0 ? (size_t)wrote : 0)
    wrote = write(file->fd, state + at, bytes - at);
  const int error = errno;
  free(state);
  if (wrote >= 0) return CENOTE_OK;
  return cli_error(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", file->shown, strerror(error));
}
