// SPDX-License-Identifier: ISC
// cenote train: options in, a run, and what there is to say of it.
#include "cli.h"
#include "train_help.h"

#include "run.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  MAX_OPTIONS = 96,
  OPT_SETTING = 1000,
  OPT_KEY = 2000,
  OPT_RESUME = 300,
  OPT_FORCE,
  OPT_SIZE,
  OPT_CONFIG
};

/// An option that was given, in order.
typedef struct Given {
  int option;
  const char *text;
} Given;

typedef struct Options {
  const char *data;
  const char *output;
  const char *size;   ///< NULL: not given
  const char *config; ///< the same
  bool resume;
  bool force;
  Given *given; ///< settings and keys
  size_t count;
  struct option known[MAX_OPTIONS];
  char name[MAX_OPTIONS][32];
} Options;

/// "learning_rate" is --learning-rate.
static void add_known(Options *options, size_t *at, const char *name, int value, int argument)
{
  char *copy = options->name[*at];
  snprintf(copy, sizeof options->name[0], "%s", name);
  for (char *c = copy; *c; ++c)
    if (*c == '_') *c = '-';
  options->known[(*at)++] = (struct option){copy, argument, NULL, value};
}

static void list_options(Options *options)
{
  size_t at = 0;
  add_known(options, &at, "output", 'o', required_argument);
  add_known(options, &at, "resume", OPT_RESUME, no_argument);
  add_known(options, &at, "force", OPT_FORCE, no_argument);
  add_known(options, &at, "size", OPT_SIZE, required_argument);
  add_known(options, &at, "config", OPT_CONFIG, required_argument);
  add_known(options, &at, "help", 'h', no_argument);
  for (int i = 0; settings_table[i].name; ++i)
    add_known(options, &at, settings_table[i].name, OPT_SETTING + i,
              train_bare(&settings_table[i]) ? optional_argument : required_argument);
  for (int i = 0; settings_keys[i].name; ++i)
    add_known(options, &at, settings_keys[i].name, OPT_KEY + i, required_argument);
}

/// The reference spells its options with _.
static void use_dashes(int argc, char **argv)
{
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; ++i) {
    if (strncmp(argv[i], "--", 2) != 0) continue;
    for (char *c = argv[i]; *c && *c != '='; ++c)
      if (*c == '_') *c = '-';
  }
}

/// CLI_DONE, or what the command is to return.
static int read_options(int argc, char **argv, Options *options, bool *helped)
{
  list_options(options);
  options->given = calloc((size_t)argc, sizeof *options->given);
  if (!options->given) return cli_fail("train", "out of memory");
  use_dashes(argc, argv);
  for (int option; (option = cli_option("train", argc, argv, ":o:h", options->known)) != -1;) {
    if (option == '?') return CLI_USAGE;
    if (option == 'h') train_print_help(), *helped = true;
    if (option == 'h') return CLI_DONE;
    if (option == 'o') options->output = optarg;
    else if (option == OPT_RESUME) options->resume = true;
    else if (option == OPT_FORCE) options->force = true;
    else if (option == OPT_SIZE) options->size = optarg;
    else if (option == OPT_CONFIG) options->config = optarg;
    else options->given[options->count++] = (Given){option, optarg};
  }
  if (argc - optind != 1)
    return cli_usage("train", argc == optind ? "no DATA" : "more than one DATA");
  if (!options->output) return cli_usage("train", "where to? Give -o MODEL");
  if (options->resume && options->force)
    return cli_usage("train", "--resume goes on, --force begins anew: not both");
  options->data = argv[optind];
  const int status = cli_check_output("train", options->output, false);
  return status == CLI_DONE ? cli_check_same("train", options->output, options->data, "DATA")
                            : status;
}

/// What was given, over what is there.
static int apply_given(const Options *options, Settings *settings)
{
  CenoteError err;
  for (size_t i = 0; i < options->count; ++i) {
    const Given *given = &options->given[i];
    CenoteStatus status;
    if (given->option >= OPT_KEY) {
      status = settings_set_key(settings, settings_keys[given->option - OPT_KEY].name, given->text,
                                &err);
    } else {
      const Setting *setting = &settings_table[given->option - OPT_SETTING];
      const char *bare = setting->kind == SET_BOOL ? "true" : "50";
      status = settings_set(settings, setting, given->text ? given->text : bare, &err);
    }
    if (status != CENOTE_OK) return cli_usage("train", "%s", err.text);
  }
  if (settings_check(settings, &err) != CENOTE_OK) return cli_usage("train", "%s", err.text);
  return CLI_DONE;
}

static const Setting *setting_named(const char *name)
{
  const Setting *setting = settings_table;
  while (strcmp(setting->name, name) != 0) ++setting;
  return setting;
}

/// Settings of a run that begins. *out is NULL unless CLI_DONE is returned.
static int new_settings(const Options *options, uint32_t processes, Settings **out)
{
  CenoteError err;
  char threads[32];
  *out = settings_new(options->size ? options->size : "small");
  if (!*out)
    return cli_usage("train", "--size: %s is none of tiny, small, medium, sc09", options->size);
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  snprintf(threads, sizeof threads, "%ld", cores > 1 && processes == 1 ? cores : 1);
  settings_set(*out, setting_named("threads"), threads, &err);
  int status = CLI_DONE;
  if (options->config && settings_from_file(options->config, *out, &err) != CENOTE_OK)
    status = cli_usage("train", "--config: %s", err.text);
  if (status == CLI_DONE) status = apply_given(options, *out);
  if (status == CLI_DONE) return status;
  settings_free(*out);
  *out = NULL;
  return status;
}

