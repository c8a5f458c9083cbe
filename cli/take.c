// SPDX-License-Identifier: ISC
#include "take.h"

#include "cli.h"
#include "progress.h"
#include "slot.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512, MAX_THREADS = 256 };

/// What the threads share.
typedef struct Work {
  const Takes *takes;
  void *start; ///< saved state
  atomic_uint_fast64_t next;
  atomic_bool failed;
  atomic_int status;
  Progress progress;
} Work;

/// One take.
typedef struct Take {
  Work *work;
  CenoteVoice *voice;
  CenoteResampler *resampler; ///< NULL: the model's rate
  Output *output;             ///< NULL: no sound is kept
  Aside slot;
  uint64_t left; ///< frames still to be written
} Take;

static atomic_int caught; // the signal that asked to end

static void on_signal(int number)
{
  atomic_store(&caught, number);
}

/// Not restarting: a write that is stuck in a pipe ends too.
static void catch_signals(void)
{
  struct sigaction action = {.sa_handler = on_signal};
  struct sigaction before;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) // not under nohup
    sigaction(SIGHUP, &action, NULL);
}

uint64_t takes_frames(uint64_t steps, uint32_t model_hz, uint32_t rate_hz)
{
  const uint64_t seconds = steps / model_hz;
  const uint64_t rest = steps % model_hz;
  return seconds * rate_hz + (rest * rate_hz + model_hz / 2) / model_hz;
}

/// Rendered samples to the file, through the resampler if there is one. `last` brings out what the
/// resampler holds; were that too little, zeros make the length right.
static CenoteStatus put(Take *take, const float *samples, uint32_t count, bool last,
                        CenoteError *err)
{
  if (!take->output) return CENOTE_OK;
  if (!take->resampler) return output_write(take->output, samples, count, err);
  float out[BLOCK];
  uint32_t used;
  uint32_t made;
  do {
    cenote_resampler_process(take->resampler, samples, count, &used, out, BLOCK, &made, last);
    samples += used;
    count -= used;
    if (last && used == 0 && made == 0) {
      memset(out, 0, sizeof out);
      made = BLOCK;
    }
    const uint32_t write = made < take->left ? made : (uint32_t)take->left;
    const CenoteStatus status = output_write(take->output, out, write, err);
    if (status != CENOTE_OK) return status;
    take->left -= write;
  } while (last ? take->left > 0 : used > 0 || made == BLOCK);
  return CENOTE_OK;
}

static CenoteStatus generate(Take *take, CenoteError *err)
{
  const uint64_t steps = take->work->takes->steps;
  float samples[BLOCK];
  for (uint64_t done = 0; done < steps;) {
    if (atomic_load(&caught) || atomic_load(&take->work->failed))
      return cli_error(err, CENOTE_FILE_ERROR, "interrupted");
    const uint32_t n = steps - done < BLOCK ? (uint32_t)(steps - done) : BLOCK;
    cenote_voice_render(take->voice, samples, n);
    if (!cenote_voice_finite(take->voice))
      return cli_error(err, CENOTE_BAD_MODEL,
                       "the model's state stopped being finite at step %" PRIu64,
                       cenote_voice_steps(take->voice));
    done += n;
    const CenoteStatus status = put(take, samples, n, done == steps, err);
    if (status != CENOTE_OK) return status;
    progress_add(&take->work->progress, n);
  }
  return CENOTE_OK;
}

char *take_name(const char *path, bool numbered, uint64_t index)
{
  if (!path || !numbered) return path ? strdup(path) : NULL;
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  const char *dot = strrchr(name, '.');
  if (!dot || dot == name) dot = name + strlen(name);
  const size_t size = strlen(path) + 24;
  char *full = malloc(size);
  if (full) snprintf(full, size, "%.*s-%" PRIu64 "%s", (int)(dot - path), path, index + 1, dot);
  return full;
}

