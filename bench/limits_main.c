// SPDX-License-Identifier: ISC
// Prints limits.h's figures as a JSON object.
#include "limits.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *rate(LimitsRate rate)
{
  return rate.best > 0.0 ? json_pack("{s:f, s:f}", "best", rate.best, "median", rate.median)
                         : json_null();
}

static json_t *reads(const Limits *limits)
{
  json_t *list = json_array();
  for (size_t i = 0; i < LIMITS_SIZES; ++i)
    json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "bytes", (json_int_t)limits_bytes[i],
                                          "one_thread", rate(limits->read[i][0]), "two_threads",
                                          rate(limits->read[i][1])));
  return list;
}

int main(int argc, char **argv)
{
  const double seconds = argc == 2 ? atof(argv[1]) : 1.0;
  Limits limits;
  if (argc > 2 || !(seconds > 0.0)) {
    fputs("Usage: limits [SECONDS]\n", stderr);
    return 2;
  }
  if (!limits_measure(seconds, &limits)) {
    fputs("limits: out of memory\n", stderr);
    return 1;
  }
  json_t *answer = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "name", "limits", "isa", limits.isa,
                             "read_gbs", reads(&limits), "f32_gmacs", rate(limits.f32),
                             "bf16_gmacs", rate(limits.bf16), "int8_gmacs", rate(limits.int8));
  const bool good =
      answer && json_dumpf(answer, stdout, JSON_COMPACT | JSON_REAL_PRECISION(5)) == 0;
  if (good) puts("");
  json_decref(answer);
  return good ? 0 : 1;
}
