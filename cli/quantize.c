// SPDX-License-Identifier: ISC
// `cenote quantize`: weights written narrower, with the bits that it costs on given audio noted in
// the file. What is measured is a trial copy of the file, read back; the notes make no difference.
#include "cli.h"

#include "aside.h"
#include "score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "Usage: cenote quantize MODEL -o OUT --precision=P --on=AUDIO [OPTION]...\n"
    "Write the weights of MODEL narrower, with the bits per sample that this loses.\n"
    "\n"
    "MODEL is a weights file or the name of a preset. What is lost is measured on\n"
    "AUDIO, as `cenote eval` does, and noted in OUT; so is P, which every command\n"
    "then runs OUT in. If it is more than 0.01 bits, OUT is noted to run in f32.\n"
    "\n"
    "  -o, --output=OUT     the file to write, not MODEL's own\n"
    "      --precision=P    bf16: half the size of f32; int8: a quarter\n"
    "      --on=AUDIO       an audio file or a folder; may be given more than once\n"
    "      --groups=N       int8: N scales a row, where its columns divide into N runs of\n"
    "                       at least 32; 1 by default\n"
    "      --force          note P whatever is lost\n"
    "      --json           print an object with bits_float, bits, bits_lost, precision,\n"
    "                       noted, groups, on, samples, clips, bytes, output\n"
    "  -h, --help           show this text\n";

static const double most_lost = 0.01;

typedef struct Options {
  const char *model;
  const char *output;
  CenotePrecision precision;
  uint64_t groups;
  bool force;
  bool json;
} Options;

/// What was measured, and its notes.
typedef struct Answer {
  Score score; ///< of the original, then of the file
  double loss; ///< bits a sample
  CenotePrecision noted;
  char on[512]; ///< names of clips
  bool full;    ///< no more names fit
  char bits_float[32];
  char bits[32];
  char bits_lost[32];
} Answer;

/// CLI_DONE, or what the command is to return.
static int read_options(int argc, char **argv, Options *options, ClipList *list, bool *helped)
{
  static const struct option known[] = {
      {"output", required_argument, NULL, 'o'}, {"precision", required_argument, NULL, 'p'},
      {"on", required_argument, NULL, 'a'},     {"groups", required_argument, NULL, 'g'},
      {"force", no_argument, NULL, 'f'},        {"json", no_argument, NULL, 'j'},
      {"help", no_argument, NULL, 'h'},         {0}};
  *options = (Options){.precision = CENOTE_AUTO, .groups = 1};
  CenoteError err;
  for (int c; (c = cli_option("quantize", argc, argv, ":o:h", known)) != -1;) {
    if (c == '?') return CLI_USAGE;
    if (c == 'h') {
      *helped = true;
      return fputs(help, stdout), CLI_DONE;
    }
    if (c == 'o') options->output = optarg;
    if (c == 'f') options->force = true;
    if (c == 'j') options->json = true;
    if (c == 'p' && !cli_precision("quantize", optarg, &options->precision)) return CLI_USAGE;
    if (c == 'g' && !cli_whole(optarg, 1, 2048, &options->groups))
      return cli_usage("quantize", "--groups: %s is no whole number from 1 to 2048", optarg);
    if (c == 'a' && clip_list_add(list, optarg, &err) != CENOTE_OK)
      return cli_fail("quantize", "%s", err.text);
  }
  if (argc - optind != 1)
    return cli_usage("quantize", argc == optind ? "no MODEL" : "more than one MODEL");
  options->model = argv[optind];
  if (!options->output) return cli_usage("quantize", "want -o OUT");
  if (cli_check_output("quantize", options->output, false) != CLI_DONE) return CLI_USAGE;
  if (options->precision != CENOTE_BF16 && options->precision != CENOTE_INT8)
    return cli_usage("quantize", "want --precision bf16 or int8");
  if (options->precision == CENOTE_BF16 && options->groups != 1)
    return cli_usage("quantize", "--groups is for int8");
  if (list->count == 0) return cli_usage("quantize", "want --on AUDIO");
  return CLI_DONE;
}

/// The narrower file under a hidden name beside OUT, read back and gone. NULL: said why.
static Listener *open_trial(const Options *options, const char *path)
{
  Aside file;
  CenoteError err;
  char trial[CLI_PATH + 2];
  if (aside_open(options->output, &file, &err) != CENOTE_OK) {
    cli_fail("quantize", "%s", err.text);
    return NULL;
  }
  Listener *listener = NULL;
  if (!file.aside) cli_fail("quantize", "%s: cannot write: not a regular file", file.shown);
  else if (cenote_quantize(path, file.aside, options->precision, (uint32_t)options->groups, NULL, 0,
                           &err) != CENOTE_OK)
    cli_fail("quantize", "%s", err.text);
  else {
    // With a slash, or it would be a preset's name.
    snprintf(trial, sizeof trial, "%s%s", strchr(file.aside, '/') ? "" : "./", file.aside);
    listener = listener_open("quantize", trial, (ListenMode){.open = true}, options->precision);
  }
  aside_drop(&file);
  return listener;
}

