// SPDX-License-Identifier: ISC
#include "input.h"

#include "input_pipe.h"

#include <fcntl.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1024, CHANNELS = 64 };

struct Input {
  const char *path;
  double rate_hz;
  InputPipe *pipe; ///< NULL: a file
  SNDFILE *file;   ///< the thread's
  SF_INFO info;
  CenoteResampler *resampler; ///< NULL: the rates are the same
  Ring *ring;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wanted; ///< frames, or the end
  pthread_cond_t there;  ///< frames
  atomic_bool stop;
  atomic_bool ended;
  _Atomic uint64_t frames;
  float interleaved[CHUNK * CHANNELS];
  float mono[CHUNK];
  float out[CHUNK];
};

/// All of it into the ring, as there comes to be room. False: it is to end.
static bool put(Input *input, const float *frames, size_t count)
{
  while (!ring_write(input->ring, frames, count)) {
    // The ring's reader is in audio time and wakes nobody; only input_wait does.
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 10000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&input->lock);
    if (!atomic_load(&input->stop) && ring_space(input->ring) < count)
      pthread_cond_timedwait(&input->wanted, &input->lock, &until);
    pthread_mutex_unlock(&input->lock);
    if (atomic_load(&input->stop)) return false;
  }
  atomic_fetch_add_explicit(&input->frames, count, memory_order_relaxed);
  pthread_mutex_lock(&input->lock);
  pthread_cond_signal(&input->there);
  pthread_mutex_unlock(&input->lock);
  return !atomic_load(&input->stop);
}

/// The next frames, averaged; 0 at the end.
static uint32_t read_mono(Input *input)
{
  const sf_count_t got = sf_readf_float(input->file, input->interleaved, CHUNK);
  const int channels = input->info.channels;
  for (sf_count_t i = 0; i < got; ++i) {
    float sum = 0.0f;
    for (int k = 0; k < channels; ++k) sum += input->interleaved[i * channels + k];
    const float mean = sum / (float)channels;
    input->mono[i] = mean >= -8.0f && mean <= 8.0f ? mean : 0.0f; // a float file may hold anything
  }
  return got > 0 ? (uint32_t)got : 0;
}

static bool resample(Input *input, uint32_t count, bool last)
{
  for (uint32_t at = 0;;) {
    uint32_t used, made;
    cenote_resampler_process(input->resampler, input->mono + at, count - at, &used, input->out,
                             CHUNK, &made, last);
    at += used;
    if (made > 0 && !put(input, input->out, made)) return false;
    if (made == 0 && (at == count || used == 0)) return true;
  }
}

static bool make_resampler(Input *input, CenoteError *err)
{
  if (input->info.channels > CHANNELS) {
    snprintf(err->text, sizeof err->text, "%s has %d channels, more than %d", input->path,
             input->info.channels, CHANNELS);
    return false;
  }
  if (input->info.samplerate == input->rate_hz) return true;
  if (cenote_resampler_new(input->info.samplerate, input->rate_hz, CENOTE_BEST,
                           &input->resampler) == CENOTE_OK)
    return true;
  snprintf(err->text, sizeof err->text, "%s: no way from %d Hz to %.0f Hz", input->path,
           input->info.samplerate, input->rate_hz);
  return false;
}

/// A pipe is opened by the thread, since it may be silent for long.
static bool open_pipe(Input *input)
{
  bool raw;
  CenoteError err = {""};
  const int fd = input_pipe_begin(input->pipe, &raw);
  if (fd < 0) return false;
  if (raw)
    input->info = (SF_INFO){.samplerate = (int)input->rate_hz,
                            .channels = 1,
                            .format = SF_FORMAT_RAW | SF_FORMAT_PCM_16 | SF_ENDIAN_CPU};
  input->file = sf_open_fd(fd, SFM_READ, &input->info, 0);
  if (input->file && make_resampler(input, &err)) return true;
  if (!input->file) snprintf(err.text, sizeof err.text, "%s: %s", input->path, sf_strerror(NULL));
  fprintf(stderr, "cenoted: --input: %s\n", err.text);
  return false;
}

