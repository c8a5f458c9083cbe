// SPDX-License-Identifier: ISC
#include "checkpoint.h"

#include "hash.h"
#include "safetensors.h"
#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VECTORS = 6 };

/// One of the trainer's, with its bytes.
typedef struct Vector {
  const char *name;
  void *at;
  size_t bytes;
  bool real; ///< numbers of the trainer's kind
} Vector;

static uint32_t list_vectors(Trainer *trainer, uint32_t batch, Vector vector[static VECTORS])
{
  const TrainerState state = trainer_state(trainer);
  const size_t bytes = state.count * sizeof(real);
  vector[0] = (Vector){"weights", state.weights, bytes, true};
  vector[1] = (Vector){"m", state.m, bytes, true};
  vector[2] = (Vector){"v", state.v, bytes, true};
  vector[3] = (Vector){"ema", state.ema, bytes, true};
  vector[4] = (Vector){"carried", state.carried, state.carried_count * sizeof(real), true};
  vector[5] = (Vector){"before", state.before, batch, false};
  return state.carried ? VECTORS : 4;
}

/// 64 bits as text: JSON numbers have fewer.
static json_t *hex(uint64_t value)
{
  char text[17];
  snprintf(text, sizeof text, "%016" PRIx64, value);
  return json_string(text);
}

static bool read_hex(const json_t *object, const char *key, uint64_t *out)
{
  const char *text = json_string_value(json_object_get(object, key));
  if (!text || strlen(text) != 16 || text[strspn(text, "0123456789abcdef")] != '\0') return false;
  *out = strtoull(text, NULL, 16);
  return true;
}

static bool read_whole(const json_t *object, const char *key, uint64_t *out)
{
  const json_t *value = json_object_get(object, key);
  if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
  *out = (uint64_t)json_integer_value(value);
  return true;
}

static CenoteStatus read_run(const char *path, const json_t *run, Checkpoint *out, CenoteError *err)
{
  const char *missing = NULL;
  uint64_t processes = 0;
  out->settings = json_incref(json_object_get(run, "settings"));
  out->model = json_incref(json_object_get(run, "model"));
  out->elapsed_s = json_number_value(json_object_get(run, "elapsed_s"));
  if (!json_is_object(out->settings)) missing = "settings";
  else if (!json_is_object(out->model)) missing = "model";
  else if (!read_whole(run, "total_steps", &out->total_steps)) missing = "total_steps";
  else if (!read_whole(run, "log_bytes", &out->log_bytes)) missing = "log_bytes";
  else if (!read_whole(run, "processes", &processes)) missing = "processes";
  else if (!read_hex(run, "data", &out->data)) missing = "data";
  out->processes = (uint32_t)processes;
  if (missing) return cn_fail(err, CENOTE_BAD_STATE, "%s: metadata: run: no %s", path, missing);
  return CENOTE_OK;
}

/// The metadata's JSON.
static CenoteStatus load_run(const CnFile *file, json_t **run, CenoteError *err)
{
  const char *format = cn_file_note(file, "format");
  const char *text = cn_file_note(file, "run");
  *run = NULL;
  if (!format || strcmp(format, "cenote-checkpoint-1") != 0 || !text)
    return cn_fail(err, CENOTE_BAD_STATE, "%s: not a checkpoint of this program", file->path);
  *run = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  if (*run) return CENOTE_OK;
  return cn_fail(err, CENOTE_BAD_STATE, "%s: metadata: run is not JSON", file->path);
}

CenoteStatus checkpoint_open(const char *path, Checkpoint *out, CenoteError *err)
{
  *out = (Checkpoint){0};
  CnFile file;
  json_t *run = NULL;
  CN_TRY(cn_file_open(path, &file, err));
  CenoteStatus status = load_run(&file, &run, err);
  if (status == CENOTE_OK) status = read_run(path, run, out, err);
  json_decref(run);
  cn_file_close(&file);
  if (status != CENOTE_OK) checkpoint_clear(out);
  return status;
}

