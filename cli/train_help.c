// SPDX-License-Identifier: ISC
#include "train_help.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: cenote train DATA -o MODEL [OPTION]...\n"
    "Learn recordings: a folder of audio files in, weights out, which cenoted plays.\n"
    "\n"
    "DATA is a folder of anything libsndfile reads, or one file. With folders train and\n"
    "valid in it these are taken as they are; otherwise about a tenth of the files is\n"
    "held back to measure on. Beside MODEL.safetensors the run leaves MODEL.ckpt (to go\n"
    "on from), MODEL.jsonl (its log), MODEL.svg (its curve) and MODEL.STEP.wav (what it\n"
    "sounds like). Ctrl-C saves and ends.\n"
    "\n"
    "  -o, --output=MODEL    the weights file\n"
    "      --resume          go on from MODEL.ckpt, bit for bit; without one, begin\n"
    "      --force           begin although MODEL is there\n"
    "      --size=SIZE       a whole configuration (default small); measured on two cores of\n"
    "                        an AMD EPYC with AVX-512, voices on one of them:\n";

static const char more_help[] =
    "      --config=FILE     settings from a JSON object of the names below, with _ for -\n"
    "  -h, --help            show this text\n"
    "\n"
    "Later options win over --size and --config. Defaults are those of small, then of sc09,\n"
    "the paper's.\n"
    "\n";

static const char model_help[] = "\nThe model (MODEL.md names the same; lists as 4,4,5 or JSON):\n";

static const char last_help[] =
    "\nSeveral machines: mpirun -n N cenote train ... shares each batch between N processes\n"
    "(of a build with MPI).\n";

bool train_bare(const Setting *setting)
{
  return setting->kind == SET_BOOL || strcmp(setting->name, "trim_silence") == 0;
}

static void print_value(const json_t *value)
{
  if (json_is_null(value)) printf("none");
  else if (json_is_boolean(value)) printf("%s", json_is_true(value) ? "true" : "false");
  else printf("%g", json_number_value(value));
}

static void print_settings(void)
{
  Settings *small = settings_new("small");
  Settings *paper = settings_new("sc09");
  json_t *ours = small ? settings_to_json(small, false) : NULL;
  json_t *theirs = paper ? settings_to_json(paper, false) : NULL;
  for (const Setting *s = settings_table; s->name; ++s) {
    char flag[64];
    const bool bare = train_bare(s);
    const int name = snprintf(flag, sizeof flag, "%s", s->name);
    for (char *c = flag; *c; ++c)
      if (*c == '_') *c = '-';
    snprintf(flag + name, sizeof flag - (size_t)name, bare ? "[=%s]" : "=%s", s->value);
    const json_t *a = json_object_get(ours, s->name);
    const json_t *b = json_object_get(theirs, s->name);
    printf("      --%-24s %s", flag, s->help);
    if (strcmp(s->name, "threads") != 0) {
      printf(" (");
      print_value(a);
      if (!json_equal(a, b)) printf(", "), print_value(b);
      putchar(')');
    }
    putchar('\n');
  }
  json_decref(ours);
  json_decref(theirs);
  settings_free(small);
  settings_free(paper);
}

void train_print_help(void)
{
  fputs(help, stdout);
  for (const SettingsSize *size = settings_sizes; size->name; ++size)
    printf("          %-8s %s\n", size->name, size->costs);
  fputs(more_help, stdout);
  print_settings();
  fputs(model_help, stdout);
  for (const SettingsKey *key = settings_keys; key->name; ++key) {
    char flag[48];
    snprintf(flag, sizeof flag, "%s=X", key->name);
    for (char *c = flag; *c; ++c)
      if (*c == '_') *c = '-';
    printf("      --%-28s %s\n", flag, key->help);
  }
  fputs(last_help, stdout);
}
