// SPDX-License-Identifier: ISC
// `cenote eval`: how well a model predicts recordings, in bits per sample. Each clip starts from
// the zero state; the average is over all samples of all clips.
#include "cli.h"

#include "score.h"

#include <inttypes.h>
#include <stdio.h>

static const char help[] =
    "Usage: cenote eval MODEL PATH... [OPTION]...\n"
    "Tell how many bits MODEL needs for each sample of recordings; fewer is better.\n"
    "\n"
    "MODEL is a weights file or the name of a preset. Each PATH is an audio file or\n"
    "a folder, searched with all folders in it. Clips are read as the model was\n"
    "trained to: channels averaged, at its rate, in its codes.\n"
    "\n"
    "  -m, --mode=MODE      sequence: many samples at a time, in f32 (default);\n"
    "                       step: one at a time, as the instrument runs (default in other\n"
    "                       precisions)\n" CLI_PRECISION_HELP
    "      --json           print an object with bits_per_sample, samples, clips, files,\n"
    "                       precision\n"
    "  -h, --help           show this text\n";

typedef struct Options {
  const char *model;
  char **paths;
  int path_count;
  ListenMode mode;
  CenotePrecision precision;
  bool json;
} Options;

/// CLI_DONE, or what the command is to return.
static int read_options(int argc, char **argv, Options *options, bool *helped)
{
  enum { JSON = 256, PRECISION };
  static const struct option names[] = {{"mode", required_argument, NULL, 'm'},
                                        {"precision", required_argument, NULL, PRECISION},
                                        {"json", no_argument, NULL, JSON},
                                        {"help", no_argument, NULL, 'h'},
                                        {0}};
  *options = (Options){.mode = {.open = true}};
  opterr = 0;
  for (int c; (c = cli_option("eval", argc, argv, ":m:h", names)) != -1;) {
    switch (c) {
    case 'm':
      if (!listen_mode(optarg, &options->mode))
        return cli_usage("eval", "--mode is %s, want sequence or step", optarg);
      break;
    case PRECISION:
      if (!cli_precision("eval", optarg, &options->precision)) return CLI_USAGE;
      break;
    case JSON:
      options->json = true;
      break;
    case 'h':
      *helped = true;
      fputs(help, stdout);
      return CLI_DONE;
    default:
      return CLI_USAGE;
    }
  }
  if (argc - optind < 2) return cli_usage("eval", "want MODEL and PATH...");
  if (!listen_precision("eval", options->mode, options->precision)) return CLI_USAGE;
  options->model = argv[optind];
  options->paths = argv + optind + 1;
  options->path_count = argc - optind - 1;
  return CLI_DONE;
}

static int add_result(void *user, const char *path, const double *bits, size_t count)
{
  json_t *files = user; // array of objects; NULL: print lines
  const double mean = bits[0] / (double)count;
  if (!files) {
    printf("%12.6f  %10zu  ", mean, count);
    cli_print_plain(path);
    putchar('\n');
    return CLI_DONE;
  }
  json_t *file = json_pack("{s:o, s:f, s:I}", "path", cli_json_text(path), "bits_per_sample", mean,
                           "samples", (json_int_t)count);
  if (json_array_append_new(files, file) != 0) return cli_fail("eval", "out of memory");
  return CLI_DONE;
}

static int print_total(const Score *total, const char *precision, json_t *files)
{
  const double mean = total->bits[0] / (double)total->samples;
  if (files) {
    json_t *all = json_pack("{s:f, s:I, s:I, s:s, s:O}", "bits_per_sample", mean, "samples",
                            (json_int_t)total->samples, "clips", (json_int_t)total->clips,
                            "precision", precision, "files", files);
    if (cli_print_json("eval", all) != CLI_DONE) return CLI_FAILED;
  } else {
    printf("%12.6f  %10" PRIu64 "  bits per sample, %zu %s\n", mean, total->samples, total->clips,
           total->clips == 1 ? "clip" : "clips");
  }
  if (fflush(stdout) != 0 || ferror(stdout)) return cli_fail("eval", "cannot write the answer");
  return CLI_DONE;
}

static int eval_list(const Options *options, Listener *listener, const ClipList *list)
{
  Score total;
  json_t *files = options->json ? json_array() : NULL;
  if (options->json && !files) return cli_fail("eval", "out of memory");
  int result = score_clips("eval", &listener, 1, list, add_result, files, &total);
  if (result == CLI_DONE && total.clips == 0)
    result = cli_fail("eval", "%s: no audio in it", options->paths[0]);
  if (result == CLI_DONE)
    result = print_total(&total, cenote_model_info(listener_model(listener))->precision, files);
  json_decref(files);
  return result;
}

int cmd_eval(int argc, char **argv)
{
  Options options;
  bool helped = false;
  int result = read_options(argc, argv, &options, &helped);
  if (result != CLI_DONE || helped) return result;
  CenoteError err;
  ClipList list = {0};
  for (int i = 0; result == CLI_DONE && i < options.path_count; ++i)
    if (clip_list_add(&list, options.paths[i], &err) != CENOTE_OK)
      result = cli_fail("eval", "%s", err.text);
  if (result == CLI_DONE) {
    Listener *listener = listener_open("eval", options.model, options.mode, options.precision);
    result = listener ? eval_list(&options, listener, &list) : CLI_FAILED;
    listener_close(listener);
  }
  clip_list_clear(&list);
  return result;
}
