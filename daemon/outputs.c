// SPDX-License-Identifier: ISC
#define _XOPEN_SOURCE 700 // realpath

#include "outputs.h"

#include "sink_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLACE = 4096 };

/// The file that a path means, links followed, though it may not exist yet; "": none does.
static void find_place(const char *path, char place[static PLACE])
{
  char folder[PLACE];
  char real[PLACE];
  place[0] = '\0';
  if (realpath(path, real)) {
    snprintf(place, PLACE, "%s", real);
    return;
  }
  const char *slash = strrchr(path, '/');
  const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
  if (length >= sizeof folder) return;
  snprintf(folder, sizeof folder, "%.*s", length > 0 ? (int)length : 1, length > 0 ? path : ".");
  if (!realpath(folder, real) || strlen(real) + strlen(path) + 2 > PLACE) return;
  const size_t used = (size_t)snprintf(place, PLACE, "%s", real);
  snprintf(place + used, PLACE - used, "/%s", slash ? slash + 1 : path);
}

static bool same_place(const char *a, const char *b)
{
  char one[PLACE];
  char two[PLACE];
  find_place(a, one);
  find_place(b, two);
  return one[0] != '\0' && strcmp(one, two) == 0;
}

/// What would be lost by writing to a path; NULL: nothing.
static const char *lost_at(const Daemon *daemon, size_t output)
{
  const Options *options = &daemon->options;
  const char *path = options->output[output];
  if (same_place(path, daemon->first->path)) return "is the weights themselves";
  if (options->input && strcmp(options->input, "card") != 0 && strcmp(options->input, "-") != 0 &&
      same_place(path, options->input))
    return "is the input itself";
  for (size_t i = 0; i < output; ++i)
    if (same_place(path, options->output[i])) return "is an output already";
  return NULL;
}

/// Whether an output can be opened, as far as that can be seen without touching it.
static int look_at(const Daemon *daemon, size_t output)
{
  const Options *options = &daemon->options;
  const char *path = options->output[output];
  const SinkKind kind = sink_kind_of(path, false);
  char text[PLACE];
  CenoteError err = {""};
  SinkFormat form;
  if (!sink_format_choose(path, options->output_format[output], kind, options->channels, &form,
                          &err))
    return daemon_fail(err.text);
  struct stat about;
  if (kind != SINK_FILE || strcmp(path, "-") == 0) return 0;
  const char *why = lost_at(daemon, output);
  const bool there = stat(path, &about) == 0;
  const char *slash = strrchr(path, '/');
  snprintf(text, sizeof text, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  if (!why && there && S_ISDIR(about.st_mode)) why = strerror(EISDIR);
  if (!why && access(there ? path : text, W_OK) != 0) why = strerror(errno);
  if (!why) return 0;
  snprintf(text, sizeof text, "--output %.1000s: %s", path, why);
  return daemon_fail(text);
}

int outputs_open(Daemon *daemon)
{
  const Options *options = &daemon->options;
  Control *control = &daemon->control;
  const size_t second = (size_t)control->rate_hz;
  const uint64_t split = (uint64_t)(options->split_s * control->rate_hz + 0.5);
  control->recorder = recorder_new(options->fast);
  if (!control->recorder) return daemon_fail("out of memory");
  for (size_t i = 0; i < options->outputs; ++i) {
    const int status = look_at(daemon, i);
    if (status != 0) return status;
  }
  for (size_t i = 0; i < options->outputs; ++i) {
    CenoteError err = {""};
    Sink *sink;
    if (sink_open(options->output[i], options->output_format[i], (uint32_t)second,
                  options->channels, false, split, &sink, &err) != CENOTE_OK)
      return daemon_fail(err.text);
    if (recorder_output(control->recorder, sink, second + ENGINE_BLOCK)) continue;
    sink_close(sink);
    return daemon_fail("cannot start the thread of an output");
  }
  return 0;
}
