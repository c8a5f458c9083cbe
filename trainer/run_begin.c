// SPDX-License-Identifier: ISC
// What comes before the first step: the data read, the model made or taken up again, the files
// open.
#include "run_state.h"

#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static void skip_file(void *arg, const char *why)
{
  run_warn(arg, "left out: %s", why);
}

static void tell_reading(void *arg, size_t done, size_t files)
{
  const Run *run = arg;
  if (run->hooks->reading && run->group->rank == 0)
    run->hooks->reading(run->hooks->arg, done, files);
}

static CenoteStatus load_data(Run *run)
{
  const Settings *settings = run->settings;
  const DataOptions options = {
      .config = &run->weights.config,
      .strict = settings->strict,
      .trim_db = settings->trim_silence,
      .raw = {(uint32_t)settings->raw_rate, (uint32_t)settings->raw_channels},
      .own = run->files.base,
      .skip = skip_file,
      .progress = tell_reading,
      .arg = run,
  };
  static const char *const split[] = {
      [DATA_FOLDERS] = "from its folders train and valid",
      [DATA_NAMES] = "valid: about a tenth of the files, by a hash of their names",
      [DATA_TENTH] = "valid: the last tenth of the only file",
  };
  CN_TRY(data_load(run->task->data, &options, &run->data, run->err));
  const Data *data = &run->data;
  const double minute = 60.0 * run->weights.config.sample_rate_hz;
  if (data_baselines(&data->train, &data->valid, &run->order0, &run->order1) != CENOTE_OK)
    return cn_fail(run->err, CENOTE_NO_MEMORY, "%s: out of memory", run->task->data);
  run_say(run, "data: train %.2f hours (%.1f min) in %zu clips, valid %.1f min in %zu; %zu skipped",
          (double)data->train.count / minute / 60.0, (double)data->train.count / minute,
          data->train.clips, (double)data->valid.count / minute, data->valid.clips, data->skipped);
  run_say(run, "      %s", split[data->split]);
  run_say(run, "      counting needs %.3f bits a sample on valid (order 0), %.3f (order 1)",
          run->order0, run->order1);
  return CENOTE_OK;
}

static void sum_hook(void *arg, real *grad, size_t n, double totals[2])
{
  const Run *run = arg;
  group_sum_real(run->group, grad, n);
  group_sum(run->group, totals, 2);
}

static CenoteStatus make_trainer(Run *run)
{
  TrainerOptions options = run->settings->step;
  const Group *group = run->group;
  TrainerPlan plan;
  if (options.batch % group->size != 0)
    return cn_fail(run->err, CENOTE_BAD_ARGUMENT,
                   "batch: %u crops cannot be shared equally by %u processes", options.batch,
                   group->size);
  if (options.carry && group->size > 1)
    return cn_fail(run->err, CENOTE_BAD_ARGUMENT, "carry: only by one process");
  options.batch = run->batch = options.batch / group->size;
  options.first_clip = group->rank * run->batch;
  options.decay_steps = run->settings->cosine ? run->total_steps : 0;
  if (group->size > 1) {
    options.sum = sum_hook;
    options.sum_arg = run;
  }
  CN_TRY(trainer_plan(&run->weights.config, &options, &plan, run->err));
  run_say(run, "model: %" PRIu64 " weights; training takes %.0f MB", plan.weights,
          1e-6 * (double)plan.bytes);
  if (plan.recomputed > 0)
    run_say(run, "       to stay within the memory, %u of %u blocks are worked out twice",
            plan.recomputed, plan.blocks);
  run_say(run, "step:  %u crops of %u samples on %u thread%s%s", run->settings->step.batch,
          options.length, options.threads, options.threads == 1 ? "" : "s",
          group->size > 1 ? " in each process" : "");
  CN_TRY(trainer_new(&run->weights, &options, &run->trainer, run->err));
  run->state = trainer_state(run->trainer);
  return CENOTE_OK;
}

static CenoteStatus make_room(Run *run)
{
  const TrainerOptions *options = &run->settings->step;
  run->codes = malloc((size_t)run->batch * options->length);
  run->counts = malloc(run->batch * sizeof *run->counts);
  run->fresh = malloc(run->batch * sizeof *run->fresh);
  run->clip_bits = malloc(run->data.valid.clips * sizeof *run->clip_bits);
  const bool crops =
      crops_new(&run->data.train, options->seed, options->length, &run->crops) == CENOTE_OK;
  if (crops && run->codes && run->counts && run->fresh && run->clip_bits) return CENOTE_OK;
  return cn_fail(run->err, CENOTE_NO_MEMORY, "out of memory for the crops of a step");
}

