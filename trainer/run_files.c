// SPDX-License-Identifier: ISC
// What a run leaves on the disk. Everything is written aside and renamed; the log alone grows, and
// is cut back to what the checkpoint knows of when the run goes on.
#include "run_state.h"

#include "hash.h"
#include "save.h"
#include "status.h"
#include "try.h"

#include "curve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool run_name_files(const char *output, RunFiles *files)
{
  static const char ending[] = ".safetensors";
  size_t base = strlen(output);
  if (base + 64 > RUN_PATH) return false;
  if (base > sizeof ending - 1 && strcmp(output + base - (sizeof ending - 1), ending) == 0)
    base -= sizeof ending - 1;
  snprintf(files->base, RUN_PATH, "%.*s", (int)base, output);
  snprintf(files->weights, RUN_PATH, "%s", output);
  snprintf(files->checkpoint, RUN_PATH, "%.*s.ckpt", (int)base, output);
  snprintf(files->log, RUN_PATH, "%.*s.jsonl", (int)base, output);
  snprintf(files->curve, RUN_PATH, "%.*s.svg", (int)base, output);
  return true;
}

static CenoteStatus check_file(const char *path, CenoteError *err)
{
  struct stat st;
  int error = EISDIR;
  if (stat(path, &st) != 0) error = errno;
  else if (!S_ISDIR(st.st_mode)) return CENOTE_OK;
  if (error == ENOENT) return CENOTE_OK;
  return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", path, strerror(error));
}

CenoteStatus run_check_files(const Run *run)
{
  const RunFiles *files = &run->files;
  const char *const path[] = {files->weights, files->checkpoint, files->log, files->curve};
  for (size_t i = 0; i < sizeof path / sizeof *path; ++i) CN_TRY(check_file(path[i], run->err));
  const char *slash = strrchr(files->weights, '/');
  char folder[RUN_PATH];
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - files->weights) + 1 : 1,
           slash ? files->weights : ".");
  if (access(folder, W_OK | X_OK) == 0) return CENOTE_OK;
  return cn_fail(run->err, CENOTE_FILE_ERROR, "%s: cannot write: %s", files->weights,
                 strerror(errno));
}

CenoteStatus run_open_log(Run *run, uint64_t bytes)
{
  RunFiles *files = &run->files;
  const int fd = open(files->log, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0)
    return cn_fail(run->err, CENOTE_FILE_ERROR, "%s: cannot write: %s", files->log,
                   strerror(errno));
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(fd, F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN)) {
    close(fd);
    return cn_fail(run->err, CENOTE_FILE_ERROR, "%s: another run is writing it", files->log);
  }
  const off_t size = lseek(fd, 0, SEEK_END);
  if ((uint64_t)size < bytes) run_warn(run, "%s: shorter than it was: lines are lost", files->log);
  if ((uint64_t)size > bytes && ftruncate(fd, (off_t)bytes) != 0)
    run_warn(run, "%s: cannot cut it back: %s", files->log, strerror(errno));
  lseek(fd, 0, SEEK_END);
  // Also read, by the curve: to open it a second time would, at the close, take away the lock.
  files->open_log = fdopen(fd, "a+");
  if (files->open_log) return CENOTE_OK;
  close(fd);
  return cn_fail(run->err, CENOTE_NO_MEMORY, "%s: out of memory", files->log);
}

void run_log(Run *run, json_t *line)
{
  char *text =
      run->files.open_log && line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
  json_decref(line);
  if (!text) return;
  const bool good =
      fprintf(run->files.open_log, "%s\n", text) > 0 && fflush(run->files.open_log) == 0;
  free(text);
  if (good) return;
  clearerr(run->files.open_log);
  if (!run->files.warned) run_warn(run, "%s: cannot write: %s", run->files.log, strerror(errno));
  run->files.warned = true;
}

void run_close_log(Run *run)
{
  if (run->files.open_log) fclose(run->files.open_log);
  run->files.open_log = NULL;
}

CenoteStatus run_save_checkpoint(Run *run)
{
  run->saved_s = run_now_s();
  if (run->group->rank != 0) return CENOTE_OK;
  FILE *log = run->files.open_log;
  fsync(fileno(log));
  const long at = ftell(log);
  json_t *settings = settings_to_json(run->settings, false);
  const Checkpoint checkpoint = {
      .settings = settings,
      .model = run->settings->model,
      .total_steps = run->total_steps,
      .data = run->data.fingerprint,
      .processes = run->group->size,
      .batch = run->batch,
      .log_bytes = at > 0 ? (uint64_t)at : 0,
      .elapsed_s = run_elapsed_s(run),
  };
  const CenoteStatus status =
      checkpoint_save(run->files.checkpoint, &checkpoint, run->trainer, run->err);
  json_decref(settings);
  return status;
}

/// Room for the notes' values.
typedef struct Notes {
  char name[256];
  char program[64];
  char data[512];
  char valid[96];
  char baselines[96];
  char steps[32];
} Notes;

