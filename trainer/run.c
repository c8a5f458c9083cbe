// SPDX-License-Identifier: ISC
#include "run_state.h"

#include "status.h"
#include "try.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

enum {
  VALIDATIONS = 20,    ///< of a run
  MOST_BAD_STEPS = 50, ///< one after another, before a run is given up
  CHECKPOINT_SECONDS = 60
};
// Eight bits is guessing. A run that needs half as much again has broken down.
static const double BROKEN_BITS = 12.0;
// Of the planned time, what validations may take.
static const double VALID_SHARE = 0.15;

double run_now_s(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double run_elapsed_s(const Run *run)
{
  return run_now_s() - run->began_s;
}

static void tell(const Run *run, void (*how)(void *, const char *), const char *format,
                 va_list args)
{
  char line[1200];
  if (!how || run->group->rank != 0) return;
  vsnprintf(line, sizeof line, format, args);
  how(run->hooks->arg, line);
}

void run_say(const Run *run, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  tell(run, run->hooks->say, format, args);
  va_end(args);
}

void run_warn(const Run *run, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  tell(run, run->hooks->warn, format, args);
  va_end(args);
}

static void take_crops(Run *run)
{
  const TrainerOptions *options = &run->settings->step;
  const uint8_t baseline = (uint8_t)run->weights.config.baseline;
  const uint64_t step = *run->state.steps;
  const uint32_t first = run->group->rank * run->batch;
  for (uint32_t i = 0; i < run->batch; ++i) {
    uint8_t *codes = run->codes + (size_t)i * options->length;
    if (options->carry)
      crops_walk(&run->crops, step, first + i, baseline, codes, &run->counts[i], &run->fresh[i]);
    else
      crops_draw(&run->crops, step * options->batch + first + i, baseline, codes, &run->counts[i]);
  }
}

/// Has the run broken down? err then says how.
static CenoteStatus check_health(Run *run, const StepResult *result)
{
  const uint64_t step = *run->state.steps;
  run->bad_steps = result->skipped ? run->bad_steps + 1 : 0;
  if (!isnan(result->loss_bits)) {
    const double weight = fmax(0.02, 1.0 / (double)++run->smooth_steps);
    run->smooth_bits += weight * (result->loss_bits - run->smooth_bits);
  }
  const char *what = NULL;
  if (run->bad_steps >= MOST_BAD_STEPS)
    what = isnan(result->loss_bits) ? "the loss is not a number"
                                    : "every gradient is longer than skip_threshold";
  else if (run->smooth_bits > BROKEN_BITS && run->smooth_steps > MOST_BAD_STEPS)
    what = "the loss is far above guessing";
  if (!what) return CENOTE_OK;
  return cn_fail(run->err, CENOTE_BAD_STATE,
                 "step %" PRIu64 ": %s (%.3g bits, gradient %.3g): the run has broken down; try a "
                 "lower --learning-rate or --clip",
                 step, what, result->loss_bits, result->grad_norm);
}

static void log_step(Run *run, const StepResult *result)
{
  const uint64_t step = *run->state.steps;
  const uint64_t every = run->total_steps > 1000 ? run->total_steps / 1000 : 1;
  if (!isnan(result->loss_bits)) {
    run->train_bits += result->loss_bits * (double)result->codes;
    run->train_codes += (double)result->codes;
  }
  if (step % every != 0 || run->group->rank != 0) return;
  // JSON has no NaN: what is not a number is null.
  json_t *bits =
      run->train_codes > 0.0 ? json_real(run->train_bits / run->train_codes) : json_null();
  json_t *norm = isfinite(result->grad_norm) ? json_real(result->grad_norm) : json_null();
  run_log(run, json_pack("{s:s, s:I, s:o, s:o, s:f, s:f, s:f, s:b}", "event", "step", "step",
                         (json_int_t)step, "train_bits", bits, "grad_norm", norm, "lr", result->lr,
                         "tokens_per_s", run->tokens_per_s, "elapsed_s", run_elapsed_s(run),
                         "skipped", (int)result->skipped));
  run->train_bits = run->train_codes = 0.0;
}

/// Of the steps alone, over the last second of them.
static void measure_speed(Run *run, const StepResult *result, double seconds)
{
  run->window_codes += (double)result->codes;
  run->window_s += seconds;
  // The first step is slower than the others.
  run->timed_s = run->smooth_steps > 1 ? run->timed_s + seconds : 0.0;
  if (run->smooth_steps > 1 && run->timed < RUN_TIMED) run->step_s[run->timed++] = seconds;
  if (run->window_s < 1.0 && run->tokens_per_s > 0.0) return;
  if (run->window_s > 0.0) run->tokens_per_s = run->window_codes / run->window_s;
  run->window_s = run->window_codes = 0.0;
}

static void show_progress(Run *run)
{
  const uint64_t step = *run->state.steps;
  if (!run->hooks->progress || run->group->rank != 0) return;
  const double tokens = (double)run->settings->step.batch * run->settings->step.length;
  const RunProgress progress = {
      .step = step,
      .steps = run->total_steps,
      .tokens_per_s = run->tokens_per_s,
      .train_bits = run->smooth_bits,
      .valid_bits = run->valid_bits,
      .left_s = run->total_steps > step && run->tokens_per_s > 0.0
                    ? (double)(run->total_steps - step) * tokens / run->tokens_per_s
                    : (double)NAN,
  };
  run->hooks->progress(run->hooks->arg, &progress);
}

/// Measure, write the weights, and let them sound. False: stopped meanwhile.
static bool validate(Run *run, bool whole, CenoteStatus *status)
{
  const uint64_t step = *run->state.steps;
  *status = CENOTE_OK;
  if (!run_validate(run, whole)) return false;
  if (isnan(run->valid_bits)) {
    *status = cn_fail(run->err, CENOTE_BAD_STATE,
                      "step %" PRIu64 ": the averaged weights give no numbers: the run has broken "
                      "down; try a lower --learning-rate or --clip",
                      step);
    return true;
  }
  run_say(run,
          "step %" PRIu64 "%s%.0" PRIu64
          ": train %.3f, valid %.3f bits a sample%s; %.0f samples/s, %.1f min",
          step, run->total_steps > 0 ? " of " : "", run->total_steps, run->smooth_bits,
          run->valid_bits, whole ? "" : " on a part", run->tokens_per_s, run_elapsed_s(run) / 60.0);
  if (run->group->rank == 0)
    run_log(run,
            json_pack("{s:s, s:I, s:f, s:I, s:b, s:f}", "event", "valid", "step", (json_int_t)step,
                      "valid_bits", run->valid_bits, "samples", (json_int_t)run->valid_codes,
                      "whole", (int)whole, "elapsed_s", run_elapsed_s(run)));
  *status = run_save_weights(run, whole);
  if (*status == CENOTE_OK) run_sample(run);
  run_draw_curve(run);
  return true;
}

static int by_size(const void *a, const void *b)
{
  const double *x = a;
  const double *y = b;
  return (*x > *y) - (*x < *y);
}

/// Other programs make some steps longer; they are not to count.
static double median(double *number, size_t count)
{
  qsort(number, count, sizeof *number, by_size);
  return number[count / 2];
}

/// How long the run will be: once, from the time that steps and a validation took.
static void plan_steps(Run *run, double valid_s)
{
  const uint64_t step = *run->state.steps;
  const double whole = (double)run->data.valid.count / (double)run->valid_codes;
  const double last_s = valid_s + (whole - 1.0) * run->heard_s;
  const double left = 60.0 * run->settings->minutes - run_elapsed_s(run) - last_s;
  const double step_s = median(run->step_s, run->timed);
  double validations = floor(left * VALID_SHARE / valid_s);
  validations = fmin(fmax(validations, 1.0), VALIDATIONS - 1.0);
  const double steps = floor((left - validations * valid_s) / step_s);
  uint64_t plan[2] = {step + (steps > 1.0 ? (uint64_t)steps : 1), 0};
  plan[1] = (uint64_t)((double)plan[0] / (validations + 1.0)) + 1;
  group_share(run->group, plan, sizeof plan); // clocks differ
  run->total_steps = plan[0];
  if (run->valid_every == 0) run->valid_every = plan[1];
  if (run->settings->cosine) trainer_set_decay_steps(run->trainer, run->total_steps);
  run_say(run, "%" PRIu64 " steps fit into %g minutes", run->total_steps, run->settings->minutes);
  if (run->total_steps < 2 * run->settings->step.warmup_steps)
    run_warn(run,
             "the learning rate rises for %" PRIu64 " of them; give more minutes, or fewer "
             "--warmup-steps",
             run->settings->step.warmup_steps);
}

/// One process's word for all: a signal, or the time for something.
static bool any(const Run *run, bool mine)
{
  double flag = mine ? 1.0 : 0.0;
  group_sum(run->group, &flag, 1);
  return flag > 0.0;
}

/// When the steps that were timed tell enough. False: stopped.
static bool plan_if_due(Run *run, CenoteStatus *status)
{
  const double wait = fmin(15.0, 3.0 * run->settings->minutes); // a twentieth of the time
  const bool enough = run->timed >= 3 && run->timed_s >= wait;
  if (run->total_steps > 0 || !any(run, run->group->rank == 0 && enough)) return true;
  const double begin_s = run_now_s();
  if (!validate(run, false, status)) return false;
  plan_steps(run, run_now_s() - begin_s);
  if (*status == CENOTE_OK) *status = run_save_checkpoint(run);
  return true;
}

static bool checkpoint_due(const Run *run)
{
  const uint64_t every = run->settings->checkpoint_every;
  if (every > 0) return *run->state.steps % every == 0;
  return run_now_s() - run->saved_s >= CHECKPOINT_SECONDS;
}

/// A file that cannot be written now may be so later; only the last time it is the end. A run that
/// has broken down is.
static CenoteStatus forgive(Run *run, CenoteStatus status)
{
  if (status == CENOTE_BAD_STATE) return status;
  if (status != CENOTE_OK) run_warn(run, "%s; going on", run->err->text);
  return CENOTE_OK;
}

/// Steps until the end, a signal (*stopped), or a breakdown.
static CenoteStatus turn(Run *run, bool *stopped)
{
  for (;;) {
    StepResult result;
    CenoteStatus status = CENOTE_OK;
    *stopped = any(run, atomic_load(run->hooks->stop) != 0);
    if (*stopped || (run->total_steps > 0 && *run->state.steps >= run->total_steps))
      return CENOTE_OK;
    take_crops(run);
    const double begin_s = run_now_s();
    trainer_step(run->trainer, run->codes, run->counts,
                 run->settings->step.carry ? run->fresh : NULL, &result);
    CN_TRY(check_health(run, &result));
    measure_speed(run, &result, run_now_s() - begin_s);
    log_step(run, &result);
    show_progress(run);
    if (!plan_if_due(run, &status)) continue;
    CN_TRY(forgive(run, status));
    const uint64_t step = *run->state.steps;
    if (run->valid_every > 0 && step % run->valid_every == 0 && step < run->total_steps) {
      if (!validate(run, false, &status)) continue;
      CN_TRY(forgive(run, status));
    }
    if (checkpoint_due(run) && !isnan(result.loss_bits))
      CN_TRY(forgive(run, run_save_checkpoint(run)));
  }
}

static CenoteStatus finish(Run *run, bool *stopped)
{
  CenoteStatus status = CENOTE_OK;
  if (!*stopped) *stopped = !validate(run, true, &status);
  if (status == CENOTE_BAD_STATE) return status;
  // The checkpoint first: with it the rest can be had again.
  CenoteStatus saved = run_save_checkpoint(run);
  if (*stopped) status = run_save_weights(run, false);
  if (saved != CENOTE_OK || status != CENOTE_OK) return saved != CENOTE_OK ? saved : status;
  if (*stopped)
    run_say(run, "stopped at step %" PRIu64 "; --resume goes on from %s", *run->state.steps,
            run->files.checkpoint);
  else run_say(run, "done: %s, %.4f bits a sample on valid", run->files.weights, run->valid_bits);
  return CENOTE_OK;
}

static void clear(Run *run)
{
  run_close_log(run);
  trainer_free(run->trainer);
  crops_clear(&run->crops);
  data_clear(&run->data);
  cn_weights_clear(&run->weights);
  free(run->codes);
  free(run->counts);
  free(run->fresh);
  free(run->clip_bits);
}

CenoteStatus train_run(const RunTask *task, const Group *group, const RunHooks *hooks,
                       bool *stopped, CenoteError *err)
{
  Run *run = calloc(1, sizeof *run);
  *stopped = false;
  if (!run) return cn_fail(err, CENOTE_NO_MEMORY, "out of memory");
  run->task = task;
  run->settings = task->settings;
  run->group = group;
  run->hooks = hooks;
  run->err = err;
  run->valid_bits = (double)NAN;
  run->began_s = run_now_s();
  CenoteStatus status = CENOTE_OK;
  if (!run_name_files(task->output, &run->files))
    status = cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: too long a name", task->output);
  if (status == CENOTE_OK) status = run_begin(run);
  run->valid_every = run->settings->valid_every;
  if (run->valid_every == 0 && run->total_steps > 0)
    run->valid_every = run->total_steps / VALIDATIONS + 1;
  if (status == CENOTE_OK) status = turn(run, stopped);
  if (status == CENOTE_OK) status = finish(run, stopped);
  clear(run);
  free(run);
  return status;
}
