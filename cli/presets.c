// SPDX-License-Identifier: ISC
// cenote presets: what there is to play.
#include "cli.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char help[] = "Usage: cenote presets [--json]\n"
                           "List the presets; * marks the one that cenoted plays by default.\n";

/// The "description" of the preset's weights; empty without one.
static void describe(const char *folder, char *text, size_t size)
{
  char path[4200];
  CenoteModel *model;
  text[0] = '\0';
  snprintf(path, sizeof path, "%s/weights.safetensors", folder);
  if (cenote_model_load(path, &model, NULL) != CENOTE_OK) {
    snprintf(text, size, "(cannot be loaded: see cenote info)");
    return;
  }
  const char *key;
  const char *value;
  for (size_t i = 0; cenote_model_note(model, i, &key, &value); ++i)
    if (strcmp(key, "description") == 0) snprintf(text, size, "%s", value);
  cenote_model_free(model);
}

int cmd_presets(int argc, char **argv)
{
  static const struct option known[] = {
      {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  bool json = false;
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    if (option == 'h') return fputs(help, stdout), CLI_DONE;
    if (option != 'j') return cli_usage("presets", "unknown option");
    json = true;
  }
  if (optind < argc) return cli_usage("presets", "%s: no argument wanted", argv[optind]);
  char name[256];
  char folder[4096];
  char text[512];
  char usual[4096] = "";
  json_t *list = json_array();
  cenote_find_preset(NULL, usual, sizeof usual, NULL);
  size_t count = 0;
  for (; cenote_list_presets(count, name, sizeof name, folder, sizeof folder); ++count) {
    const bool is_default = strcmp(folder, usual) == 0;
    describe(folder, text, sizeof text);
    if (json)
      json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "name", name, "folder", folder,
                                            "description", text, "default", (int)is_default));
    else printf("%c %-12s %s\n    %s\n", is_default ? '*' : ' ', name, text, folder);
  }
  if (json) {
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
  }
  json_decref(list);
  return count > 0 ? CLI_DONE : cli_fail("presets", "there are none");
}