static void fill_notes(const Run *run, bool whole, Notes *notes)
{
  const double hour = 3600.0 * run->weights.config.sample_rate_hz;
  const Data *data = &run->data;
  const char *path = run->task->data;
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') --end;
  size_t begin = end;
  while (begin > 0 && path[begin - 1] != '/') --begin;
  cn_weights_name(&run->weights, run->files.weights, notes->name, sizeof notes->name);
  snprintf(notes->program, sizeof notes->program, "cenote %s", cenote_version());
  snprintf(notes->data, sizeof notes->data,
           "%.*s: %zu clips, %.4f hours (train); %zu clips, %.4f hours (valid); %016" PRIx64,
           (int)(end - begin < 255 ? end - begin : 255), path + begin, data->train.clips,
           (double)data->train.count / hour, data->valid.clips, (double)data->valid.count / hour,
           data->fingerprint);
  if (isnan(run->valid_bits)) snprintf(notes->valid, sizeof notes->valid, "not measured");
  else
    snprintf(notes->valid, sizeof notes->valid, "%.6f%s", run->valid_bits,
             whole ? "" : " on a part of it");
  snprintf(notes->baselines, sizeof notes->baselines, "order 0 %.3f, order 1 %.3f", run->order0,
           run->order1);
  snprintf(notes->steps, sizeof notes->steps, "%" PRIu64, *run->state.steps);
}

CenoteStatus run_save_weights(Run *run, bool whole)
{
  if (run->group->rank != 0) return CENOTE_OK;
  Notes notes;
  fill_notes(run, whole, &notes);
  json_t *kept = settings_to_json(run->settings, true);
  char *settings = kept ? json_dumps(kept, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
  json_decref(kept);
  if (!settings)
    return cn_fail(run->err, CENOTE_NO_MEMORY, "%s: out of memory", run->files.weights);
  const SaveNote note[] = {
      {"name", notes.name},
      {"trained_by", notes.program},
      {"training_data", notes.data},
      {"training", settings},
      {"steps", notes.steps},
      {"valid_bits_per_sample", notes.valid},
      {"valid_baselines", notes.baselines},
  };
  trainer_export(run->trainer, true, run->weights.data);
  const CenoteStatus status =
      weights_save(run->files.weights, &run->weights.config, &run->weights.params,
                   run->weights.data, note, sizeof note / sizeof *note, run->err);
  free(settings);
  return status;
}

static CenoteStatus write_wav(const char *path, CenoteVoice *voice, uint32_t rate_hz,
                              uint64_t frames, CenoteError *err)
{
  enum { BLOCK = 1024 };
  char part[RUN_PATH + 40];
  snprintf(part, sizeof part, "%s.part", path);
  SF_INFO info = {
      .samplerate = (int)rate_hz, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
  SNDFILE *file = sf_open(part, SFM_WRITE, &info);
  bool good = file != NULL;
  while (good && frames > 0) {
    float samples[BLOCK];
    const uint32_t count = frames < BLOCK ? (uint32_t)frames : BLOCK;
    cenote_voice_render(voice, samples, count);
    good = sf_writef_float(file, samples, count) == (sf_count_t)count;
    frames -= count;
  }
  if (file) good = sf_close(file) == 0 && good;
  good = good && rename(part, path) == 0;
  if (good) return CENOTE_OK;
  unlink(part);
  return cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot write the sample", path);
}

void run_sample(Run *run)
{
  const uint32_t rate_hz = run->weights.config.sample_rate_hz;
  const uint64_t frames = (uint64_t)(run->settings->sample_seconds * rate_hz);
  if (run->group->rank != 0 || frames == 0) return;
  char path[RUN_PATH + 32];
  CenoteError err = {""};
  CenoteModel *model = NULL;
  CenoteVoice *voice = NULL;
  snprintf(path, sizeof path, "%s.%" PRIu64 ".wav", run->files.base, *run->state.steps);
  CenoteStatus status = cenote_model_load(run->files.weights, &model, &err);
  if (status == CENOTE_OK) {
    status = cenote_voice_new(model, &voice);
    cn_fail(&err, status, "%s: %s", path, cenote_strerror(status));
  }
  if (status == CENOTE_OK) {
    cenote_voice_set_seed(voice, run->settings->step.seed);
    cenote_voice_set_temperature(voice, (float)run->settings->sample_temperature);
    status = write_wav(path, voice, rate_hz, frames, &err);
  }
  cenote_voice_free(voice);
  cenote_model_free(model);
  if (status != CENOTE_OK) run_warn(run, "%s", err.text);
}

void run_draw_curve(Run *run)
{
  CenoteError err = {""};
  if (run->group->rank == 0 &&
      curve_write(run->files.open_log, run->files.curve, &err) != CENOTE_OK)
    run_warn(run, "%s", err.text);
}
