// SPDX-License-Identifier: ISC
// cenote render: sound into a file, a pipe, or several files at once.
#include "cli.h"
#include "clip.h"
#include "output.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: cenote render MODEL -d SEC -o FILE|- [OPTION...]\n"
    "Generate sound, mono 16-bit.\n"
    "  -d, --duration SEC   how long; or\n"
    "      --samples N      how many steps of the model\n"
    "  -o, --output FILE    written aside and put in its place when whole; - is standard output\n"
    "      --format FORMAT  wav, rf64, w64, flac, ogg, au, aiff, raw (default: by the ending)\n"
    "      --rate HZ        resample (default: the model's rate)\n"
    "      --seed N         of the random numbers (default 0)\n"
    "      --temperature F  0 to 4 (default 1); 0 takes the likeliest code\n"
    "      --top-k N        1 to 256 (default 256: off)\n"
    "      --top-p F        0 to 1 (default 1: off)\n"
    "      --prime AUDIO    listen to a file first, and go on from it\n"
    "      --slot FILE      go on from a saved state; options given here override what it holds\n"
    "      --save-slot FILE save the state at the end\n"
    "      --count N        FILE-1 ... FILE-N, seeds N, N+1, ...\n"
    "      --threads N      that render them (default 1)\n"
    "      --precision f32  of the products; f32 is what there is\n"
    "      --help\n";

typedef struct Render {
  const char *output;
  const char *format;
  const char *prime;
  const char *slot;
  const char *save_slot;
  double seconds; ///< 0: samples
  uint64_t samples;
  uint64_t rate_hz; ///< 0: the model's
  uint64_t seed;
  double temperature;
  uint64_t top_k;
  double top_p;
  bool seed_given;
  bool temperature_given;
  bool top_k_given;
  bool top_p_given;
  uint64_t count; ///< 0: one file of that very name
  uint64_t threads;
} Render;

/// What the threads share.
typedef struct Work {
  const Render *render;
  const CenoteModel *model;
  uint8_t *codes; ///< to listen to first
  size_t coded;
  void *slot;
  size_t slot_bytes;
  atomic_uint_fast64_t next;
  atomic_bool failed;
} Work;

static void on_signal(int number)
{
  output_abandon();
  signal(number, SIG_DFL);
  raise(number);
}

static void show_progress(const Work *work, uint64_t done, uint64_t all)
{
  if (work->render->threads > 1 || !isatty(STDERR_FILENO)) return;
  const int width = 40;
  const int full = all > 0 ? (int)(done * (uint64_t)width / all) : width;
  fprintf(stderr, "\r[%.*s%*s] %3d %%%s", full, "########################################",
          width - full, "", full * 100 / width, done == all ? "\n" : "");
}

/// Model samples to the output, through the resampler if there is one.
typedef struct Stream {
  Output *output;
  CenoteResampler *resampler;
  uint64_t left; ///< frames still to write
} Stream;

static bool send(Stream *stream, const float *samples, uint32_t count, bool last)
{
  if (!stream->resampler) return output_write(stream->output, samples, count);
  float out[4096];
  uint32_t used;
  uint32_t made;
  do {
    cenote_resampler_process(stream->resampler, samples, count, &used, out, 4096, &made, last);
    samples += used;
    count -= used;
    const uint64_t take = made < stream->left ? made : stream->left;
    stream->left -= take;
    if (!output_write(stream->output, out, take)) return false;
  } while (count > 0 || made > 0);
  if (last) { // the filter may end a frame short of the rounded length
    memset(out, 0, sizeof out);
    for (; stream->left > 0; stream->left -= stream->left < 4096 ? stream->left : 4096)
      if (!output_write(stream->output, out, stream->left < 4096 ? stream->left : 4096))
        return false;
  }
  return true;
}

