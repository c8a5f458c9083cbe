// SPDX-License-Identifier: ISC
#include "planted.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void planted_allocation(void *data)
{
  // Volatile, or the compiler drops the pair.
  void *volatile block = malloc(*(size_t *)data);
  free(block);
}

void planted_lock(void *data)
{
  (void)data;
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
}

void planted_call(void *data)
{
  *(pid_t *)data = getppid();
}
