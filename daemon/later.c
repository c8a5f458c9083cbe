// SPDX-License-Identifier: ISC
#include "later.h"

#include <string.h>

void later_take(const LaterValue *item, Values *values, uint32_t *key_slot)
{
  if (item->kind == LATER_METERS) values->meter_hz = (float)item->number.real;
  else if (item->kind == LATER_KEY) key_slot[item->voice] = item->level;
  else
    values_set(values, item->by ? &item->from : NULL, item->value, item->voice, item->level,
               item->number);
}

bool later_add(LaterValues *later, const LaterValue *item)
{
  if (later->count == ENGINE_QUEUE) return false;
  uint32_t at = later->count++;
  for (; at > 0 && later->item[at - 1].due > item->due; --at) later->item[at] = later->item[at - 1];
  later->item[at] = *item;
  later->item[at].order = ++later->order;
  return true;
}

void later_apply(LaterValues *later, Values *values, uint32_t *key_slot, uint64_t frame)
{
  uint32_t count = 0;
  for (; count < later->count && later->item[count].due <= frame; ++count)
    later_take(&later->item[count], values, key_slot);
  later->count -= count;
  memmove(later->item, later->item + count, later->count * sizeof *later->item);
}

void later_drop(LaterValues *later, uint64_t order)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < later->count; ++i)
    if (later->item[i].order <= order) later->item[kept++] = later->item[i];
  later->count = kept;
}

void later_clear(LaterValues *later, uint64_t frame, uint64_t order)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < later->count; ++i)
    if (later->item[i].due <= frame || later->item[i].order > order)
      later->item[kept++] = later->item[i];
  later->count = kept;
}