static CenoteStatus read_vector(const CnFile *file, const Vector *vector, uint64_t *hash,
                                CenoteError *err)
{
  const CnTensor *tensor = cn_file_find(file, vector->name);
  if (!tensor || tensor->end - tensor->begin != vector->bytes)
    return cn_fail(err, CENOTE_BAD_STATE, "%s: %s: want %zu bytes", file->path, vector->name,
                   vector->bytes);
  CN_TRY(cn_file_read(file, tensor, vector->at, err));
  *hash = cn_hash(*hash, vector->at, vector->bytes);
  return CENOTE_OK;
}

static CenoteStatus restore(const CnFile *file, const json_t *run, Trainer *trainer, uint32_t batch,
                            CenoteError *err)
{
  Vector vector[VECTORS];
  const TrainerState state = trainer_state(trainer);
  const uint32_t used = list_vectors(trainer, batch, vector);
  uint64_t hash = 0;
  uint64_t want;
  for (uint32_t i = 0; i < used; ++i) CN_TRY(read_vector(file, &vector[i], &hash, err));
  if (!read_hex(run, "hash", &want) || hash != want)
    return cn_fail(err, CENOTE_BAD_STATE, "%s: damaged: its numbers are not those written",
                   file->path);
  if (!read_whole(run, "counter", state.counter) || !read_whole(run, "steps", state.steps))
    return cn_fail(err, CENOTE_BAD_STATE, "%s: metadata: run: no counter or steps", file->path);
  return CENOTE_OK;
}

CenoteStatus checkpoint_restore(const char *path, Trainer *trainer, uint32_t batch,
                                CenoteError *err)
{
  CnFile file;
  json_t *run = NULL;
  CN_TRY(cn_file_open(path, &file, err));
  CenoteStatus status = load_run(&file, &run, err);
  if (status == CENOTE_OK) status = restore(&file, run, trainer, batch, err);
  json_decref(run);
  cn_file_close(&file);
  return status;
}

static char *run_text(const Checkpoint *checkpoint, const TrainerState *state, uint64_t hash)
{
  json_t *run = json_pack(
      "{s:O, s:O, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:f}", "settings", checkpoint->settings,
      "model", checkpoint->model, "total_steps", (json_int_t)checkpoint->total_steps, "log_bytes",
      (json_int_t)checkpoint->log_bytes, "processes", (json_int_t)checkpoint->processes, "data",
      hex(checkpoint->data), "hash", hex(hash), "counter", (json_int_t)*state->counter, "steps",
      (json_int_t)*state->steps, "elapsed_s", checkpoint->elapsed_s);
  char *text = run ? json_dumps(run, JSON_COMPACT) : NULL;
  json_decref(run);
  return text;
}

CenoteStatus checkpoint_save(const char *path, const Checkpoint *checkpoint, Trainer *trainer,
                             CenoteError *err)
{
  Vector vector[VECTORS];
  CnSave tensor[VECTORS];
  const TrainerState state = trainer_state(trainer);
  const uint32_t used = list_vectors(trainer, checkpoint->batch, vector);
  uint64_t hash = 0;
  for (uint32_t i = 0; i < used; ++i) {
    const bool bytes = !vector[i].real || sizeof(real) != sizeof(float);
    hash = cn_hash(hash, vector[i].at, vector[i].bytes);
    tensor[i] = (CnSave){.name = vector[i].name,
                         .dtype = bytes ? CN_I8 : CN_F32,
                         .rank = 1,
                         .dim = {bytes ? vector[i].bytes : vector[i].bytes / sizeof(float)},
                         .data = vector[i].at};
  }
  char *text = run_text(checkpoint, &state, hash);
  if (!text) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", path);
  const char *const key[] = {"format", "run"};
  const char *const value[] = {"cenote-checkpoint-1", text};
  const CenoteStatus status = cn_file_save_part(path, tensor, used, key, value, 2, err);
  free(text);
  return status;
}

void checkpoint_clear(Checkpoint *checkpoint)
{
  json_decref(checkpoint->settings);
  json_decref(checkpoint->model);
  *checkpoint = (Checkpoint){0};
}