static bool generate(Work *work, CenoteVoice *voice, Stream *stream, uint64_t steps)
{
  float samples[1024];
  for (uint64_t done = 0; done < steps;) {
    const uint32_t n = steps - done < 1024 ? (uint32_t)(steps - done) : 1024;
    cenote_voice_render(voice, samples, n);
    if (!cenote_voice_finite(voice)) {
      cli_fail("render",
               "the state stopped being finite at step %" PRIu64 ": these weights cannot be played",
               cenote_voice_steps(voice));
      return false;
    }
    done += n;
    if (!send(stream, samples, n, done == steps)) return true; // told when the output is closed
    show_progress(work, done, steps);
  }
  return true;
}

static bool save_slot(const Work *work, const CenoteVoice *voice)
{
  const char *path = work->render->save_slot;
  const size_t bytes = cenote_model_info(work->model)->state_bytes;
  char aside[4096];
  void *state = malloc(bytes);
  if (!state || snprintf(aside, sizeof aside, "%s.part", path) >= (int)sizeof aside) {
    free(state);
    cli_fail("render", "%s: cannot be saved", path);
    return false;
  }
  cenote_voice_save(voice, state);
  FILE *file = fopen(aside, "wb");
  bool good = file && fwrite(state, 1, bytes, file) == bytes;
  if (file && fclose(file) != 0) good = false;
  if (good && rename(aside, path) != 0) good = false;
  if (!good) {
    cli_fail("render", "%s: cannot write: %s", path, strerror(errno));
    if (file) unlink(aside);
  }
  free(state);
  return good;
}

/// A voice as the options have it, its number `index` of a row.
static CenoteVoice *make_voice(const Work *work, uint64_t index)
{
  const Render *render = work->render;
  CenoteVoice *voice;
  if (cenote_voice_new(work->model, &voice) != CENOTE_OK) {
    cli_fail("render", "out of memory");
    return NULL;
  }
  if (work->slot) cenote_voice_restore(voice, work->slot, work->slot_bytes); // checked before
  if (!work->slot || render->seed_given || render->count > 1)
    cenote_voice_set_seed(voice, render->seed + index);
  if (render->temperature_given) cenote_voice_set_temperature(voice, (float)render->temperature);
  if (render->top_k_given) cenote_voice_set_top_k(voice, (uint32_t)render->top_k);
  if (render->top_p_given) cenote_voice_set_top_p(voice, (float)render->top_p);
  for (size_t at = 0; at < work->coded;) {
    const uint32_t n = work->coded - at < 65536 ? (uint32_t)(work->coded - at) : 65536;
    cenote_voice_listen(voice, work->codes + at, n, NULL);
    at += n;
  }
  return voice;
}

static void name_file(const Render *render, uint64_t index, char *path, size_t size)
{
  const char *slash = strrchr(render->output, '/');
  const char *dot = strrchr(slash ? slash : render->output, '.');
  const int stem = dot ? (int)(dot - render->output) : (int)strlen(render->output);
  if (render->count == 0) snprintf(path, size, "%s", render->output);
  else snprintf(path, size, "%.*s-%" PRIu64 "%s", stem, render->output, index + 1, dot ? dot : "");
}

static bool render_one(Work *work, uint64_t index)
{
  const Render *render = work->render;
  const uint32_t model_hz = cenote_model_info(work->model)->sample_rate_hz;
  const uint32_t rate_hz = render->rate_hz > 0 ? (uint32_t)render->rate_hz : model_hz;
  const uint64_t steps =
      render->seconds > 0.0 ? (uint64_t)(render->seconds * model_hz + 0.5) : render->samples;
  char path[4096];
  CenoteError err = {""};
  Stream stream = {.left = (uint64_t)((double)steps * rate_hz / model_hz + 0.5)};
  name_file(render, index, path, sizeof path);
  CenoteVoice *voice = make_voice(work, index);
  if (!voice) return false;
  bool good = false;
  if (rate_hz != model_hz &&
      cenote_resampler_new(model_hz, rate_hz, CENOTE_BEST, &stream.resampler) != CENOTE_OK) {
    cli_fail("render", "--rate %" PRIu32 ": cannot resample from %" PRIu32 " Hz", rate_hz,
             model_hz);
  } else if (output_open(path, render->format, rate_hz, stream.left, &stream.output, &err) !=
             CENOTE_OK) {
    cli_fail("render", "%s", err.text);
  } else {
    good = generate(work, voice, &stream, steps);
    if (output_close(stream.output, good, &err) != CENOTE_OK) {
      cli_fail("render", "%s", err.text);
      good = false;
    }
    if (good && render->save_slot) good = save_slot(work, voice);
  }
  cenote_resampler_free(stream.resampler);
  cenote_voice_free(voice);
  return good;
}

