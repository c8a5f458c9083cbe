// SPDX-License-Identifier: ISC
#include "player.h"

#include "now.h"
#include "workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { WINDOW_NS = 1000000000 }; // of the load's peak

struct Player {
  PlayerOptions options;
  pthread_t thread;
  Workers *workers;
  atomic_bool stop;
  atomic_bool playing;
  atomic_bool card;           ///< that the card's clock drives it
  _Atomic uint32_t load_mean; ///< millionths
  _Atomic uint32_t load_peak;
  uint32_t peak[2];  ///< in this window, in the last one; the render thread's
  int64_t window_ns; ///< when this one began
  _Atomic uint32_t sounding;
  _Atomic uint64_t frames;
  _Atomic uint64_t late;
  _Atomic uint64_t gone;
  atomic_bool overloaded;
  double cpu; ///< share of a block's time that it computed, lately; the render thread's
  _Atomic int64_t zero_ns; ///< real time at which frame 0 was heard, or would have been
  double zero;             ///< the same, smoothed; the render thread's
  bool zeroed;
  int64_t began_ns;
  int64_t began_real_ns;
  int64_t corrected_ns; ///< the OSC thread's
  uint32_t look;
  float block[ENGINE_CHANNELS * ENGINE_BLOCK];
};

static int64_t real_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_ns(int64_t ns)
{
  nanosleep(&(struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}, NULL);
}

static int64_t frames_ns(const Player *player, double frames)
{
  return (int64_t)(frames / player->options.rate_hz * 1e9);
}

/// Whether a block may be rendered now; sleeps a little when not.
static bool may_render(Player *player, uint32_t frames, int64_t *due_ns)
{
  const PlayerOptions *o = &player->options;
  if (o->fast) {
    if (!recorder_room(o->recorder, frames)) {
      sleep_ns(500000);
      return false;
    }
    if (o->input) input_wait(o->input, frames);
    return true;
  }
  if (atomic_load_explicit(&player->card, memory_order_relaxed)) {
    size_t ahead = (size_t)(o->ahead_ms * 1e-3 * o->rate_hz);
    // What the card takes at a time must be there, and the next block be begun.
    const size_t least = audio_period(o->audio) + (size_t)frames;
    if (ahead < least) ahead = least;
    const size_t filled = ring_room(audio_ring(o->audio)) - ring_space(audio_ring(o->audio));
    // Always one block at least, however short the time ahead.
    if (filled == 0 || filled + frames <= ahead) return true;
    const int64_t quarter = frames_ns(player, frames) / 4;
    sleep_ns(quarter < 200000 ? 200000 : quarter > 4000000 ? 4000000 : quarter);
    return false;
  }
  const int64_t now = now_ns();
  const int64_t ahead = (int64_t)(o->ahead_ms * 1e6);
  if (*due_ns == 0 || now > *due_ns + 1000000000) *due_ns = now; // after a long stop: from here
  if (*due_ns <= now + ahead) {
    *due_ns += frames_ns(player, frames);
    return true;
  }
  sleep_ns(*due_ns - now - ahead);
  return false;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
  return a > b ? a : b;
}

/// Mean and peak. The peak is that of the window that is open and of the one before, so of one to
/// two seconds, whoever asks and however often.
static void note_load(Player *player, int64_t now, int64_t spent_ns, uint32_t frames)
{
  const double share = (double)spent_ns / (double)frames_ns(player, frames) * 1e6;
  const uint32_t load = share < 4e9 ? (uint32_t)share : UINT32_MAX;
  const uint32_t mean = atomic_load_explicit(&player->load_mean, memory_order_relaxed);
  const double weight = 0.01;
  atomic_store_explicit(&player->load_mean,
                        (uint32_t)((1.0 - weight) * mean + weight * (double)load),
                        memory_order_relaxed);
  if (now - player->window_ns >= WINDOW_NS) {
    player->peak[1] = now - player->window_ns < 2 * (int64_t)WINDOW_NS ? player->peak[0] : 0;
    player->peak[0] = 0;
    player->window_ns = now;
  }
  player->peak[0] = larger(player->peak[0], load);
  atomic_store_explicit(&player->load_peak, larger(player->peak[0], player->peak[1]),
                        memory_order_relaxed);
}

