// SPDX-License-Identifier: ISC
// cenote info: what a model is.
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] = "Usage: cenote info MODEL [OPTION]...\n"
                           "Tell what a model is: its configuration, sizes and levels.\n"
                           "\n"
                           "MODEL is a weights file or the name of a preset.\n"
                           "\n"
                           "      --json           print an object\n" CLI_PRECISION_HELP
                           "  -h, --help           show this text\n";

static const char *encoding(const CenoteModelInfo *info)
{
  return info->encoding == CENOTE_LINEAR ? "linear" : "mulaw";
}

static json_t *levels_json(const CenoteModel *model)
{
  const uint32_t rate_hz = cenote_model_info(model)->sample_rate_hz;
  json_t *list = json_array();
  CenoteLevelInfo level;
  for (uint32_t i = 0; cenote_model_level(model, i, &level); ++i)
    json_array_append_new(
        list, json_pack("{s:f, s:I, s:I, s:I, s:I, s:I}", "rate_hz", (double)rate_hz / level.every,
                        "every", (json_int_t)level.every, "width", (json_int_t)level.width,
                        "hidden", (json_int_t)level.hidden, "blocks", (json_int_t)level.blocks,
                        "macs", (json_int_t)level.macs));
  return list;
}

static json_t *notes_json(const CenoteModel *model)
{
  json_t *notes = json_object();
  const char *key;
  const char *value;
  for (size_t i = 0; cenote_model_note(model, i, &key, &value); ++i)
    json_object_set_new(notes, key, json_string(value));
  return notes;
}

static int print_json(const CenoteModel *model, const char *path)
{
  const CenoteModelInfo *info = cenote_model_info(model);
  char hash[17];
  snprintf(hash, sizeof hash, "%016" PRIx64, info->hash);
  json_t *answer =
      json_pack("{s:o, s:o, s:s, s:I, s:I, s:s, s:b, s:I, s:I}", "name", cli_json_text(info->name),
                "file", cli_json_text(path), "hash", hash, "parameters",
                (json_int_t)info->parameters, "sample_rate", (json_int_t)info->sample_rate_hz,
                "encoding", encoding(info), "min_max_scaling", (int)info->min_max_scaling,
                "baseline", (json_int_t)info->baseline, "period", (json_int_t)info->period);
  json_t *more = json_pack("{s:s, s:f, s:I, s:f, s:I, s:I, s:I, s:s, s:s, s:o, s:o, s:o}", "stored",
                           info->stored, "macs_mean", info->macs_mean, "macs_worst",
                           (json_int_t)info->macs_worst, "ahead_ms", info->ahead_ms, "model_bytes",
                           (json_int_t)info->bytes, "voice_bytes", (json_int_t)info->voice_bytes,
                           "state_bytes", (json_int_t)info->state_bytes, "kernel", info->kernel,
                           "precision", info->precision, "levels", levels_json(model), "config",
                           json_loads(info->config_json, 0, NULL), "metadata", notes_json(model));
  if (!answer || !more || json_object_update(answer, more) != 0) {
    json_decref(answer);
    answer = NULL;
  }
  json_decref(more);
  return cli_print_json("info", answer);
}

static void print_levels(const CenoteModel *model)
{
  const uint32_t rate_hz = cenote_model_info(model)->sample_rate_hz;
  puts("\n  level       rate Hz   every   width  hidden  blocks  multiply-adds each time");
  CenoteLevelInfo level;
  for (uint32_t i = 0; cenote_model_level(model, i, &level); ++i)
    printf("  %5" PRIu32 "  %12.2f  %6" PRIu32 "  %6" PRIu32 "  %6" PRIu32 "  %6" PRIu32
           "  %13" PRIu64 "\n",
           i, (double)rate_hz / level.every, level.every, level.width, level.hidden, level.blocks,
           level.macs);
}

static void print_config(const CenoteModelInfo *info)
{
  json_t *config = json_loads(info->config_json, 0, NULL);
  const char *key;
  json_t *value;
  puts("\n  configuration");
  json_object_foreach(config, key, value)
  {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    printf("    %-25s ", key);
    cli_print_plain(text ? text : "");
    putchar('\n');
    free(text);
  }
  json_decref(config);
}

static void print_notes(const CenoteModel *model)
{
  const char *key;
  const char *value;
  for (size_t i = 0; cenote_model_note(model, i, &key, &value); ++i) {
    fputs(i == 0 ? "\n  notes in the file\n    " : "    ", stdout);
    cli_print_plain(key);
    fputs(": ", stdout);
    cli_print_plain(value);
    putchar('\n');
  }
}

static int print_text(const CenoteModel *model, const char *path)
{
  const CenoteModelInfo *info = cenote_model_info(model);
  cli_print_plain(info->name);
  fputs("\n  file        ", stdout);
  cli_print_plain(path);
  printf("\n  hash        %016" PRIx64 "\n", info->hash);
  printf("  parameters  %" PRIu64 ", matrices stored in %s\n", info->parameters, info->stored);
  printf("  sound       %" PRIu32 " Hz, %s codes%s, %" PRIu32 " before the first\n",
         info->sample_rate_hz, encoding(info),
         info->min_max_scaling ? " of clips scaled to [-1, 1]" : "", info->baseline);
  printf("  work        %.0f multiply-adds a step in the mean, %" PRIu64 " at worst (every %" PRIu32
         " steps)\n",
         info->macs_mean, info->macs_worst, info->period);
  printf("              %.2f G multiply-adds a second in real time\n",
         1e-9 * info->macs_mean * info->sample_rate_hz);
  printf(
      "  ahead       %.3f ms: the backlog of the worst step where the rest just keeps real time\n",
      info->ahead_ms);
  printf("  memory      %.2f MB weights, %.1f kB a voice, %.1f kB of it its state (a slot)\n",
         1e-6 * (double)info->bytes, 1e-3 * (double)info->voice_bytes,
         1e-3 * (double)info->state_bytes);
  printf("  kernel      %s, %s\n", info->kernel, info->precision);
  print_levels(model);
  print_config(info);
  print_notes(model);
  return CLI_DONE;
}

int cmd_info(int argc, char **argv)
{
  static const struct option known[] = {{"json", no_argument, NULL, 'j'},
                                        {"precision", required_argument, NULL, 'p'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  bool json = false;
  CenotePrecision precision = CENOTE_AUTO;
  for (int option; (option = cli_option("info", argc, argv, ":h", known)) != -1;) {
    if (option == '?') return CLI_USAGE;
    if (option == 'h') return fputs(help, stdout), CLI_DONE;
    if (option == 'j') json = true;
    else if (!cli_precision("info", optarg, &precision)) return CLI_USAGE;
  }
  if (argc - optind != 1)
    return cli_usage("info", argc == optind ? "no MODEL" : "more than one MODEL");
  char path[CLI_PATH];
  CenoteModel *model = cli_load("info", argv[optind], precision, path);
  if (!model) return CLI_FAILED;
  const int status = json ? print_json(model, path) : print_text(model, path);
  cenote_model_free(model);
  return status;
}
