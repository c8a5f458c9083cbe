// SPDX-License-Identifier: ISC
// A voice that plays or listens with controls of its levels set after its first second, for
// levels.py. What it makes goes to standard output as float32: samples, or the bits of each code.
#include <cenote/cenote.h>

#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8, BLOCK = 80 }; ///< controls, and steps between two looks at the clock

static const char usage[] =
    "Usage: levels MODEL play SECONDS SEED [CONTROL LEVEL VALUE]...\n"
    "       levels MODEL listen SECONDS FILE [CONTROL LEVEL VALUE]...\n"
    "CONTROL: gain, freeze, clock, noise; reset, each VALUE seconds. Set after one second.\n"
    "FILE is at the model's rate; its first channel is heard, for SECONDS at most.\n";

/// What to do to a level.
typedef struct Control {
  const char *name;
  uint32_t level;
  float value;
} Control;

typedef struct Run {
  CenoteVoice *voice;
  uint32_t rate_hz;
  Control control[MOST];
  int controls;
} Run;

static bool read_controls(Run *run, char **arg, int args)
{
  static const char *const names[] = {"gain", "freeze", "clock", "noise", "reset"};
  if (args % 3 != 0 || args / 3 > MOST) return false;
  for (int i = 0; i < args; i += 3) {
    bool known = false;
    for (size_t n = 0; n < sizeof names / sizeof *names; ++n)
      known = known || strcmp(arg[i], names[n]) == 0;
    if (!known) return false;
    run->control[run->controls++] =
        (Control){arg[i], (uint32_t)atoi(arg[i + 1]), strtof(arg[i + 2], NULL)};
  }
  return true;
}

/// The controls as they are at this step, a whole number of blocks.
static void control(Run *run, uint64_t step)
{
  for (int i = 0; i < run->controls; ++i) {
    const Control *c = &run->control[i];
    const bool begin = step == run->rate_hz / BLOCK * BLOCK;
    if (strcmp(c->name, "reset") == 0) {
      uint64_t every = (uint64_t)(c->value * (float)run->rate_hz) / BLOCK * BLOCK;
      if (every < BLOCK) every = BLOCK;
      if (step >= run->rate_hz && step % every == 0) cenote_voice_level_reset(run->voice, c->level);
    } else if (begin && strcmp(c->name, "gain") == 0) {
      cenote_voice_set_level_gain(run->voice, c->level, c->value);
    } else if (begin && strcmp(c->name, "freeze") == 0) {
      cenote_voice_set_level_freeze(run->voice, c->level, c->value != 0.0f);
    } else if (begin && strcmp(c->name, "clock") == 0) {
      cenote_voice_set_level_clock(run->voice, c->level, c->value);
    } else if (begin) {
      cenote_voice_set_level_noise(run->voice, c->level, c->value);
    }
  }
}

static bool play(Run *run, double seconds, uint64_t seed)
{
  const uint64_t steps = (uint64_t)(seconds * run->rate_hz);
  float sound[BLOCK];
  cenote_voice_set_seed(run->voice, seed);
  for (uint64_t at = 0; at < steps; at += BLOCK) {
    control(run, at);
    cenote_voice_render(run->voice, sound, BLOCK);
    if (fwrite(sound, sizeof *sound, BLOCK, stdout) != BLOCK) return false;
  }
  return true;
}

/// Codes of the first channel, whole blocks of them; free() them.
static uint8_t *read_codes(const CenoteModel *model, const char *path, size_t *count)
{
  SF_INFO info = {0};
  SNDFILE *file = sf_open(path, SFM_READ, &info);
  if (!file || info.samplerate != (int)cenote_model_info(model)->sample_rate_hz) {
    fprintf(stderr, "levels: %s: %s\n", path, file ? "not at the model's rate" : sf_strerror(NULL));
    sf_close(file);
    return NULL;
  }
  const size_t frames = (size_t)info.frames;
  const size_t channels = (size_t)info.channels;
  float *sound = calloc(frames * channels + 1, sizeof *sound);
  uint8_t *codes = calloc(frames + 1, 1);
  *count = sound && codes ? (size_t)sf_readf_float(file, sound, info.frames) / BLOCK * BLOCK : 0;
  for (size_t i = 0; i < *count; ++i) sound[i] = sound[i * channels] * 32768.0f;
  if (*count > 0) cenote_model_encode(model, sound, *count, codes);
  free(sound);
  sf_close(file);
  return codes;
}

static bool listen(Run *run, double seconds, const char *path)
{
  size_t count = 0;
  uint8_t *codes = read_codes(cenote_voice_model(run->voice), path, &count);
  bool good = codes;
  if (seconds * run->rate_hz < (double)count) count = (size_t)(seconds * run->rate_hz);
  for (size_t at = 0; good && at < count; ++at) {
    if (at % BLOCK == 0) control(run, at);
    const float bits = (float)cenote_voice_listen(run->voice, &codes[at], 1, NULL);
    good = fwrite(&bits, sizeof bits, 1, stdout) == 1;
  }
  free(codes);
  return good;
}

int main(int argc, char **argv)
{
  Run run = {0};
  const bool plays = argc > 4 && strcmp(argv[2], "play") == 0;
  const bool listens = argc > 4 && strcmp(argv[2], "listen") == 0;
  if (!(plays || listens) || !read_controls(&run, argv + 5, argc - 5)) {
    fputs(usage, stderr);
    return 2;
  }
  CenoteModel *model;
  CenoteError err = {""};
  if (cenote_model_load(argv[1], &model, &err) != CENOTE_OK) {
    fprintf(stderr, "levels: %s\n", err.text);
    return 1;
  }
  run.rate_hz = cenote_model_info(model)->sample_rate_hz;
  bool good = cenote_voice_new(model, &run.voice) == CENOTE_OK;
  if (good)
    good = plays ? play(&run, atof(argv[3]), strtoull(argv[4], NULL, 10))
                 : listen(&run, atof(argv[3]), argv[4]);
  good = fflush(stdout) == 0 && good;
  cenote_voice_free(run.voice);
  cenote_model_free(model);
  return good ? 0 : 1;
}
