// SPDX-License-Identifier: ISC
// Any bytes as packets to a daemon that plays: messages of the table with arguments made from the
// bytes, some of them broken afterwards, bundles with times, raw packets; sound and jobs between
// them. What must hold is said where it is looked at: rig.c.
//
// With CENOTE_FUZZ_COUNT=FILE the packets, inputs and seconds so far are written to FILE now and
// then, as JSON.
#include "rig.h"

#include "commands.h"
#include "osc_packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 8192, FRAMES_MOST = 100, PACKETS_MOST = 2000, PEERS = 4 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);

typedef struct Bytes {
  const uint8_t *at, *end;
} Bytes;

/// A packet that is being made.
typedef struct Packet {
  uint8_t bytes[PACKET];
  size_t size;
} Packet;

static const char *const voices[] = {"1", "2", "*", "1", "2", "[12]", "0", "99999999999"};
static const char *const levels[] = {"0", "1", "2", "*", "{0,1}", "?", "9", "00"};
static const char *const slots[] = {"0", "5", "127", "128", "*", "kick", "a b", "k?ck", "[!0]", ""};
static const char *const words[] = {"a.wav",
                                    "b.flac",
                                    "sub/c.wav",
                                    "d.state",
                                    "in.wav",
                                    "in.state",
                                    "bad.state",
                                    "tiny.safetensors",
                                    "other.safetensors",
                                    "small",
                                    "second",
                                    "wav",
                                    "flac",
                                    "raw",
                                    "0",
                                    "5",
                                    "kick",
                                    "s",
                                    "n",
                                    "orbit",
                                    "gain",
                                    "pan",
                                    "sustain",
                                    "temperature",
                                    "seed",
                                    "speed",
                                    "top_k",
                                    "../out.wav",
                                    "../media/e.wav",
                                    "none/x.wav",
                                    ".",
                                    "",
                                    "*",
                                    "/voice",
                                    "log",
                                    "rf64",
                                    "au"};
static const double numbers[] = {0.0,  1.0,   -1.0,  0.5,    2.0,   3.0,    0.01,  60.0,   127.0,
                                 1e-9, 100.0, 256.0, -1e300, 1e300, 4096.0, 0.001, 3600.0, 65535.0};

static OscPeer peer[PEERS];
static uint64_t packets, valid, inputs;
static time_t began;

void rig_broken(const char *promise)
{
  fprintf(stderr, "fuzz_commands: broken: %s\n", promise);
  abort();
}

static uint8_t take(Bytes *from)
{
  return from->at < from->end ? *from->at++ : 0;
}

static uint32_t take16(Bytes *from)
{
  const uint32_t high = take(from);
  return high << 8 | take(from);
}

static void put(Packet *packet, const void *bytes, size_t size)
{
  if (packet->size + size > sizeof packet->bytes) size = sizeof packet->bytes - packet->size;
  memcpy(packet->bytes + packet->size, bytes, size);
  packet->size += size;
}

static void put32(Packet *packet, uint32_t value)
{
  uint8_t bytes[4];
  osc_put32(bytes, value);
  put(packet, bytes, 4);
}

static void put64(Packet *packet, uint64_t value)
{
  put32(packet, (uint32_t)(value >> 32));
  put32(packet, (uint32_t)value);
}

/// With 1 to 4 zeros after it.
static void put_text(Packet *packet, const char *text, size_t length)
{
  put(packet, text, length);
  put(packet, "\0\0\0", 4 - length % 4);
}

#define PICK(from, table) (table)[take(from) % (sizeof(table) / sizeof *(table))]

static void put_address(Bytes *from, Packet *packet, const char *path)
{
  char text[256];
  size_t length = 0;
  for (const char *at = path; *at;) {
    const size_t part = 1 + strcspn(at + 1, "/");
    const char *other = NULL;
    if (part == 2 && at[1] == 'N') other = PICK(from, voices);
    if (part == 2 && at[1] == 'L') other = PICK(from, levels);
    if (part == 2 && at[1] == 'S') other = PICK(from, slots);
    length += (size_t)snprintf(text + length, sizeof text - length, "/%.*s",
                               other ? (int)strlen(other) : (int)part - 1, other ? other : at + 1);
    at += part;
  }
  put_text(packet, text, length);
}