/// Note a clip's name, if there is room. Names are the user's bytes; notes are plain UTF-8.
static int note_clip(void *user, const char *path, const double *bits, size_t count)
{
  (void)bits, (void)count;
  Answer *answer = user;
  const char *slash = strrchr(path, '/');
  json_t *name = cli_json_text(slash ? slash + 1 : path);
  if (!name) return cli_fail("quantize", "out of memory");
  const char *text = json_string_value(name);
  const size_t used = strlen(answer->on);
  const size_t spare = 64; // for ", ..." and the counts
  if (answer->full || used + strlen(text) + 2 + spare > sizeof answer->on) {
    if (!answer->full) snprintf(answer->on + used, spare, used > 0 ? ", ..." : "...");
    answer->full = true;
  } else {
    snprintf(answer->on + used, sizeof answer->on - used, "%s%s", used > 0 ? ", " : "", text);
  }
  for (char *c = answer->on + used; *c; ++c)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
  json_decref(name);
  return CLI_DONE;
}

/// Both files on the same clips.
static int measure(const Options *options, const char *path, const ClipList *list, Answer *answer)
{
  Listener *listener[SCORE_MOST] = {NULL, NULL};
  int result = CLI_FAILED;
  listener[1] = open_trial(options, path);
  if (listener[1])
    listener[0] = listener_open("quantize", options->model, (ListenMode){.open = true}, CENOTE_F32);
  if (listener[0])
    result = score_clips("quantize", listener, 2, list, note_clip, answer, &answer->score);
  if (result == CLI_DONE && answer->score.clips == 0)
    result = cli_fail("quantize", "%s: no audio in it", list->clip[0].path);
  listener_close(listener[0]);
  listener_close(listener[1]);
  return result;
}

static void describe(const Options *options, Answer *answer)
{
  const Score *score = &answer->score;
  const double samples = (double)score->samples;
  const double before = score->bits[0] / samples;
  const double after = score->bits[1] / samples;
  answer->loss = after - before;
  answer->noted = options->precision;
  if (answer->loss > most_lost && !options->force) answer->noted = CENOTE_F32;
  if (fabs(answer->loss) < 0.5e-6) answer->loss = 0.0; // not "-0.000000"
  snprintf(answer->bits_float, sizeof answer->bits_float, "%.6f", before);
  snprintf(answer->bits, sizeof answer->bits, "%.6f", after);
  snprintf(answer->bits_lost, sizeof answer->bits_lost, "%.6f", answer->loss);
  const size_t used = strlen(answer->on);
  snprintf(answer->on + used, sizeof answer->on - used, " (%zu %s, %llu samples)", score->clips,
           score->clips == 1 ? "clip" : "clips", (unsigned long long)score->samples);
}

static int write_file(const Options *options, const char *path, const Answer *answer)
{
  const CenoteNote note[] = {{"precision", cenote_precision_name(answer->noted)},
                             {"quantize.on", answer->on},
                             {"quantize.bits_float", answer->bits_float},
                             {"quantize.bits", answer->bits},
                             {"quantize.bits_lost", answer->bits_lost}};
  CenoteError err;
  if (cenote_quantize(path, options->output, options->precision, (uint32_t)options->groups, note,
                      sizeof note / sizeof *note, &err) != CENOTE_OK)
    return cli_fail("quantize", "%s", err.text);
  return CLI_DONE;
}

static int print_answer(const Options *options, const Answer *answer)
{
  const char *precision = cenote_precision_name(options->precision);
  const char *noted = cenote_precision_name(answer->noted);
  struct stat st = {0};
  stat(options->output, &st);
  if (answer->loss > most_lost)
    cli_fail("quantize", "%s bits a sample are lost in %s, more than %.2f: %s is noted%s",
             answer->bits_lost, precision, most_lost, noted,
             options->force ? "" : ", --force notes it all the same");
  if (!options->json) {
    printf("%12s  bits per sample in f32, on %s\n", answer->bits_float, answer->on);
    printf("%12s  in %s, %s lost\n", answer->bits, precision, answer->bits_lost);
    printf("%12.6f  MB: ", 1e-6 * (double)st.st_size);
    cli_print_plain(options->output);
    putchar('\n');
    return CLI_DONE;
  }
  const Score *score = &answer->score;
  const double samples = (double)score->samples;
  return cli_print_json(
      "quantize", json_pack("{s:f, s:f, s:f, s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:o}", "bits_float",
                            score->bits[0] / samples, "bits", score->bits[1] / samples, "bits_lost",
                            answer->loss, "precision", precision, "noted", noted, "groups",
                            (json_int_t)options->groups, "on", answer->on, "samples",
                            (json_int_t)score->samples, "clips", (json_int_t)score->clips, "bytes",
                            (json_int_t)st.st_size, "output", cli_json_text(options->output)));
}

static int quantize(const Options *options, const ClipList *list)
{
  char path[CLI_PATH];
  CenoteError err;
  Answer answer = {.noted = options->precision};
  if (cenote_find_model(options->model, path, sizeof path, &err) != CENOTE_OK)
    return cli_fail("quantize", "%s", err.text);
  int result = cli_check_same("quantize", options->output, path, "MODEL");
  for (size_t i = 0; result == CLI_DONE && i < list->count; ++i)
    result = cli_check_same("quantize", options->output, list->clip[i].path, "AUDIO");
  if (result == CLI_DONE) result = measure(options, path, list, &answer);
  if (result != CLI_DONE) return result;
  describe(options, &answer);
  result = write_file(options, path, &answer);
  return result == CLI_DONE ? print_answer(options, &answer) : result;
}

int cmd_quantize(int argc, char **argv)
{
  Options options;
  ClipList list = {0};
  bool helped = false;
  int result = read_options(argc, argv, &options, &list, &helped);
  if (result == CLI_DONE && !helped) result = quantize(&options, &list);
  clip_list_clear(&list);
  return result;
}
