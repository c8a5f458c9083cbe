// SPDX-License-Identifier: ISC
#include "fail_alloc.h"

#include <stdbool.h>
#include <stdint.h>

static size_t counted;
static size_t failing = SIZE_MAX;

void fail_alloc_at(size_t index)
{
  counted = 0;
  failing = index;
}

size_t fail_alloc_count(void)
{
  return counted;
}

static bool refuse(void)
{
  return counted++ == failing;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
  return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
  return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
  return refuse() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
  return refuse() ? NULL : __real_aligned_alloc(align, size);
}

char *__wrap_strdup(const char *text)
{
  return refuse() ? NULL : __real_strdup(text);
}