/// From the checkpoint; *log_bytes is what it knows of the log.
static CenoteStatus resume(Run *run, uint64_t *log_bytes)
{
  Checkpoint checkpoint;
  CN_TRY(checkpoint_open(run->files.checkpoint, &checkpoint, run->err));
  const uint64_t data = checkpoint.data;
  const uint64_t steps = run->settings->steps;
  *log_bytes = checkpoint.log_bytes;
  run->total_steps = steps > 0 ? steps : checkpoint.total_steps;
  run->began_s = run_now_s() - checkpoint.elapsed_s;
  const bool other_end = run->settings->cosine && checkpoint.total_steps > 0 &&
                         run->total_steps != checkpoint.total_steps;
  const uint64_t old_total = checkpoint.total_steps;
  const bool other_group = checkpoint.processes != run->group->size;
  checkpoint_clear(&checkpoint);
  if (other_end)
    return cn_fail(run->err, CENOTE_BAD_ARGUMENT,
                   "steps: the learning rate of this run falls to 0 at step %" PRIu64
                   ", so it cannot end at %" PRIu64,
                   old_total, steps);
  if (data != run->data.fingerprint)
    return cn_fail(run->err, CENOTE_BAD_STATE,
                   "%s: not the recordings that %s was trained on (files added, changed or gone?)",
                   run->task->data, run->files.checkpoint);
  if (other_group)
    run_warn(run, "another number of processes than before: not bit for bit the same");
  return CENOTE_OK;
}

static bool is_there(const char *path)
{
  return access(path, F_OK) == 0;
}

static json_t *start_line(const Run *run)
{
  json_t *line = json_pack(
      "{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:O, s:s}", "event", "start", "train_samples",
      (json_int_t)run->data.train.count, "valid_samples", (json_int_t)run->data.valid.count,
      "train_clips", (json_int_t)run->data.train.clips, "valid_clips",
      (json_int_t)run->data.valid.clips, "skipped", (json_int_t)run->data.skipped, "order0_bits",
      run->order0, "order1_bits", run->order1, "settings", settings_to_json(run->settings, false),
      "model", run->settings->model, "version", cenote_version());
  return line;
}

CenoteStatus run_begin(Run *run)
{
  uint64_t log_bytes = 0;
  char *model = settings_model(run->settings);
  if (!model) return cn_fail(run->err, CENOTE_NO_MEMORY, "out of memory");
  const CenoteStatus status =
      trainer_init_weights("the model", model, run->settings->step.seed, &run->weights, run->err);
  free(model);
  if (status != CENOTE_OK) return status;
  if (run->group->rank == 0) CN_TRY(run_check_files(run));
  // The first process looks, for all: it may write the files before another gets here.
  bool there[2] = {is_there(run->files.weights), is_there(run->files.checkpoint)};
  group_share(run->group, there, sizeof there);
  const bool going_on = run->task->resume && there[1];
  if (!going_on && !run->task->force && (there[0] || there[1]))
    return cn_fail(run->err, CENOTE_FILE_ERROR, "%s: is there already; %s--force writes over it",
                   there[0] ? run->files.weights : run->files.checkpoint,
                   there[1] ? "--resume goes on with it, " : "");
  CN_TRY(load_data(run));
  run->total_steps = run->settings->steps;
  if (going_on) CN_TRY(resume(run, &log_bytes));
  CN_TRY(make_trainer(run));
  CN_TRY(make_room(run));
  if (going_on)
    CN_TRY(checkpoint_restore(run->files.checkpoint, run->trainer, run->batch, run->err));
  if (run->group->rank == 0) CN_TRY(run_open_log(run, log_bytes));
  if (going_on) run_say(run, "going on from step %" PRIu64, *run->state.steps);
  else if (run->group->rank == 0) run_log(run, start_line(run));
  // From here on there is something to go on from.
  return going_on ? CENOTE_OK : run_save_checkpoint(run);
}

CenoteStatus train_settings(const char *output, Settings **out, CenoteError *err)
{
  RunFiles files;
  Checkpoint checkpoint;
  *out = NULL;
  if (!run_name_files(output, &files) || !is_there(files.checkpoint))
    return cn_fail(err, CENOTE_NOT_FOUND, "%s: no checkpoint of it", output);
  CN_TRY(checkpoint_open(files.checkpoint, &checkpoint, err));
  Settings *settings = settings_new("small");
  CenoteStatus status = settings ? CENOTE_OK : cn_fail(err, CENOTE_NO_MEMORY, "out of memory");
  if (settings) {
    json_decref(settings->model);
    settings->model = json_incref(checkpoint.model);
    status = settings_from_json(files.checkpoint, checkpoint.settings, false, settings, err);
  }
  checkpoint_clear(&checkpoint);
  if (status == CENOTE_OK) *out = settings;
  else settings_free(settings);
  return status;
}
