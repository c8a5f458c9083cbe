// SPDX-License-Identifier: ISC
#include "care.h"

#include "commands.h"
#include "log.h"
#include "moments.h"
#include "now.h"
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NS INT64_C(1000000000)
#define KEEP_NS (60 * NS) ///< between two keepings
#define SHED_NS (NS / 5)  ///< between two sheddings: the first must show
#define REST_NS (10 * NS) ///< of the watchdog after a recall
#define DRIFT_S 3.0       ///< that a voice must be adrift
#define METER_HZ 5.0

bool care_open(const Control *control)
{
  const char *folder = control->options->restore;
  struct stat info;
  if (!folder || mkdir(folder, 0777) == 0) return true;
  const int why = errno;
  if (why == EEXIST && stat(folder, &info) == 0 && S_ISDIR(info.st_mode)) return true;
  log_error("--restore %s: %s", folder, why == EEXIST ? "not a folder" : strerror(why));
  return false;
}

void care_restore(Control *control, Kit *const *kit)
{
  const char *folder = control->options->restore;
  if (!folder) return;
  for (uint32_t k = 0; k < control->options->voices; ++k) {
    char path[JOB_TEXT];
    Moment *moment;
    CenoteError err;
    struct stat info;
    CenoteVoice *voice = kit[k]->stream[0]->voice;
    if (snprintf(path, sizeof path, "%s/voice-%" PRIu32 ".state", folder, k + 1) >= JOB_TEXT ||
        stat(path, &info) != 0)
      continue;
    if (moment_read(path, cenote_voice_model(voice), &moment, &err) == CENOTE_OK) {
      cenote_voice_restore(voice, moment->state, moment->bytes);
      const uint64_t seed = cenote_voice_seed(voice);
      values_set(&control->values, NULL, VALUE_SEED, k, 0, (Number){(double)seed, (int64_t)seed});
      free(moment);
    } else {
      log_warn("--restore: %s; voice %" PRIu32 " starts anew", err.text, k + 1);
    }
  }
}

/// Ask the engine for every voice's state; the last to come sends the job.
static void keep(Control *control)
{
  Job *job = job_new(JOB_KEEP);
  if (!job) return;
  snprintf(job->folder, sizeof job->folder, "%s", control->options->restore);
  snprintf(job->command, sizeof job->command, "--restore");
  session_save(control, control->options->restore);
  const size_t room = control_state_bytes(control);
  for (uint32_t k = 0; k < control->options->voices; ++k) {
    Moment *moment = moment_new(room);
    Command command = {
        .kind = COMMAND_LOOK, .voice = (int32_t)k, .slot = ENGINE_SLOTS, .object = moment};
    if (moment) command.reply = control_ask(control, NULL, NULL, job->command, job);
    if (command.reply != 0 && control_send(control, command)) {
      ++job->count;
      continue;
    }
    Asked asked;
    control_asked(control, command.reply, &asked);
    free(moment);
  }
  if (job->count == 0) job_free(job);
}

/// Stop the voice that was started last, when there is more than one.
static void shed(Control *control)
{
  uint32_t running = 0;
  uint32_t newest = 0;
  for (uint32_t k = 0; k < control->options->voices; ++k) {
    if (values_get(&control->values, VALUE_RUN, k, 0).whole == 0) continue;
    if (running++ == 0 || control->began[k] >= control->began[newest]) newest = k;
  }
  if (running < 2) return;
  if (!control_set(control, NULL, VALUE_RUN, newest, 0, (Number){0.0, 0})) return;
  ++control->shed;
  char command[64];
  snprintf(command, sizeof command, "/voice/%" PRIu32, newest + 1);
  log_warn("voice %" PRIu32 " is shed: %" PRIu32 " voices are more than this machine can play",
           newest + 1, running);
  lo_message message = lo_message_new();
  lo_message_add(message, "ssi", command, "shed: too many voices for this machine",
                 (int)FAIL_LIMIT);
  control_notify(control, "/fail", message);
  control_tell_end(control, newest);
}

void care_tend(Control *control)
{
  const int64_t now = now_ns();
  if (control->quit) return;
  if (player_overloaded(control->player) && now - control->shed_ns > SHED_NS) {
    control->shed_ns = now;
    shed(control);
  }
  if (control->options->restore && !control->options->fast) {
    if (control->kept_ns == 0) control->kept_ns = now;
    if (now - control->kept_ns > KEEP_NS) {
      control->kept_ns = now;
      keep(control);
    }
  }
  // A new rate of the meters is the clients'; without one it begins again with its own.
  const float hz = control->values.meter_hz;
  if (control->options->watchdog && (!control->watching || control->watched_hz != hz)) {
    control->watching = true;
    control->watched_hz = hz;
    if (hz == 0.0f)
      control_send(control, (Command){.kind = COMMAND_METER,
                                      .whole = (uint64_t)(control->rate_hz / METER_HZ)});
  }
}

/// Why a voice is adrift, NULL: it is not.
static const char *drift_of(const Options *options, const Meter *meter)
{
  if (meter->rms < 3e-4f) return "silence";
  const float varies = meter->rms * meter->rms - meter->dc * meter->dc;
  if (varies < 1e-7f || fabsf(meter->dc) > 0.3f) return "a constant";
  if (meter->rms > 0.7f) return "full level";
  if (meter->bits > 0.0f && (double)meter->bits < options->bits_low) return "a loop";
  if ((double)meter->bits > options->bits_high) return "noise";
  return NULL;
}

void care_meter(Control *control, const Event *event)
{
  const Options *options = control->options;
  const uint32_t voice = (uint32_t)event->voice;
  Drift *drift = &control->drift[voice];
  if (!options->watchdog) return;
  const bool run = values_get(&control->values, VALUE_RUN, voice, 0).whole != 0;
  const char *why = run ? drift_of(options, &event->meter) : NULL;
  const int64_t now = now_ns();
  if (!why || now < drift->rest_ns) {
    drift->since_ns = 0;
    return;
  }
  if (drift->since_ns == 0) drift->since_ns = now;
  if ((double)(now - drift->since_ns) < DRIFT_S * (double)NS) return;
  drift->since_ns = 0;
  drift->rest_ns = now + REST_NS;
  uint32_t slot;
  Command command = {.kind = COMMAND_RESET, .voice = event->voice};
  const bool good =
      control_slot(control, options->watchdog, false, &slot) && control->slot[slot] != 0;
  if (good) {
    command.kind = COMMAND_LOAD;
    command.slot = slot;
  }
  control_send(control, command);
  log_warn("voice %" PRIu32 " has drifted into %s: %s%s", voice + 1, why,
           good ? "back to slot " : "reset", good ? options->watchdog : "");
}

void care_close(Control *control, Engine *engine)
{
  const char *folder = control->options->restore;
  if (!folder || !engine) return;
  session_save(control, folder);
  for (uint32_t k = 0; k < control->options->voices; ++k) {
    char path[JOB_TEXT];
    CenoteError err;
    const CenoteVoice *voice = engine_part(engine, k)->now->voice;
    const size_t bytes = cenote_model_info(cenote_voice_model(voice))->state_bytes;
    Moment *moment = moment_new(bytes);
    if (!moment) return;
    cenote_voice_save(voice, moment->state);
    moment->bytes = bytes;
    snprintf(path, sizeof path, "%s/voice-%" PRIu32 ".state", folder, k + 1);
    if (moment_write(path, moment, &err) != CENOTE_OK) log_error("--restore: %s", err.text);
    free(moment);
  }
}