static void *render_some(void *data)
{
  Work *work = data;
  const uint64_t count = work->render->count > 0 ? work->render->count : 1;
  for (uint64_t i = atomic_fetch_add(&work->next, 1); i < count && !atomic_load(&work->failed);
       i = atomic_fetch_add(&work->next, 1))
    if (!render_one(work, i)) atomic_store(&work->failed, true);
  return NULL;
}

static bool load_slot(Work *work)
{
  const char *path = work->render->slot;
  const size_t bytes = cenote_model_info(work->model)->state_bytes;
  FILE *file = fopen(path, "rb");
  if (!file) {
    cli_fail("render", "%s: cannot open: %s", path, strerror(errno));
    return false;
  }
  work->slot = malloc(bytes + 1); // one more, to see that a file is too long
  if (work->slot) work->slot_bytes = fread(work->slot, 1, bytes + 1, file);
  fclose(file);
  CenoteError err = {"out of memory"};
  if (work->slot &&
      cenote_state_check(work->model, work->slot, work->slot_bytes, &err) == CENOTE_OK)
    return true;
  cli_fail("render", "%s: %s", path, err.text);
  return false;
}

static int run(const Render *render, const CenoteModel *model)
{
  Work work = {.render = render, .model = model};
  CenoteError err;
  bool good = !render->slot || load_slot(&work);
  if (good && render->prime &&
      clip_codes(model, render->prime, &work.codes, &work.coded, &err) != CENOTE_OK) {
    cli_fail("render", "%s", err.text);
    good = false;
  }
  if (good) {
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    pthread_t thread[64];
    uint64_t started = 0;
    while (started + 1 < render->threads &&
           pthread_create(&thread[started], NULL, render_some, &work) == 0)
      ++started;
    render_some(&work);
    for (uint64_t t = 0; t < started; ++t) pthread_join(thread[t], NULL);
    good = !atomic_load(&work.failed);
  }
  free(work.codes);
  free(work.slot);
  return good ? CLI_DONE : CLI_FAILED;
}

enum {
  OPT_SAMPLES = 256,
  OPT_FORMAT,
  OPT_RATE,
  OPT_SEED,
  OPT_TEMPERATURE,
  OPT_TOP_K,
  OPT_TOP_P,
  OPT_PRIME,
  OPT_SLOT,
  OPT_SAVE,
  OPT_COUNT,
  OPT_THREADS,
  OPT_PRECISION,
  OPT_HELP
};