/// One argument of that type, its value from the bytes.
static void put_argument(Bytes *from, char type, Packet *out)
{
  double number = PICK(from, numbers);
  const uint8_t way = take(from);
  char text[32];
  size_t length = way % sizeof text;
  float f;
  uint64_t bits;
  switch (type) {
  case 'i':
    put32(out, way & 1 ? take16(from) << 16 | take16(from) : (uint32_t)(int8_t)(way >> 1));
    break;
  case 'f':
    f = way & 1 ? (float)number : (float)way / 64.0f;
    memcpy(&bits, &f, sizeof f);
    put32(out, way == 2 ? take16(from) << 16 | take16(from) : (uint32_t)bits);
    break;
  case 'd':
    memcpy(&bits, &number, sizeof bits);
    put64(out, bits);
    break;
  case 'h':
    put64(out, way & 1 ? (uint64_t)take16(from) << 48 | take16(from) : way);
    break;
  case 's':
    for (size_t i = 0; way < 32 && i < length; ++i) text[i] = (char)(take(from) | 1);
    if (way < 32) put_text(out, text, length);
    else
      put_text(out, words[way % (sizeof words / sizeof *words)],
               strlen(words[way % (sizeof words / sizeof *words)]));
    break;
  case 'b':
    put32(out, way % 8);
    put(out, "12345678", way % 8);
    put(out, "\0\0\0", (8 - way % 8) % 4);
    break;
  default:
    break;
  }
}

/// A message of a row: arguments as the row has them, or any.
static void put_message(Bytes *from, Packet *packet)
{
  static const char any[] = "iiffsshdTFNIb";
  char types[24] = ",";
  const Row *row = &commands_rows[take(from) % commands_count];
  const uint8_t way = take(from);
  size_t count = 1;
  put_address(from, packet, row->path);
  for (const char *at = row->types; way % 4 != 0 && *at && count < 12; ++at) {
    const bool begins = at == row->types || strchr(" [(|", at[-1]);
    const bool ends = !at[1] || strchr(" ]),|", at[1]);
    if (begins && ends && strchr("ifshS", *at)) types[count++] = *at == 'S' ? 's' : *at;
  }
  if (way % 4 == 2 && count > 1) count -= way / 4 % count;            // fewer
  if (way % 4 != 1) types[count++] = any[way / 4 % (sizeof any - 1)]; // one more, or but one
  if (strcmp(row->path, "/voice/set") == 0 || strcmp(row->path, "/dirt/play") == 0)
    count += (size_t)snprintf(types + count, sizeof types - count, "sfsfsi");
  put_text(packet, types, count);
  for (size_t i = 1; i < count; ++i) put_argument(from, types[i], packet);
}

/// Messages at one time, and bundles within.
static void put_bundle(Bytes *from, const Daemon *daemon, Packet *packet, int depth)
{
  const Control *control = &daemon->control;
  const uint8_t way = take(from);
  const int8_t frames = (int8_t)take(from);
  const double seconds = (way & 8 ? 500.0 : 1.0) * frames / control->rate_hz;
  const uint64_t time = player_clock_now(control->player, &control->clock) +
                        (uint64_t)(int64_t)(seconds * 4294967296.0);
  put_text(packet, "#bundle", 7);
  put64(packet, way & 1 ? 1 : way == 2 ? (uint64_t)take16(from) << 48 : time);
  for (int i = way >> 5; i >= 0; --i) {
    const size_t at = packet->size;
    put32(packet, 0);
    if ((way & 16) && i == 0 && depth < 3) put_bundle(from, daemon, packet, depth + 1);
    else put_message(from, packet);
    if (packet->size < sizeof packet->bytes)
      osc_put32(packet->bytes + at, (uint32_t)(packet->size - at - 4));
  }
}

/// Broken in a few places, or cut.
static void mutate(Bytes *from, Packet *packet)
{
  const uint8_t way = take(from);
  for (int i = way & 3; i >= 0 && packet->size > 0; --i) {
    const size_t at = take16(from) % packet->size;
    packet->bytes[at] = take(from);
  }
  if (way & 4) packet->size = take16(from) % (packet->size + 1) & ~(size_t)3;
}

/// To the daemon, from a block of just that size.
static void hand_over(Daemon *daemon, const OscPeer *from, const Packet *packet)
{
  uint8_t *bytes = malloc(packet->size > 0 ? packet->size : 1);
  if (!bytes) abort();
  memcpy(bytes, packet->bytes, packet->size);
  ++packets;
  valid += rig_packet(daemon, from, bytes, packet->size);
  free(bytes);
}

