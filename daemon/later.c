// SPDX-License-Identifier: ISC
#include "later.h"

#include <string.h>

void later_take(const LaterValue *item, Values *values)
{
  if (item->value == VALUE_NONE) values->meter_hz = (float)item->number.real;
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
  return true;
}

void later_apply(LaterValues *later, Values *values, uint64_t frame)
{
  uint32_t count = 0;
  for (; count < later->count && later->item[count].due <= frame; ++count)
    later_take(&later->item[count], values);
  later->count -= count;
  memmove(later->item, later->item + count, later->count * sizeof *later->item);
}

void later_clear(LaterValues *later, uint64_t frame)
{
  while (later->count > 0 && later->item[later->count - 1].due > frame) --later->count;
}
