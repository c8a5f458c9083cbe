// SPDX-License-Identifier: ISC
#include "input_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAGIC = 4 };

struct InputPipe {
  int from;
  int copy[2];
  int stop[2]; ///< its writing end closed: the end
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t begun;
  char magic[MAGIC];
  int known; ///< of magic, or -1 where it ended before
};

/// Whether `fd` can be read or written (`events`); false: the end.
static bool await(const InputPipe *input, int fd, short events)
{
  struct pollfd ready[] = {{.fd = input->stop[0], .events = POLLIN}, {.fd = fd, .events = events}};
  while (poll(ready, 2, -1) < 0)
    if (errno != EINTR) return false;
  return ready[0].revents == 0;
}

static void tell(InputPipe *input, int known)
{
  pthread_mutex_lock(&input->lock);
  input->known = known;
  pthread_cond_signal(&input->begun);
  pthread_mutex_unlock(&input->lock);
}

/// Up to `size` bytes; 0: the end.
static size_t take(const InputPipe *input, char *bytes, size_t size)
{
  while (await(input, input->from, POLLIN)) {
    const ssize_t got = read(input->from, bytes, size);
    if (got > 0) return (size_t)got;
    if (got == 0 || (errno != EINTR && errno != EAGAIN)) return 0;
  }
  return 0;
}

static bool give(const InputPipe *input, const char *bytes, size_t size)
{
  while (size > 0) {
    if (!await(input, input->copy[1], POLLOUT)) return false;
    const ssize_t put = write(input->copy[1], bytes, size);
    if (put < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (put > 0) {
      bytes += put;
      size -= (size_t)put;
    }
  }
  return true;
}

static void *run(void *data)
{
  InputPipe *input = data;
  char bytes[16384];
  size_t count = 0;
  while (count < MAGIC) {
    const size_t got = take(input, input->magic + count, MAGIC - count);
    if (got == 0) break;
    count += got;
  }
  tell(input, count == MAGIC ? MAGIC : -1);
  bool good = count == MAGIC && give(input, input->magic, MAGIC);
  while (good && (count = take(input, bytes, sizeof bytes)) > 0) good = give(input, bytes, count);
  close(input->copy[1]);
  return NULL;
}

static bool make_pipes(InputPipe *input)
{
  if (pipe(input->copy) != 0 || pipe(input->stop) != 0) return false;
  for (int i = 0; i < 2; ++i) {
    if (fcntl(input->copy[i], F_SETFD, FD_CLOEXEC) != 0) return false;
    if (fcntl(input->stop[i], F_SETFD, FD_CLOEXEC) != 0) return false;
  }
  return fcntl(input->copy[1], F_SETFL, O_NONBLOCK) == 0;
}

static void discard(InputPipe *input)
{
  const int open_ones[] = {input->from, input->copy[0], input->stop[0], input->stop[1]};
  for (size_t i = input->from == STDIN_FILENO ? 1 : 0; i < 4; ++i)
    if (open_ones[i] >= 0) close(open_ones[i]);
  pthread_mutex_destroy(&input->lock);
  pthread_cond_destroy(&input->begun);
  free(input);
}

InputPipe *input_pipe_open(const char *path, CenoteError *err)
{
  InputPipe *input = calloc(1, sizeof *input);
  if (!input) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return NULL;
  }
  input->copy[0] = input->copy[1] = input->stop[0] = input->stop[1] = -1;
  pthread_mutex_init(&input->lock, NULL);
  pthread_cond_init(&input->begun, NULL);
  // Not blocking: a pipe is opened though nobody writes to it yet.
  input->from =
      strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (input->from < 0) {
    snprintf(err->text, sizeof err->text, "%s: %s", path, strerror(errno));
  } else if (make_pipes(input) && pthread_create(&input->thread, NULL, run, input) == 0) {
    return input;
  } else {
    snprintf(err->text, sizeof err->text, "cannot start the thread that reads %s", path);
    if (input->copy[1] >= 0) close(input->copy[1]);
  }
  discard(input);
  return NULL;
}

int input_pipe_begin(InputPipe *input, bool *raw)
{
  static const char headers[][MAGIC] = {{'R', 'I', 'F', 'F'}, {'R', 'F', '6', '4'},
                                        {'R', 'I', 'F', 'X'}, {'.', 's', 'n', 'd'},
                                        {'f', 'L', 'a', 'C'}, {'O', 'g', 'g', 'S'}};
  pthread_mutex_lock(&input->lock);
  while (input->known == 0) pthread_cond_wait(&input->begun, &input->lock);
  const bool begun = input->known > 0;
  pthread_mutex_unlock(&input->lock);
  *raw = true;
  for (size_t i = 0; i < sizeof headers / sizeof *headers; ++i)
    if (memcmp(input->magic, headers[i], MAGIC) == 0) *raw = false;
  return begun ? input->copy[0] : -1;
}

void input_pipe_stop(InputPipe *input)
{
  if (input->stop[1] >= 0) close(input->stop[1]);
  input->stop[1] = -1;
}

void input_pipe_close(InputPipe *input)
{
  if (!input) return;
  input_pipe_stop(input);
  pthread_join(input->thread, NULL);
  discard(input);
}
