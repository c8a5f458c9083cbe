// SPDX-License-Identifier: ISC
// cenote: one command after another, from one table.
#include "cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *help;
} commands[] = {
    {"info", cmd_info, "what a model is: configuration, sizes, rates of its levels"},
    {"render", cmd_render, "generate sound into a file or a pipe"},
    {"logits", cmd_logits, "teacher-forced answers to given codes"},
    {"eval", cmd_eval, "bits per sample on recordings"},
    {"quantize", cmd_quantize, "the same weights narrower, and what that costs"},
    {"train", cmd_train, "learn recordings"},
    {"import", cmd_import, "a checkpoint of the paper's program as a weights file"},
    {"bench", cmd_bench, "how fast a model runs here"},
    {"presets", cmd_presets, "list the presets"},
#ifdef CLI_SEND
    {"replay", cmd_replay, "play a log of cenoted again, to a file"},
    {"send", cmd_send, "send an OSC message to cenoted, print its replies"},
#endif
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *to)
{
  fputs("Usage: cenote COMMAND [ARGUMENT]...\n"
        "Play, measure and describe Poolformers, models of sound that run in real time.\n"
        "\n",
        to);
  for (int i = 0; i < COMMANDS; ++i) fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
  fputs("\n"
        "'cenote COMMAND --help' tells more, 'man cenote' all, 'cenote --version' the version.\n"
        "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
        to);
}

static int run(int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : "";
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
    print_help(stdout);
    return CLI_DONE;
  }
  if (strcmp(name, "--version") == 0 || (argc > 2 && strcmp(argv[2], "--version") == 0)) {
    printf("cenote %s\n", cenote_version());
    return CLI_DONE;
  }
  for (int i = 0; i < COMMANDS; ++i)
    if (strcmp(name, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  if (argc > 1) cli_fail(name, "no such command");
  print_help(stderr);
  return CLI_USAGE;
}

/// Descriptors 0 to 2 that are closed would go to the next file or socket, which would then be read
/// or written as a standard one. In their place: what can be neither read nor written, so that to
/// use them stays an error.
static bool fill_standard(void)
{
  static const int way[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int fd = 0; fd < 3; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", way[fd]) != fd) return false;
  return true;
}

int main(int argc, char **argv)
{
  if (!fill_standard()) return CLI_FAILED;
  // A reader that has gone, a file that may not grow: a failed write, and told as one.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  const int status = run(argc, argv);
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  if (status == CLI_DONE) fputs("cenote: standard output cannot be written\n", stderr);
  return status == CLI_DONE ? CLI_FAILED : status;
}