static void hand_over(Player *player, uint32_t frames)
{
  const PlayerOptions *o = &player->options;
  if (atomic_load_explicit(&player->card, memory_order_relaxed))
    ring_write(audio_ring(o->audio), player->block, frames);
  recorder_write(o->recorder, player->block, frames);
}

/// When frame 0 was heard, as the last block of the `played` tells: the timer's due time, or the
/// card's ring and its own delay, smoothed over some seconds, as the ring is seen at any point of
/// the card's period.
static void note_zero(Player *player, uint64_t played, int64_t due_ns)
{
  const PlayerOptions *o = &player->options;
  const int64_t offset = real_ns() - now_ns();
  double zero;
  if (atomic_load_explicit(&player->card, memory_order_relaxed)) {
    const Ring *ring = audio_ring(o->audio);
    const double held = (double)(ring_room(ring) - ring_space(ring));
    const double heard = (double)played - held;
    zero = (double)real_ns() + audio_latency(o->audio) * 1e9 - heard / o->rate_hz * 1e9;
    const double off = zero - player->zero;
    if (player->zeroed && off > -1e8 && off < 1e8) zero = player->zero + 0.002 * off;
  } else {
    zero = (double)(due_ns + offset) - (double)played / o->rate_hz * 1e9;
  }
  player->zero = zero;
  player->zeroed = true;
  atomic_store_explicit(&player->zero_ns, (int64_t)zero, memory_order_relaxed);
}

static int64_t cpu_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Half of what is to be ahead is gone, and the time went into computing.
static void note_overload(Player *player, int64_t spent_ns, uint32_t frames, int64_t due_ns)
{
  const PlayerOptions *o = &player->options;
  const double ahead = o->ahead_ms * 1e-3;
  double left = ahead;
  player->cpu += 0.05 * ((double)spent_ns / (double)frames_ns(player, frames) - player->cpu);
  if (atomic_load_explicit(&player->card, memory_order_relaxed)) {
    const Ring *ring = audio_ring(o->audio);
    left = (double)(ring_room(ring) - ring_space(ring)) / o->rate_hz;
  } else if (!o->fast) {
    left = (double)(due_ns - now_ns()) * 1e-9;
  }
  atomic_store_explicit(&player->overloaded, left < 0.5 * ahead && player->cpu > 0.9,
                        memory_order_relaxed);
}

/// One block, in segments.
static void render(Player *player, uint32_t frames)
{
  Engine *engine = player->options.engine;
  uint32_t segment;
  for (uint32_t done = 0; done < frames; done += segment) {
    segment = engine_begin(engine, frames - done);
    atomic_store_explicit(&player->gone, engine_gone(engine), memory_order_relaxed);
    workers_run(player->workers, engine_streams(engine));
    engine_end(engine, player->block + (size_t)done * player->options.channels);
  }
}

static void *run(void *data)
{
  Player *player = data;
  const PlayerOptions *o = &player->options;
  int64_t due_ns = 0;
  int64_t last_ns = now_ns();
  uint64_t played = 0;
  while (!atomic_load_explicit(&player->stop, memory_order_acquire)) {
    uint32_t frames = o->block;
    if (o->frames > 0 && o->frames - played < frames) frames = (uint32_t)(o->frames - played);
    if (frames == 0) break;
    if (!may_render(player, frames, &due_ns)) continue;
    const int64_t before = now_ns();
    if (!o->fast && played > 0 && (double)(before - last_ns) > o->ahead_ms * 1e6 &&
        before - last_ns > frames_ns(player, 2.0 * frames))
      atomic_fetch_add_explicit(&player->late, 1, memory_order_relaxed);
    const int64_t cpu = cpu_ns();
    render(player, frames);
    last_ns = now_ns();
    note_load(player, last_ns, last_ns - before, frames);
    hand_over(player, frames);
    note_overload(player, cpu_ns() - cpu, frames, due_ns);
    played += frames;
    if (!o->fast) note_zero(player, played, due_ns);
    atomic_store_explicit(&player->frames, played, memory_order_relaxed);
    atomic_store_explicit(&player->sounding, engine_sounding(o->engine), memory_order_relaxed);
  }
  atomic_store_explicit(&player->playing, false, memory_order_release);
  return NULL;
}