static void do_one(Bytes *from, Daemon *daemon, uint32_t *played)
{
  static Packet packet;
  const uint8_t what = take(from);
  const OscPeer *who = &peer[what >> 3 & 3];
  packet.size = 0;
  switch (what & 7) {
  case 0:
    for (size_t left = take16(from) % 512; left > 0 && from->at < from->end; --left)
      put(&packet, &(uint8_t){take(from)}, 1);
    break;
  case 1:
  case 2:
  case 3:
    put_message(from, &packet);
    break;
  case 4:
  case 5:
    put_bundle(from, daemon, &packet, 0);
    break;
  default: {
    const uint32_t frames = (what & 128 ? 16u : 1u) * (1 + (take(from) & 3u));
    if (what & 1) rig_work(daemon, 1 + (what >> 4));
    if (*played < FRAMES_MOST) rig_play(daemon, frames);
    *played += frames;
    return;
  }
  }
  if (what & 128) mutate(from, &packet);
  hand_over(daemon, who, &packet);
  // Many of the same: full queues, full tables. Or each with some other bytes.
  if ((what & 96) != 96) return;
  uint32_t seed = take16(from);
  const bool same = seed % 4 == 0;
  for (int again = take(from) & 127; again > 0; --again) {
    static Packet other;
    memcpy(other.bytes, packet.bytes, packet.size);
    other.size = packet.size;
    for (int i = same ? 0 : 1 + again % 3; i > 0 && packet.size > 0; --i) {
      seed = seed * 1664525u + 1013904223u;
      other.bytes[(seed >> 8) % packet.size] ^= (uint8_t)(seed >> 24 | 1);
    }
    hand_over(daemon, who, &other);
  }
}

static void write_counts(void)
{
  const char *path = getenv("CENOTE_FUZZ_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "{\"packets\": %llu, \"valid\": %llu, \"executions\": %llu, \"seconds\": %lld}\n",
          (unsigned long long)packets, (unsigned long long)valid, (unsigned long long)inputs,
          (long long)(time(NULL) - began));
  fclose(file);
}

static void tell_counts(void)
{
  write_counts();
  fprintf(stderr, "fuzz_commands: %llu packets, %llu of them OSC, in %llu inputs\n",
          (unsigned long long)packets, (unsigned long long)valid, (unsigned long long)inputs);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  began = time(NULL);
  log_set_level(LOG_LEVEL_ERROR);
  for (int i = 0; i < PEERS; ++i) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(5000 + i))};
    peer[i] = (OscPeer){.socket = RIG_SOCKET, .size = sizeof v4, .connection = i == 2};
    v4.sin_addr.s_addr = htonl(i == 3 ? 0xc0a80001 : 0x7f000001);
    memcpy(&peer[i].address, &v4, sizeof v4);
  }
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  memcpy(&peer[1].address, &v6, sizeof v6);
  peer[1].size = sizeof v6;
  rig_make_folder(FUZZ_GOLDEN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){16 << 20, 16 << 20});
  signal(SIGXFSZ, SIG_IGN);
  atexit(tell_counts);
  return 0;
}

/// libFuzzer's own; a short input is made long at once, since most of its time goes into a daemon's
/// begin and end.
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
  size = LLVMFuzzerMutate(bytes, size, most);
  if (size >= most / 2 || seed % 8 == 0) return size;
  for (; size < most / 2; ++size) {
    seed = seed * 1664525u + 1013904223u;
    bytes[size] = (uint8_t)(seed >> 24);
  }
  return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
  Bytes from = {bytes, bytes + size};
  const uint8_t way = take(&from);
  const Options options = {
      .model = "small",
      .block = 64,
      .voices = 2,
      .channels = way & 1 ? 3 : 2,
      .threads = 1,
      .seed = 1,
      .no_audio = true,
      .fast = true,
      .dry = way & 1,
      .jitter_ms = way & 2 ? 2.0 : 0.0,
      .allow_remote = way & 4,
      .split_s = way & 8 ? 0.01 : 0.0,
      .rate_hz = (way & 0x30) == 0x30 ? 22050.0 : 0.0,
      .input = way & 0x40 ? "noise" : NULL,
      .watchdog = way & 0x80 ? "5" : NULL,
      .max_ahead_s = 10.0,
      .rewind_mb = 0.1,
      .bits_low = 0.02,
      .bits_high = 7.5,
      .media_dir = rig_media(),
  };
  Daemon *daemon = rig_start(&options, way & 0x10 ? 64 : 8192);
  uint32_t played = 0;
  for (uint64_t first = packets; from.at < from.end && packets - first < PACKETS_MOST;)
    do_one(&from, daemon, &played);
  rig_settle(daemon);
  rig_stop(daemon);
  rig_clean_folder();
  if (++inputs % 256 == 0) write_counts();
  return 0;
}
