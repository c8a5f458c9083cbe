// SPDX-License-Identifier: ISC
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 30 };

static double now_s(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_start(Progress *progress, uint64_t total, double unit)
{
  progress->on = isatty(STDERR_FILENO);
  progress->total = total;
  progress->unit = unit;
  atomic_init(&progress->done, 0);
  pthread_mutex_init(&progress->drawing, NULL);
  progress->began_s = progress->drawn_s = now_s();
}

static void draw(const Progress *progress, uint64_t done, double elapsed)
{
  char bar[BAR + 1] = {0};
  const double share = (double)done / (double)progress->total;
  for (int i = 0; i < BAR; ++i) bar[i] = (double)i < share * BAR ? '#' : '.';
  const double left = elapsed / (double)done * (double)(progress->total - done);
  fprintf(stderr, "\r[%s] %3.0f %%, %.2f x real time, %.0f s left \033[K", bar, 100.0 * share,
          (double)done * progress->unit / elapsed, left);
}

void progress_add(Progress *progress, uint64_t more)
{
  const uint64_t done = atomic_fetch_add(&progress->done, more) + more;
  if (pthread_mutex_trylock(&progress->drawing) != 0) return;
  const double now = now_s();
  if (progress->on && now - progress->drawn_s > 0.1) {
    draw(progress, done, now - progress->began_s);
    progress->drawn_s = now;
  }
  pthread_mutex_unlock(&progress->drawing);
}

void progress_stop(Progress *progress)
{
  pthread_mutex_lock(&progress->drawing);
  if (progress->on) fputs("\r\033[K", stderr);
  progress->on = false;
  pthread_mutex_unlock(&progress->drawing);
}