/// One option with its argument; -1 or a status.
static int take(int option, const char *text, Render *out)
{
  switch (option) {
  case 'd':
    if (!cli_number(text, 0.0, 1e8, &out->seconds) || out->seconds == 0.0)
      return cli_usage("render", "--duration %s: want seconds above 0", text);
    break;
  case OPT_SAMPLES:
    if (!cli_whole(text, 1, UINT64_C(1) << 40, &out->samples))
      return cli_usage("render", "--samples %s: want a whole number above 0", text);
    break;
  case 'o':
    out->output = text;
    break;
  case OPT_FORMAT:
    out->format = text;
    break;
  case OPT_RATE:
    if (!cli_whole(text, 1000, 768000, &out->rate_hz))
      return cli_usage("render", "--rate %s: want 1000 to 768000 Hz", text);
    break;
  case OPT_SEED:
    if (!cli_whole(text, 0, UINT64_MAX, &out->seed))
      return cli_usage("render", "--seed %s: want a whole number below 2^64", text);
    out->seed_given = true;
    break;
  case OPT_TEMPERATURE:
    if (!cli_number(text, 0.0, 4.0, &out->temperature))
      return cli_usage("render", "--temperature %s: want 0 to 4", text);
    out->temperature_given = true;
    break;
  case OPT_TOP_K:
    if (!cli_whole(text, 1, 256, &out->top_k))
      return cli_usage("render", "--top-k %s: want 1 to 256", text);
    out->top_k_given = true;
    break;
  case OPT_TOP_P:
    if (!cli_number(text, 0.0, 1.0, &out->top_p))
      return cli_usage("render", "--top-p %s: want 0 to 1", text);
    out->top_p_given = true;
    break;
  case OPT_PRIME:
    out->prime = text;
    break;
  case OPT_SLOT:
    out->slot = text;
    break;
  case OPT_SAVE:
    out->save_slot = text;
    break;
  case OPT_COUNT:
    if (!cli_whole(text, 1, 100000, &out->count))
      return cli_usage("render", "--count %s: want 1 to 100000", text);
    break;
  case OPT_THREADS:
    if (!cli_whole(text, 1, 64, &out->threads))
      return cli_usage("render", "--threads %s: want 1 to 64", text);
    break;
  case OPT_PRECISION:
    if (strcmp(text, "f32") != 0)
      return cli_usage("render", "--precision %s: f32 is what there is", text);
    break;
  case OPT_HELP:
    fputs(help, stdout);
    return CLI_DONE;
  default:
    return cli_usage("render", "unknown option");
  }
  return -1;
}

static int parse(int argc, char **argv, Render *out)
{
  static const struct option known[] = {
      {"duration", required_argument, NULL, 'd'},
      {"samples", required_argument, NULL, OPT_SAMPLES},
      {"output", required_argument, NULL, 'o'},
      {"format", required_argument, NULL, OPT_FORMAT},
      {"rate", required_argument, NULL, OPT_RATE},
      {"seed", required_argument, NULL, OPT_SEED},
      {"temperature", required_argument, NULL, OPT_TEMPERATURE},
      {"top-k", required_argument, NULL, OPT_TOP_K},
      {"top-p", required_argument, NULL, OPT_TOP_P},
      {"prime", required_argument, NULL, OPT_PRIME},
      {"slot", required_argument, NULL, OPT_SLOT},
      {"save-slot", required_argument, NULL, OPT_SAVE},
      {"count", required_argument, NULL, OPT_COUNT},
      {"threads", required_argument, NULL, OPT_THREADS},
      {"precision", required_argument, NULL, OPT_PRECISION},
      {"help", no_argument, NULL, OPT_HELP},
      {NULL, 0, NULL, 0},
  };
  *out = (Render){.threads = 1};
  for (int option; (option = getopt_long(argc, argv, "d:o:", known, NULL)) != -1;) {
    const int status = take(option, optarg, out);
    if (status >= 0) return status;
  }
  if (argc - optind != 1) return cli_usage("render", "want one MODEL");
  if (!out->output) return cli_usage("render", "no -o FILE");
  if ((out->seconds > 0.0) == (out->samples > 0))
    return cli_usage("render", "want one of --duration and --samples");
  if (out->count > 0 && strcmp(out->output, "-") == 0)
    return cli_usage("render", "--count makes several files, so -o cannot be -");
  if (out->count > 1 && out->save_slot)
    return cli_usage("render", "--save-slot saves one state, so it goes with no --count");
  return -1;
}

int cmd_render(int argc, char **argv)
{
  Render render;
  int status = parse(argc, argv, &render);
  if (status >= 0) return status;
  CenoteModel *model = cli_load("render", argv[optind], NULL);
  if (!model) return CLI_FAILED;
  status = run(&render, model);
  cenote_model_free(model);
  return status;
}
