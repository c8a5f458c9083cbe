// SPDX-License-Identifier: ISC
// What the commands of `cenote` share: one function a command, errors in one form, options as
// GNU's.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <cenote/cenote.h>

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Exit statuses: 0 done, 1 failed, 2 wrong usage.
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/// Room for the path that cli_load gives.
enum { CLI_PATH = 1024 };

// One command each; argv[0] is the command's own name. Each answers --help itself.
int cmd_bench(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_logits(int argc, char **argv);
int cmd_presets(int argc, char **argv);
int cmd_quantize(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_train(int argc, char **argv);

/// "cenote COMMAND: ..." on standard error, one printable line; returns CLI_FAILED.
int cli_fail(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/// The same and "Try 'cenote COMMAND --help'."; returns CLI_USAGE.
int cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/// A line for *err instead; returns `status`.
CenoteStatus cli_error(CenoteError *err, CenoteStatus status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// As getopt_long; but what is wrong with an option is said as cli_usage says it, and '?' returned.
int cli_option(const char *command, int argc, char **argv, const char *letters,
               const struct option *known);

/// Whole text as a number within [low, high]; false when it is not one.
bool cli_number(const char *text, double low, double high, double *out);
bool cli_whole(const char *text, uint64_t low, uint64_t high, uint64_t *out);

/// CLI_DONE, or CLI_USAGE having said that `output` is no name of a file; "-" is one where
/// `standard` output will do.
int cli_check_output(const char *command, const char *output, bool standard);

/// CLI_DONE, or CLI_FAILED having said that to write `output` would replace `input`, the same file,
/// whose name in the help is `what`. Either may be NULL.
int cli_check_same(const char *command, const char *output, const char *input, const char *what);

/// The value of --precision; false, having said so as cli_usage does, when it is none.
bool cli_precision(const char *command, const char *text, CenotePrecision *out);
#define CLI_PRECISION_HELP                                                                         \
  "      --precision=P    of the products: f32, bf16, int8, int4; auto (default) is the fastest\n" \
  "                       that the model's own metadata allows, f32 if they say nothing\n"

/// Find and load the model that a MODEL argument names (a file or a preset). On failure says why
/// and returns NULL. path[CLI_PATH] (may be NULL) receives the file.
CenoteModel *cli_load(const char *command, const char *argument, CenotePrecision precision,
                      char *path);

/// A string for JSON, which takes UTF-8 alone: names of files may be anything.
json_t *cli_json_text(const char *text);
/// Print and free an answer to --json; NULL is what jansson gives for want of memory.
int cli_print_json(const char *command, json_t *answer);

/// Print text from a file as one printable line, without the line's end.
void cli_print_plain(const char *text);

#endif
