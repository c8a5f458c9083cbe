// SPDX-License-Identifier: ISC
// cenoted: start, tend until it is over, stop.
#include "daemon.h"

#include "commands.h"
#include "now.h"
#include "realtime.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t asked; // signals that asked for the end

static void on_signal(int number)
{
  (void)number;
  if (asked) _exit(1);
  asked = 1;
}

/// The clock is the card's while it is there.
static void watch_card(Control *control, bool *lost)
{
  const AudioChange change = audio_tend(control->audio);
  if (change == AUDIO_SAME) return;
  *lost = change == AUDIO_LOST;
  player_set_card(control->player, change == AUDIO_BACK);
}

/// What the service manager is to hear, when it is due.
static void tend_service(Daemon *daemon)
{
  const Control *control = &daemon->control;
  const int64_t now_ns = (int64_t)(now_s() * 1e9);
  if (!service_due(&daemon->service, now_ns)) return;
  PlayerStatus status;
  player_status(control->player, &status);
  const ServiceState state = {
      .frames = status.frames,
      .idle = daemon->options.fast || control->quit || !player_playing(control->player),
      .preset = control->playing[0]->name,
      .voices = status.sounding,
      .load = status.load_mean,
      .xruns = control->audio ? audio_xruns(control->audio) : 0,
  };
  service_tend(&daemon->service, &state, now_ns);
}

static bool open_session(void *data, const char *folder)
{
  Daemon *daemon = data;
  return session_open(&daemon->session, &daemon->control, folder);
}

static bool save_session(void *data, const char *folder)
{
  Daemon *daemon = data;
  return session_save(&daemon->control, folder);
}

/// Until it is over: asked to end and silent, all played, or no output can be written any more.
static int tend(Daemon *daemon)
{
  Control *control = &daemon->control;
  double quit_s = 0.0;
  bool lost = false;
  for (;;) {
    if (!osc_poll(control->osc, jobs_descriptor(control->jobs), 2))
      return daemon_fail("the OSC sockets have failed");
    control_tend(control);
    nsm_tend(daemon->nsm);
    session_tend(&daemon->session, control);
    tend_service(daemon);
    if (control->audio) watch_card(control, &lost);
    midi_tend(daemon->midi, &daemon->sink);
    if (asked) control_quit(control);
    if (control->quit && quit_s == 0.0) quit_s = now_s();
    if (control->quit && (control->faded || now_s() - quit_s > 0.5)) return 0;
    recorder_tend(control->recorder);
    const int over = recorder_over(control->recorder);
    if (over >= 0 && (!control->audio || lost)) return over;
    if (!player_playing(control->player)) return 0;
  }
}

static int run(Daemon *daemon)
{
  const NsmCalls calls = {.open = open_session, .save = save_session, .data = daemon};
  int status = daemon_start(daemon);
  if (status == 0) daemon->nsm = nsm_start("cenoted", &calls);
  if (status == 0) status = tend(daemon);
  nsm_stop(daemon->nsm);
  return status;
}

/// Descriptors 0 to 2 are the standard ones, even where the parent closed them: else the next
/// socket or file would get what is said.
static bool hold_standard(void)
{
  for (int fd = 0; fd <= STDERR_FILENO; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) return false;
  return true;
}

static void take_signals(void)
{
  const struct sigaction end = {.sa_handler = on_signal};
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  struct sigaction hangup;
  sigaction(SIGINT, &end, NULL);
  sigaction(SIGTERM, &end, NULL);
  // A terminal that is closed ends it too, unless nohup says otherwise.
  if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
    sigaction(SIGHUP, &end, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL); // a limit on files is an error of that file
}

int main(int argc, char **argv)
{
  if (!hold_standard()) return 1;
  realtime_keep_heap_small();
  Daemon *daemon = calloc(1, sizeof *daemon);
  if (!daemon) return daemon_fail("out of memory");
  int status = options_parse(argc, argv, &daemon->options);
  if (status < 0 && daemon->options.help_osc) {
    if (daemon->options.help_osc_as == NULL) commands_print();
    else if (strcmp(daemon->options.help_osc_as, "mdoc") == 0) commands_print_mdoc();
    else commands_print_markdown();
    status = 0;
  }
  if (status < 0 && daemon->options.list_devices) {
    const int count = audio_list(daemon->options.channels);
    if (count == 0)
      log_error("no sound card of %" PRIu32 " channels here", daemon->options.channels);
    status = count > 0 ? 0 : 1;
  }
  if (status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
    status = daemon_fail("standard output cannot be written");
  if (status >= 0) {
    options_clear(&daemon->options);
    free(daemon);
    return status;
  }
  take_signals();
  service_open(&daemon->service);
  status = run(daemon);
  bool card_closed = true;
  if (!daemon_stop(daemon, &card_closed)) status = 1; // told by its lane
  if (!card_closed) _exit(status); // its thread hangs in the library, and holds the device
  service_close(&daemon->service);
  options_clear(&daemon->options);
  free(daemon);
  return status;
}
