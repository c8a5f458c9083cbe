// SPDX-License-Identifier: ISC
// cenote replay: a log of cenoted as sound, the same samples as were played.
#include "cli.h"
#include "progress.h"

#include "replay.h"
#include "sink.h"

#include <stdio.h>

static const char help[] =
    "Usage: cenote replay LOG -o FILE|- [OPTION]...\n"
    "Play a log of cenoted (/log/start) again: the same samples, 16-bit. The weights must\n"
    "still be where they were, and the same.\n"
    "\n"
    "  -o, --output=FILE     where to; - is standard output\n"
    "      --format=FORMAT   rf64 (default), wav, w64, flac, ogg, au, raw\n"
    "  -h, --help            show this text\n";

enum { OPT_FORMAT = 256 };

static const struct option known[] = {
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int play(Replay *replay, Sink *sink)
{
  static float frames[8 * 8192];
  CenoteError err = {""};
  for (uint32_t count; (count = replay_render(replay, frames, &err)) > 0;) {
    if (count == UINT32_MAX) return cli_fail("replay", "%s", err.text);
    if (!sink_write(sink, frames, count))
      return sink_reader_gone(sink) ? CLI_DONE : cli_fail("replay", "%s", sink_error(sink));
  }
  return CLI_DONE;
}

int cmd_replay(int argc, char **argv)
{
  const char *output = NULL;
  const char *format = NULL;
  for (int option; (option = cli_option("replay", argc, argv, ":o:h", known)) != -1;) {
    if (option == 'h') return fputs(help, stdout), CLI_DONE;
    if (option == 'o') output = optarg;
    else if (option == OPT_FORMAT) format = optarg;
    else return CLI_USAGE;
  }
  if (argc - optind != 1) return cli_usage("replay", "want one LOG");
  if (!output) return cli_usage("replay", "want -o FILE");
  if (cli_check_output("replay", output, true) != CLI_DONE) return CLI_USAGE;
  if (format && !sink_format_known(format))
    return cli_usage("replay", "--format: %s is none of: rf64, wav, w64, flac, ogg, au, raw",
                     format);
  if (cli_check_same("replay", output, argv[optind], "LOG") != CLI_DONE) return CLI_FAILED;
  CenoteError err = {""};
  Replay *replay;
  Sink *sink = NULL;
  if (replay_open(argv[optind], &replay, &err) != CENOTE_OK)
    return cli_fail("replay", "%s", err.text);
  int status = CLI_DONE;
  if (sink_open(output, format, (uint32_t)replay_rate(replay), replay_channels(replay), false, 0,
                &sink, &err) != CENOTE_OK)
    status = cli_fail("replay", "%s", err.text);
  if (status == CLI_DONE) status = play(replay, sink);
  if (sink && !sink_close(sink) && status == CLI_DONE)
    status = cli_fail("replay", "%s: cannot be finished", output);
  replay_close(replay);
  return status;
}