static void *run(void *data)
{
  Input *input = data;
  bool good = !input->pipe || open_pipe(input);
  while (good && !atomic_load(&input->stop)) {
    const uint32_t count = read_mono(input);
    if (input->resampler) good = resample(input, count, count == 0);
    else if (count > 0) good = put(input, input->mono, count);
    if (count == 0) break;
  }
  pthread_mutex_lock(&input->lock);
  atomic_store(&input->ended, true);
  pthread_cond_signal(&input->there);
  pthread_mutex_unlock(&input->lock);
  return NULL;
}

static bool open_source(Input *input, CenoteError *err)
{
  struct stat about = {0};
  const bool named = strcmp(input->path, "-") != 0 && stat(input->path, &about) == 0;
  if (named && (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))) {
    input->file = sf_open(input->path, SFM_READ, &input->info);
    if (input->file && input->info.frames > 0) return make_resampler(input, err);
    snprintf(err->text, sizeof err->text, "--input %s: %s", input->path,
             S_ISDIR(about.st_mode) ? "is a folder"
             : input->file          ? "has no sound in it"
                                    : sf_strerror(NULL));
    return false;
  }
  input->pipe = input_pipe_open(input->path, err);
  return input->pipe != NULL;
}

static void discard(Input *input)
{
  if (input->file) sf_close(input->file);
  input_pipe_close(input->pipe);
  cenote_resampler_free(input->resampler);
  ring_free(input->ring);
  pthread_mutex_destroy(&input->lock);
  pthread_cond_destroy(&input->wanted);
  pthread_cond_destroy(&input->there);
  free(input);
}

Input *input_open(const char *path, double rate_hz, CenoteError *err)
{
  Input *input = calloc(1, sizeof *input);
  if (!input) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return NULL;
  }
  input->path = path;
  input->rate_hz = rate_hz;
  pthread_mutex_init(&input->lock, NULL);
  pthread_cond_init(&input->wanted, NULL);
  pthread_cond_init(&input->there, NULL);
  input->ring = ring_new((size_t)(rate_hz / 2.0) + 2 * CHUNK, sizeof(float));
  if (!input->ring) snprintf(err->text, sizeof err->text, "out of memory");
  else if (open_source(input, err)) {
    if (pthread_create(&input->thread, NULL, run, input) == 0) return input;
    snprintf(err->text, sizeof err->text, "cannot start the thread that reads %s", path);
  }
  discard(input);
  return NULL;
}

Ring *input_ring(Input *input)
{
  return input->ring;
}

bool input_wait(Input *input, size_t frames)
{
  if (frames > ring_room(input->ring) - CHUNK) frames = ring_room(input->ring) - CHUNK;
  if (ring_filled(input->ring) >= frames) return true;
  pthread_mutex_lock(&input->lock);
  pthread_cond_signal(&input->wanted);
  // All frames are in the ring when `ended` is set, so it is looked at first.
  for (bool ended = false; !ended && ring_filled(input->ring) < frames;) {
    ended = atomic_load(&input->ended);
    if (!ended && ring_filled(input->ring) < frames) pthread_cond_wait(&input->there, &input->lock);
  }
  pthread_mutex_unlock(&input->lock);
  return ring_filled(input->ring) >= frames;
}

bool input_ended(const Input *input)
{
  return atomic_load(&input->ended);
}

uint64_t input_frames(const Input *input)
{
  return atomic_load_explicit(&input->frames, memory_order_relaxed);
}

void input_stop(Input *input)
{
  if (!input) return;
  pthread_mutex_lock(&input->lock);
  atomic_store(&input->stop, true);
  pthread_cond_signal(&input->wanted);
  pthread_mutex_unlock(&input->lock);
  if (input->pipe) input_pipe_stop(input->pipe);
}

void input_close(Input *input)
{
  if (!input) return;
  input_stop(input);
  pthread_join(input->thread, NULL);
  discard(input);
}