/// A run that goes on keeps what its weights are a function of.
static int compare_kept(const Settings *kept, const Settings *wanted)
{
  json_t *a = settings_to_json(kept, true);
  json_t *b = settings_to_json(wanted, true);
  int status = CLI_DONE;
  const char *key;
  json_t *value;
  json_object_foreach(a, key, value)
  {
    if (status == CLI_DONE && !json_equal(value, json_object_get(b, key)))
      status = cli_usage("train", "%s: the run that --resume goes on with has another", key);
  }
  if (status == CLI_DONE && !settings_same_model(kept, wanted))
    status = cli_usage("train", "the run that --resume goes on with has another model");
  json_decref(a);
  json_decref(b);
  return status;
}

/// Those of a checkpoint, with what may be changed of them.
static int old_settings(const Options *options, const Settings *kept, Settings **out)
{
  int status;
  CenoteError err;
  if (options->size || options->config) { // a whole configuration: all of it must be the same
    status = new_settings(options, 1, out);
  } else if (train_settings(options->output, out, &err) == CENOTE_OK) {
    status = apply_given(options, *out);
  } else {
    status = cli_fail("train", "%s", err.text);
  }
  return status == CLI_DONE ? compare_kept(kept, *out) : status;
}

/// What the run is told; *out is to be freed, whatever is returned.
static int make_settings(const Options *options, uint32_t processes, Settings **out)
{
  CenoteError err;
  Settings *kept;
  *out = NULL;
  if (!options->resume) return new_settings(options, processes, out);
  const CenoteStatus found = train_settings(options->output, &kept, &err);
  if (found == CENOTE_NOT_FOUND) return new_settings(options, processes, out);
  if (found != CENOTE_OK) return cli_fail("train", "%s", err.text);
  const int status = old_settings(options, kept, out);
  settings_free(kept);
  return status;
}

static atomic_int caught;

static void on_signal(int number)
{
  atomic_store(&caught, number);
}

/// The first is heeded after the step; a second ends the program at once.
static void catch_signals(void)
{
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  struct sigaction before;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) // not under nohup
    sigaction(SIGHUP, &action, NULL);
}

static bool on_terminal;

static void wipe(void)
{
  if (on_terminal) fputs("\r\033[K", stderr);
}

static void say(void *arg, const char *line)
{
  (void)arg;
  wipe();
  cli_print_plain(line);
  putchar('\n');
  fflush(stdout);
}

static void warn(void *arg, const char *line)
{
  (void)arg;
  wipe();
  cli_fail("train", "%s", line); // said, but no failure
}

static void show_reading(void *arg, size_t done, size_t files)
{
  (void)arg;
  if (on_terminal) fprintf(stderr, "\rreading file %zu of %zu\033[K", done + 1, files);
}

static void show_progress(void *arg, const RunProgress *progress)
{
  (void)arg;
  if (!on_terminal) return;
  char left[32] = "";
  char valid[32] = "";
  if (!isnan(progress->left_s))
    snprintf(left, sizeof left, ", %.0f:%02.0f left", floor(progress->left_s / 60.0),
             fmod(progress->left_s, 60.0));
  if (!isnan(progress->valid_bits))
    snprintf(valid, sizeof valid, ", valid %.3f", progress->valid_bits);
  fprintf(stderr, "\rstep %llu", (unsigned long long)progress->step);
  if (progress->steps > 0) fprintf(stderr, " of %llu", (unsigned long long)progress->steps);
  fprintf(stderr, ": %.0f samples/s, train %.3f%s bits%s\033[K", progress->tokens_per_s,
          progress->train_bits, valid, left);
}

static int train(const Options *options, const Group *group)
{
  Settings *settings;
  int status = make_settings(options, group->size, &settings);
  if (status == CLI_DONE) {
    const RunTask task = {options->data, options->output, settings, options->resume,
                          options->force};
    const RunHooks hooks = {.say = say,
                            .warn = warn,
                            .progress = show_progress,
                            .reading = show_reading,
                            .stop = &caught};
    CenoteError err = {""};
    bool stopped;
    on_terminal = isatty(STDERR_FILENO) != 0 && group->rank == 0;
    catch_signals();
    const CenoteStatus result = train_run(&task, group, &hooks, &stopped, &err);
    wipe();
    if (result == CENOTE_BAD_ARGUMENT) status = cli_usage("train", "%s", err.text);
    else if (result != CENOTE_OK) status = cli_fail("train", "%s", err.text);
  }
  settings_free(settings);
  return status;
}

int cmd_train(int argc, char **argv)
{
  Options *options = calloc(1, sizeof *options);
  bool helped = false;
  if (!options) return cli_fail("train", "out of memory");
  int status = read_options(argc, argv, options, &helped);
  if (status == CLI_DONE && !helped) {
    Group group;
    CenoteError err;
    if (group_start(&group, &err) == CENOTE_OK) {
      status = train(options, &group);
      if (status == CLI_DONE) group_stop(&group);
      else group_abandon(&group);
    } else {
      status = cli_fail("train", "%s", err.text);
    }
  }
  free(options->given);
  free(options);
  return status;
}
