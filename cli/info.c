// SPDX-License-Identifier: ISC
// cenote info: what a model is.
#include "cli.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char help[] = "Usage: cenote info MODEL [--json]\n"
                           "Tell what a model (a file, or a preset's name) is.\n"
                           "      --json  for programs\n"
                           "      --help\n";

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
    json_array_append_new(list,
                          json_pack("{s:f, s:i, s:i, s:i, s:i, s:I}", "rate_hz",
                                    (double)rate_hz / level.every, "every", (int)level.every,
                                    "width", (int)level.width, "hidden", (int)level.hidden,
                                    "blocks", (int)level.blocks, "macs", (json_int_t)level.macs));
  return list;
}

static int print_json(const CenoteModel *model, const char *path)
{
  const CenoteModelInfo *info = cenote_model_info(model);
  char hash[17];
  snprintf(hash, sizeof hash, "%016" PRIx64, info->hash);
  json_t *notes = json_object();
  const char *key;
  const char *value;
  for (size_t i = 0; cenote_model_note(model, i, &key, &value); ++i)
    json_object_set_new(notes, key, json_string(value));
  json_t *all = json_pack(
      "{s:s, s:s, s:s, s:I, s:i, s:s, s:b, s:i, s:f, s:I, s:I, s:I, s:I, s:s, s:s, s:o, s:o, s:o}",
      "name", info->name, "file", path, "hash", hash, "parameters", (json_int_t)info->parameters,
      "sample_rate", (int)info->sample_rate_hz, "encoding", encoding(info), "min_max_scaling",
      (int)info->min_max_scaling, "period", (int)info->period, "macs_mean", info->macs_mean,
      "macs_worst", (json_int_t)info->macs_worst, "model_bytes", (json_int_t)info->bytes,
      "voice_bytes", (json_int_t)info->voice_bytes, "state_bytes", (json_int_t)info->state_bytes,
      "kernel", info->kernel, "precision", info->precision, "levels", levels_json(model), "config",
      json_loads(info->config_json, 0, NULL), "metadata", notes);
  if (!all) return cli_fail("info", "out of memory");
  json_dumpf(all, stdout, JSON_INDENT(2));
  putchar('\n');
  json_decref(all);
  return CLI_DONE;
}

static int print_text(const CenoteModel *model, const char *path)
{
  const CenoteModelInfo *info = cenote_model_info(model);
  printf("%s  (%s)\n", info->name, path);
  printf("  %" PRIu64 " parameters, %" PRIu32 " Hz, %s codes%s, hash %016" PRIx64 "\n",
         info->parameters, info->sample_rate_hz, encoding(info),
         info->min_max_scaling ? " of clips scaled to [-1, 1]" : "", info->hash);
  printf("  %.0f multiply-adds a step in the mean, %" PRIu64
         " when all levels fall due (every %" PRIu32 " steps)\n",
         info->macs_mean, info->macs_worst, info->period);
  printf("  %.1f MB of packed weights (%s, %s), %.1f kB a voice, %.1f kB a saved state\n",
         (double)info->bytes / 1e6, info->precision, info->kernel, (double)info->voice_bytes / 1e3,
         (double)info->state_bytes / 1e3);
  puts("  level      rate Hz  width  hidden  blocks  multiply-adds");
  CenoteLevelInfo level;
  for (uint32_t i = 0; cenote_model_level(model, i, &level); ++i)
    printf("  %5" PRIu32 " %12.2f %6" PRIu32 " %7" PRIu32 " %7" PRIu32 " %14" PRIu64 "\n", i,
           (double)info->sample_rate_hz / level.every, level.width, level.hidden, level.blocks,
           level.macs);
  printf("  config: %s\n", info->config_json);
  const char *key;
  const char *value;
  for (size_t i = 0; cenote_model_note(model, i, &key, &value); ++i)
    printf("  %s: %s\n", key, value);
  return CLI_DONE;
}

int cmd_info(int argc, char **argv)
{
  static const struct option known[] = {
      {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  bool json = false;
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    if (option == 'h') return fputs(help, stdout), CLI_DONE;
    if (option != 'j') return cli_usage("info", "unknown option");
    json = true;
  }
  if (argc - optind != 1) return cli_usage("info", "want one MODEL");
  char path[1024];
  CenoteModel *model = cli_load("info", argv[optind], path);
  if (!model) return CLI_FAILED;
  const int status = json ? print_json(model, path) : print_text(model, path);
  cenote_model_free(model);
  return status;
}
