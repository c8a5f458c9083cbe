// SPDX-License-Identifier: ISC
#include "session.h"

#include "commands.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char plays[] = "# plays ";

static void write_value(const Control *control, Value value, uint32_t voice, uint32_t level,
                        FILE *file)
{
  char address[64];
  lo_message message = lo_message_new();
  if (!message) return;
  values_address(value, voice, level, address);
  values_add(&control->values, value, voice, level, message);
  const lo_arg *arg = lo_message_get_argv(message)[0];
  const char type = lo_message_get_types(message)[0];
  int64_t whole = 0;
  if (type == 'h') memcpy(&whole, arg, sizeof whole);
  if (type == 'f') fprintf(file, "%s %.9g\n", address, (double)arg->f);
  else fprintf(file, "%s %" PRId64 "\n", address, type == 'h' ? whole : (int64_t)arg->i);
  lo_message_free(message);
}

static void write_all(const Control *control, FILE *file)
{
  fprintf(file, "%s%s\n", plays, control->playing[0]->name);
  for (int v = 0; v < VALUES; ++v) {
    const uint32_t voices = v < VALUE_VOICE ? 1 : control->options->voices;
    const uint32_t levels =
        v < VALUE_LEVEL ? 1 : cenote_model_info(control->playing[0]->model)->levels;
    for (uint32_t k = 0; k < voices; ++k)
      for (uint32_t l = 0; l < levels; ++l) write_value(control, (Value)v, k, l, file);
  }
}

bool session_save(const Control *control, const char *folder)
{
  char path[JOB_TEXT + 16];
  char aside[JOB_TEXT + 16];
  if (strchr(control->playing[0]->name, '\n')) return false;
  if (snprintf(path, sizeof path, "%s/preset.osc", folder) >= (int)sizeof path) return false;
  snprintf(aside, sizeof aside, "%s/preset.new", folder);
  FILE *file = fopen(aside, "w");
  if (file) {
    write_all(control, file);
    bool whole = fflush(file) == 0 && fsync(fileno(file)) == 0;
    whole = fclose(file) == 0 && whole;
    if (whole && rename(aside, path) == 0) return true;
  }
  log_error("%s: %s", aside, strerror(errno));
  if (file) unlink(aside);
  return false;
}

/// What its first line says played; empty when it says nothing, false when there is no such file.
static bool read_plays(const char *folder, char name[static JOB_NAME])
{
  char path[JOB_TEXT + 16];
  char line[JOB_NAME + sizeof plays] = "";
  name[0] = '\0';
  if (snprintf(path, sizeof path, "%s/preset.osc", folder) >= (int)sizeof path) return false;
  FILE *file = fopen(path, "r");
  if (!file) return false;
  if (fgets(line, sizeof line, file) && strncmp(line, plays, sizeof plays - 1) == 0) {
    line[strcspn(line, "\n")] = '\0';
    snprintf(name, JOB_NAME, "%.*s", JOB_NAME - 1, line + sizeof plays - 1);
  }
  fclose(file);
  return true;
}

/// A job that has `name` play; NULL when there is no such model.
static Job *job_for(const Control *control, const char *name)
{
  CenoteError err;
  Job *job = job_new(JOB_PRESET);
  if (!job) return NULL;
  CenoteStatus status = cenote_find_model(name, job->path, sizeof job->path, &err);
  // A file has no lines of its own, and none below it.
  const bool file = strchr(name, '/') || strstr(name, ".safetensors");
  if (file) memcpy(job->folder, job->path, sizeof job->folder);
  else if (status == CENOTE_OK)
    status = cenote_find_preset(name, job->folder, sizeof job->folder, &err);
  snprintf(job->name, sizeof job->name, "%s", name);
  job->count = control->options->voices;
  snprintf(job->command, sizeof job->command, "session");
  job->precision = control->options->precision;
  if (status == CENOTE_OK) return job;
  log_error("session: %s", err.text);
  job_free(job);
  return NULL;
}

bool session_open(Session *session, Control *control, const char *folder)
{
  char name[JOB_NAME];
  session->folder[0] = '\0';
  if (!read_plays(folder, name)) return true; // a new one
  session->after = control->jobs_put;
  if (*name && strcmp(name, control->playing[0]->name) != 0) {
    Job *job = job_for(control, name);
    if (!job) return false;
    control_put(control, job);
    session->after = control->jobs_put;
  }
  snprintf(session->folder, sizeof session->folder, "%s", folder);
  return true;
}

void session_tend(Session *session, Control *control)
{
  if (session->folder[0] == '\0' || control->jobs_done < session->after) return;
  commands_run_preset(control, session->folder);
  session->folder[0] = '\0';
}
