// SPDX-License-Identifier: ISC
#include "rig.h"

#include "commands.h"
#include "osc_packet.h"
#include "rt/engine_struct.h"
#include "rt/ring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct Osc {
  OscWatch watch;
  void *watch_data;
  uint64_t bundles, answers, dropped;
};

struct Jobs {
  JobsPlace place;
  Job *todo, *done;
  uint32_t pending;
};

struct Player {
  PlayerOptions options;
  uint64_t frames;
};

static int64_t now;          ///< ns
static size_t most_commands; ///< on their way
static bool wrote;

/// What the build has the daemon and <time.h> call so.
int clock_gettime(clockid_t id, struct timespec *out)
{
  (void)id;
  *out = (struct timespec){.tv_sec = 1700000000 + now / 1000000000, .tv_nsec = now % 1000000000};
  return 0;
}

#undef ring_new
Ring *ring_new(size_t items, size_t size);

/// What the build has the daemon call so: its own, but for how many commands fit.
Ring *rig_ring_new(size_t items, size_t size)
{
  Ring *ring = ring_new(size == sizeof(Command) ? most_commands : items, size);
  if (!ring) abort();
  return ring;
}

// Sockets.

CenoteStatus osc_open(const char *const *bind, size_t binds, uint16_t port, OscHandler handler,
                      void *data, Osc **out, CenoteError *err)
{
  (void)bind, (void)binds, (void)port, (void)handler, (void)data, (void)err;
  *out = calloc(1, sizeof **out);
  return *out ? CENOTE_OK : CENOTE_NO_MEMORY;
}

void osc_close(Osc *osc)
{
  free(osc);
}

uint16_t osc_port(const Osc *osc)
{
  (void)osc;
  return 7770;
}

uint64_t osc_dropped(const Osc *osc, const char **why)
{
  if (why) *why = NULL;
  return osc->dropped;
}

void osc_watch(Osc *osc, OscWatch watch, void *data)
{
  osc->watch = watch;
  osc->watch_data = data;
}

void osc_send(Osc *osc, const OscPeer *to, const char *address, lo_message message)
{
  if (!message) return;
  if (to->connection == 0 && to->socket != RIG_SOCKET) rig_broken("answers go to who asked");
  size_t size = lo_message_length(message, address);
  void *packet = lo_message_serialise(message, address, NULL, &size);
  const char *why = NULL;
  if (!packet || !osc_valid(packet, size, &why)) {
    fprintf(stderr, "%s: %s\n", address, why ? why : "no memory");
    rig_broken("answers are well-formed OSC");
  }
  ++osc->answers;
  free(packet);
  lo_message_free(message);
}

bool rig_packet(Daemon *daemon, const OscPeer *from, const uint8_t *bytes, size_t size)
{
  Osc *osc = daemon->control.osc;
  const char *why = NULL;
  const bool valid = osc_valid(bytes, size, &why);
  osc->watch(osc->watch_data, from, bytes, size, why);
  if (!valid) {
    ++osc->dropped;
    return false;
  }
  osc_walk(bytes, size, from, &osc->bundles, commands_handle, &daemon->control);
  if (daemon->control.batched > 0 || daemon->control.in_bundle)
    rig_broken("nothing of a packet is left unsent");
  return true;
}

// Jobs.

Jobs *jobs_start(const JobsPlace *place)
{
  Jobs *jobs = calloc(1, sizeof *jobs);
  if (jobs) jobs->place = *place;
  return jobs;
}

static Job *first_of(Job **list)
{
  Job *job = *list;
  if (job) *list = job->next;
  return job;
}

static void append(Job **list, Job *job)
{
  while (*list) list = &(*list)->next;
  job->next = NULL;
  *list = job;
}

static void work(Jobs *jobs)
{
  Job *job = first_of(&jobs->todo);
  job_do(job, &jobs->place);
  append(&jobs->done, job);
}

void jobs_stop(Jobs *jobs)
{
  if (!jobs) return;
  while (jobs->todo) work(jobs);
  for (Job *job; (job = first_of(&jobs->done));) job_free(job);
  free(jobs);
}

void jobs_put(Jobs *jobs, Job *job)
{
  const bool writes = job->kind == JOB_TAKE || job->kind == JOB_LOG || job->kind == JOB_WRITE;
  const size_t length = strlen(rig_media());
  if (writes && (strncmp(job->path, rig_media(), length) != 0 || job->path[length] != '/' ||
                 strstr(job->path, "/../")))
    rig_broken("files are written under --media-dir alone");
  wrote = wrote || writes;
  ++jobs->pending;
  append(&jobs->todo, job);
}

bool rig_wrote(void)
{
  const bool was = wrote;
  wrote = false;
  return was;
}