static void run_share(void *data, uint32_t share, uint32_t shares)
{
  engine_run(data, share, shares);
}

Player *player_start(const PlayerOptions *options)
{
  Player *player = calloc(1, sizeof *player);
  if (!player) return NULL;
  player->options = *options;
  player->began_ns = now_ns();
  player->began_real_ns = real_ns();
  player->look = engine_part(options->engine, 0)->now->look;
  atomic_init(&player->zero_ns, player->began_real_ns);
  atomic_init(&player->playing, true);
  atomic_init(&player->card, options->audio != NULL);
  player->workers = workers_start(options->threads, !options->fast, run_share, options->engine);
  if (player->workers) {
    bool realtime = workers_realtime(player->workers);
    if (workers_thread(&player->thread, &realtime, run, player) == 0) return player;
  }
  workers_stop(player->workers);
  free(player);
  return NULL;
}

bool player_playing(const Player *player)
{
  return atomic_load_explicit(&player->playing, memory_order_acquire);
}

void player_status(const Player *player, PlayerStatus *out)
{
  const double seconds = (double)(now_ns() - player->began_ns) * 1e-9;
  out->frames = atomic_load_explicit(&player->frames, memory_order_relaxed);
  out->load_mean = (float)atomic_load_explicit(&player->load_mean, memory_order_relaxed) * 1e-4f;
  out->load_peak = (float)atomic_load_explicit(&player->load_peak, memory_order_relaxed) * 1e-4f;
  out->sounding = atomic_load_explicit(&player->sounding, memory_order_relaxed);
  out->late = atomic_load_explicit(&player->late, memory_order_relaxed);
  out->rate_hz = seconds > 1.0 ? (double)out->frames / seconds : player->options.rate_hz;
}

uint64_t player_frames(const Player *player)
{
  return player ? atomic_load_explicit(&player->frames, memory_order_relaxed) : 0;
}

uint64_t player_gone(const Player *player)
{
  return player ? atomic_load_explicit(&player->gone, memory_order_relaxed) : 0;
}

void player_set_card(Player *player, bool there)
{
  atomic_store_explicit(&player->card, there, memory_order_release);
}

bool player_overloaded(const Player *player)
{
  return atomic_load_explicit(&player->overloaded, memory_order_relaxed);
}

double player_look(const Player *player)
{
  return player->look;
}

uint64_t player_clock_now(const Player *player, const Clock *clock)
{
  if (!player || !player->options.fast) return clock_now();
  return clock_time(clock, atomic_load_explicit(&player->frames, memory_order_relaxed));
}

void player_init_clock(const Player *player, Clock *clock)
{
  clock_init(clock, player->options.rate_hz, clock_ntp(player->began_real_ns));
}

void player_correct_clock(Player *player, Clock *clock)
{
  const int64_t now = now_ns();
  if (!player || player->options.fast || now < player->corrected_ns + 100000000) return;
  player->corrected_ns = now;
  const uint64_t frames = atomic_load_explicit(&player->frames, memory_order_relaxed);
  const int64_t zero_ns = atomic_load_explicit(&player->zero_ns, memory_order_relaxed);
  if (frames == 0) return;
  const double heard_ns = (double)frames / player->options.rate_hz * 1e9;
  clock_correct(clock, frames, clock_ntp(zero_ns + (int64_t)heard_ns));
}

void player_stop(Player *player)
{
  if (!player) return;
  atomic_store_explicit(&player->stop, true, memory_order_release);
  pthread_join(player->thread, NULL);
  workers_stop(player->workers);
  free(player);
}
