// SPDX-License-Identifier: ISC
// cenote presets: what there is to play.
#include "cli.h"

#include <stdio.h>
#include <string.h>

static const char help[] = "Usage: cenote presets [OPTION]...\n"
                           "List the presets; * marks the one that cenoted plays by itself.\n"
                           "\n"
                           "      --json  print a list of objects\n"
                           "  -h, --help  show this text\n";

enum { FOLDER = 4096 };

/// What the weights say of themselves, or why they cannot be loaded.
static void describe(const char *folder, CenoteError *text)
{
  char path[FOLDER + 32];
  CenoteModel *model;
  const char *key;
  const char *value;
  snprintf(path, sizeof path, "%s/weights.safetensors", folder);
  if (cenote_model_load(path, &model, text) != CENOTE_OK) return;
  text->text[0] = '\0';
  for (size_t i = 0; cenote_model_note(model, i, &key, &value); ++i)
    if (strcmp(key, "description") == 0) snprintf(text->text, sizeof text->text, "%s", value);
  cenote_model_free(model);
}

static void print_text(const char *name, const char *folder, const char *text, bool is_default)
{
  fputs(is_default ? "* " : "  ", stdout);
  cli_print_plain(name);
  fputs("\n    ", stdout);
  if (text[0]) {
    cli_print_plain(text);
    fputs("\n    ", stdout);
  }
  cli_print_plain(folder);
  putchar('\n');
}

static int list_presets(bool json)
{
  char name[256];
  char folder[FOLDER];
  char usual[FOLDER] = "";
  CenoteError text;
  json_t *list = json_array();
  cenote_find_preset(NULL, usual, sizeof usual, NULL);
  size_t count = 0;
  for (; cenote_list_presets(count, name, sizeof name, folder, sizeof folder); ++count) {
    const bool is_default = strcmp(folder, usual) == 0;
    describe(folder, &text);
    if (json)
      json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:b}", "name", cli_json_text(name),
                                            "folder", cli_json_text(folder), "description",
                                            cli_json_text(text.text), "default", (int)is_default));
    else print_text(name, folder, text.text, is_default);
  }
  if (json) return cli_print_json("presets", list);
  json_decref(list);
  return count > 0 ? CLI_DONE : cli_fail("presets", "there are none");
}

int cmd_presets(int argc, char **argv)
{
  static const struct option known[] = {
      {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  bool json = false;
  for (int option; (option = cli_option("presets", argc, argv, ":h", known)) != -1;) {
    if (option == '?') return CLI_USAGE;
    if (option == 'h') return fputs(help, stdout), CLI_DONE;
    json = true;
  }
  if (optind < argc) return cli_usage("presets", "%s: no argument is wanted", argv[optind]);
  return list_presets(json);
}