Job *jobs_get(Jobs *jobs)
{
  Job *job = first_of(&jobs->done);
  if (job) --jobs->pending;
  return job;
}

uint32_t jobs_pending(const Jobs *jobs)
{
  return jobs->pending;
}

void rig_work(Daemon *daemon, uint32_t most)
{
  Jobs *jobs = daemon->control.jobs;
  for (; most > 0 && jobs->todo; --most) work(jobs);
}

// The render thread.

Player *player_start(const PlayerOptions *options)
{
  Player *player = calloc(1, sizeof *player);
  if (player) player->options = *options;
  return player;
}

void player_stop(Player *player)
{
  free(player);
}

void player_status(const Player *player, PlayerStatus *out)
{
  const Engine *engine = player->options.engine;
  *out = (PlayerStatus){.frames = player->frames,
                        .rate_hz = player->options.rate_hz,
                        .sounding = engine_sounding(engine)};
}

uint64_t player_frames(const Player *player)
{
  return player ? player->frames : 0;
}

uint64_t player_gone(const Player *player)
{
  return player ? engine_gone(player->options.engine) : 0;
}

/// Now and then, so that voices are shed.
bool player_overloaded(const Player *player)
{
  return player->frames % 64 == 63;
}

double player_look(const Player *player)
{
  return engine_part(player->options.engine, 0)->now->look;
}

uint64_t player_clock_now(const Player *player, const Clock *clock)
{
  return clock_time(clock, player ? player->frames : 0);
}

void player_init_clock(const Player *player, Clock *clock)
{
  clock_init(clock, player->options.rate_hz, UINT64_C(3900000000) << 32);
}

void player_correct_clock(Player *player, Clock *clock)
{
  (void)player, (void)clock;
}

void rig_play(Daemon *daemon, uint32_t frames)
{
  static float out[ENGINE_CHANNELS * ENGINE_BLOCK];
  Control *control = &daemon->control;
  Engine *engine = daemon->engine;
  rig_hear(daemon->input, frames);
  for (uint32_t done = 0, segment; done < frames; done += segment) {
    segment = engine_begin(engine, frames - done);
    if (segment == 0 || segment > frames - done) rig_broken("a segment ends within the block");
    if (engine_waiting(engine) > ENGINE_QUEUE) rig_broken("the queue has an end");
    engine_run(engine, 0, 1);
    engine_end(engine, out);
    for (uint32_t i = 0; i < control->options->channels * segment; ++i)
      if (!(fabsf(out[i]) <= 1.0f)) rig_broken("samples are within -1 and 1");
  }
  control->player->frames += frames;
  now += (int64_t)(frames / control->rate_hz * 1e9) + 20000000;
  rig_record(control->recorder);
  control_tend(control);
}

// Begin and end.

Daemon *rig_start(const Options *options, size_t commands)
{
  Daemon *daemon = calloc(1, sizeof *daemon);
  if (!daemon) abort();
  now = 0;
  most_commands = commands;
  daemon->options = *options;
  if (daemon_start(daemon) != 0) rig_broken("a daemon starts");
  return daemon;
}

static bool any_wait(const Control *control)
{
  bool any = control->open > 0 || control->syncs > 0 || control->ending_log;
  for (int i = 0; i < ENGINE_TAPS; ++i) any = any || control->take[i].job;
  return any;
}

void rig_settle(Daemon *daemon)
{
  Control *control = &daemon->control;
  static const uint8_t clear[] = "/clearSched\0,\0\0";
  static const OscPeer nobody = {.socket = RIG_SOCKET, .address = {.ss_family = AF_INET}};
  for (int turn = 0; turn < 16 && (turn < 2 || any_wait(control)); ++turn) {
    rig_packet(daemon, &nobody, clear, sizeof clear);
    rig_play(daemon, 1);
    rig_work(daemon, UINT32_MAX);
    control_tend(control);
  }
  // Ends of files wait for their time, whatever is said.
  if (engine_waiting(daemon->engine) > 0 || !any_wait(control)) return;
  for (int i = 0; i < CONTROL_ASKED; ++i)
    if (control->asked[i].name) fprintf(stderr, "open: %s\n", control->asked[i].command);
  for (int i = 0; i < ENGINE_TAPS; ++i)
    if (control->take[i].job) fprintf(stderr, "open: recording %s\n", control->take[i].name);
  fprintf(stderr, "%u open, %zu syncs, %u jobs\n", control->open, control->syncs,
          jobs_pending(control->jobs));
  rig_broken("every question has an answer");
}

void rig_stop(Daemon *daemon)
{
  bool card_closed;
  daemon_stop(daemon, &card_closed);
  free(daemon);
}