static CenoteStatus make_take(Take *take, uint64_t index, CenoteError *err)
{
  const Takes *takes = take->work->takes;
  const CenoteModel *model = cenote_voice_model(takes->start);
  const CenoteModelInfo *info = cenote_model_info(model);
  CenoteStatus status = cenote_voice_new(model, &take->voice);
  if (status != CENOTE_OK) return cli_error(err, status, "%s", cenote_strerror(status));
  status = cenote_voice_restore(take->voice, take->work->start, info->state_bytes);
  if (status != CENOTE_OK) return cli_error(err, status, "%s", cenote_strerror(status));
  if (takes->reseed || index > 0) cenote_voice_set_seed(take->voice, takes->seed + index);
  take->left = takes_frames(takes->steps, info->sample_rate_hz, takes->rate_hz);
  if (takes->rate_hz == info->sample_rate_hz || !takes->output) return CENOTE_OK;
  status =
      cenote_resampler_new(info->sample_rate_hz, takes->rate_hz, CENOTE_BEST, &take->resampler);
  if (status == CENOTE_OK) return status;
  return cli_error(err, status,
                   "--rate %" PRIu32 ": not within a factor of 256 of the model's %" PRIu32 " Hz",
                   takes->rate_hz, info->sample_rate_hz);
}

/// Both files are opened first, and put in their places last.
static CenoteStatus render_into(Take *take, const char *path, const char *slot, CenoteError *err)
{
  const Takes *takes = take->work->takes;
  CenoteStatus status = CENOTE_OK;
  if (slot) status = aside_open(slot, &take->slot, err);
  if (status != CENOTE_OK) return status;
  if (path)
    status = output_open(path, takes->format, takes->rate_hz, take->left, &take->output, err);
  if (status == CENOTE_OK) status = generate(take, err);
  if (status == CENOTE_OK && slot) status = slot_write(&take->slot, take->voice, err);
  if (status == CENOTE_OK && path) status = output_keep(take->output, err);
  else output_drop(take->output);
  if (status == CENOTE_OK && slot) status = aside_keep(&take->slot, err);
  else if (slot) aside_drop(&take->slot);
  return status;
}

static CenoteStatus render_take(Work *work, uint64_t index, CenoteError *err)
{
  const Takes *takes = work->takes;
  Take take = {.work = work};
  char *path = take_name(takes->output, takes->numbered, index);
  char *slot = take_name(takes->save_slot, takes->numbered, index);
  CenoteStatus status = CENOTE_OK;
  if (!path != !takes->output || !slot != !takes->save_slot)
    status = cli_error(err, CENOTE_NO_MEMORY, "%s", cenote_strerror(CENOTE_NO_MEMORY));
  if (status == CENOTE_OK) status = make_take(&take, index, err);
  if (status == CENOTE_OK) status = render_into(&take, path, slot, err);
  cenote_resampler_free(take.resampler);
  cenote_voice_free(take.voice);
  free(path);
  free(slot);
  return status;
}

static void *render_some(void *data)
{
  Work *work = data;
  CenoteError err;
  while (!atomic_load(&work->failed)) {
    const uint64_t index = atomic_fetch_add(&work->next, 1);
    if (index >= work->takes->count) break;
    const CenoteStatus status = render_take(work, index, &err);
    if (status == CENOTE_OK || atomic_exchange(&work->failed, true)) continue;
    if (atomic_load(&caught)) break;
    progress_stop(&work->progress); // the line gives way to the message
    atomic_store(&work->status, status == CENOTE_BAD_ARGUMENT ? cli_usage("render", "%s", err.text)
                                                              : cli_fail("render", "%s", err.text));
  }
  return NULL;
}

static int run(Work *work)
{
  const Takes *takes = work->takes;
  pthread_t thread[MAX_THREADS];
  uint64_t started = 0;
  const uint64_t wanted = takes->threads < takes->count ? takes->threads : takes->count;
  while (started + 1 < wanted && started < MAX_THREADS &&
         pthread_create(&thread[started], NULL, render_some, work) == 0)
    ++started;
  render_some(work);
  for (uint64_t t = 0; t < started; ++t) pthread_join(thread[t], NULL);
  progress_stop(&work->progress);
  const int number = atomic_load(&caught);
  if (number != 0) {
    signal(number, SIG_DFL);
    raise(number);
  }
  return atomic_load(&work->status);
}

int takes_render(const Takes *takes)
{
  const CenoteModelInfo *info = cenote_model_info(cenote_voice_model(takes->start));
  Work work = {.takes = takes, .start = malloc(info->state_bytes)};
  if (!work.start) return cli_fail("render", "%s", cenote_strerror(CENOTE_NO_MEMORY));
  cenote_voice_save(takes->start, work.start);
  catch_signals();
  progress_start(&work.progress, takes->steps * takes->count, 1.0 / info->sample_rate_hz);
  const int status = run(&work);
  free(work.start);
  return status;
}
