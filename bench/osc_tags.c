// SPDX-License-Identifier: ISC
// osc_tags PORT COUNT GAP_MS FIRST_S SEED: COUNT triggers of a new slot, each in a bundle with the
// time tag of a sample drawn from GAP_MS to twice that after the one before, the first FIRST_S
// after sample 0. Prints these samples. Exit status 1: one was late, refused or not done.
//
// Tags come from the daemon's own /clock, by the line through what it answers, so a tag means one
// sample and no other.
#include <inttypes.h>
#include <lo/lo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Line {
  uint64_t time; ///< NTP, 32.32
  int64_t sample;
  double rate_hz;
} Line;

typedef struct Heard {
  Line line;
  int done;
  int late;
  int failed;
} Heard;

static int on_clock(const char *path, const char *types, lo_arg **argv, int argc,
                    lo_message message, void *data)
{
  (void)path, (void)types, (void)argc, (void)message;
  Heard *heard = data;
  heard->line = (Line){.time = (uint64_t)argv[0]->t.sec << 32 | argv[0]->t.frac,
                       .sample = argv[1]->h,
                       .rate_hz = argv[2]->d};
  return 0;
}

static int on_other(const char *path, const char *types, lo_arg **argv, int argc,
                    lo_message message, void *data)
{
  (void)argc, (void)message;
  Heard *heard = data;
  if (strcmp(path, "/late") == 0) ++heard->late;
  if (strcmp(path, "/done") == 0 && types[0] == 's' && strcmp(&argv[0]->s, "/trigger") == 0)
    ++heard->done;
  if (strcmp(path, "/fail") == 0 && ++heard->failed < 4)
    fprintf(stderr, "osc_tags: /fail %s: %s\n", &argv[0]->s, &argv[1]->s);
  return 0;
}

static lo_timetag tag_of(const Line *line, int64_t sample)
{
  const double seconds = (double)(sample - line->sample) / line->rate_hz;
  const uint64_t time = line->time + (uint64_t)(int64_t)rint(seconds * 4294967296.0);
  return (lo_timetag){.sec = (uint32_t)(time >> 32), .frac = (uint32_t)time};
}

/// Takes the message.
static void send_at(lo_address to, lo_server from, lo_timetag tag, const char *address,
                    lo_message message)
{
  lo_bundle bundle = lo_bundle_new(tag);
  lo_bundle_add_message(bundle, address, message);
  if (lo_send_bundle_from(to, from, bundle) < 0) fprintf(stderr, "osc_tags: not sent\n");
  lo_bundle_free_recursive(bundle);
}

static lo_message whole(int32_t number)
{
  lo_message message = lo_message_new();
  lo_message_add_int32(message, number);
  return message;
}

/// The slot, and then silence, before the first trigger.
static void prepare(lo_address to, lo_server from, const Line *line, int64_t first)
{
  const int64_t fifth = (int64_t)(line->rate_hz / 5.0);
  send_at(to, from, tag_of(line, first - 2 * fifth), "/voice/1/slot/0/save", lo_message_new());
  for (int zero = 0; zero < 3; ++zero) {
    static const char *const address[] = {"/voice/*/attack", "/voice/*/release", "/voice/*/run"};
    send_at(to, from, tag_of(line, first - fifth), address[zero], whole(0));
  }
}

int main(int argc, char **argv)
{
  if (argc != 6) return 2;
  const int count = atoi(argv[2]);
  srand((unsigned)atoi(argv[5]));
  lo_address to = lo_address_new("127.0.0.1", argv[1]);
  lo_server from = lo_server_new(NULL, NULL);
  Heard heard = {0};
  if (!to || !from) return 2;
  lo_server_add_method(from, "/clock.reply", "thd", on_clock, &heard);
  lo_server_add_method(from, NULL, NULL, on_other, &heard);
  lo_send_from(to, from, LO_TT_IMMEDIATE, "/notify", "i", 1);
  lo_send_from(to, from, LO_TT_IMMEDIATE, "/clock", NULL);
  while (heard.line.rate_hz == 0.0)
    if (lo_server_recv_noblock(from, 5000) == 0) return 2;
  int64_t sample = (int64_t)rint(atof(argv[4]) * heard.line.rate_hz);
  const int gap = (int)(atof(argv[3]) * 1e-3 * heard.line.rate_hz);
  prepare(to, from, &heard.line, sample);
  for (int i = 0; i < count; ++i) {
    lo_message message = lo_message_new();
    lo_message_add_int32(message, 0);
    lo_message_add_float(message, 0.002f);
    send_at(to, from, tag_of(&heard.line, sample), "/trigger", message);
    printf("%" PRId64 "\n", sample);
    sample += gap + rand() % gap;
    while (lo_server_recv_noblock(from, 0) > 0) {
    }
  }
  while (heard.done < count && lo_server_recv_noblock(from, 30000) > 0) {
  }
  fprintf(stderr, "osc_tags: %d done of %d, %d late, %d failed\n", heard.done, count, heard.late,
          heard.failed);
  lo_server_free(from);
  lo_address_free(to);
  return heard.done == count && heard.late == 0 && heard.failed == 0 ? 0 : 1;
}
