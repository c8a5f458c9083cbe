// SPDX-License-Identifier: ISC
// OSC without sockets: what is a packet, what is in it, which addresses a pattern means, who is
// who.
#include "osc_packet.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

// A string literal as a packet: its own last zero is not part of it.
#define BYTES(text) (text), sizeof(text) - 1

// In memory of its very size, so that a sanitizer sees a read beyond it.
static bool valid(const char *bytes, size_t size, const char **why)
{
  uint8_t *copy = malloc(size ? size : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  *why = NULL;
  bool ok = osc_valid(copy, size, why);
  free(copy);
  return ok;
}

static void well_formed_packets_are_valid(void **state)
{
  (void)state;
  const struct {
    const char *bytes;
    size_t size;
  } good[] = {
      {BYTES("/a\0\0,\0\0\0")},
      {BYTES("/abc\0\0\0\0")},
      {BYTES("/abc\0\0\0\0,\0\0\0")},
      {BYTES("/a\0\0,i\0\0\0\0\0\7")},
      {BYTES("/a\0\0,hd\0\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10")},
      {BYTES("/a\0\0,s\0\0four\0\0\0\0")},
      {BYTES("/a\0\0,Sb\0x\0\0\0\0\0\0\3abc\0")},
      {BYTES("/a\0\0,b\0\0\0\0\0\0")},
      {BYTES("/a\0\0,TFNI\0\0\0")},
      {BYTES("/a\0\0,[i[f]]\0\0\0\0\1\0\0\0\0")},
      {BYTES("/a\0\0,crmt\0\0\0\0\0\0c\1\2\3\4\1\2\3\4\0\0\0\0\0\0\0\1")},
      {BYTES("#bundle\0\0\0\0\0\0\0\0\1")},
      {BYTES("#bundle\0\0\0\0\0\0\0\0\1\0\0\0\10/a\0\0,\0\0\0")},
      {BYTES("#bundle\0\0\0\0\0\0\0\0\1\0\0\0\20#bundle\0\0\0\0\0\0\0\0\1")},
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
    const char *why;
    if (!valid(good[i].bytes, good[i].size, &why)) fail_msg("packet %zu: %s", i, why);
  }
}

static void malformed_packets_are_refused_with_the_reason(void **state)
{
  (void)state;
  const struct {
    const char *bytes;
    size_t size;
    const char *why;
  } bad[] = {
      {BYTES(""), "an empty packet or element"},
      {BYTES("a"), "a size that is not a multiple of four"},
      {BYTES("/a\0\0,\0\0"), "a size that is not a multiple of four"},
      {BYTES("abc\0,\0\0\0"), "neither an address nor a bundle"},
      {BYTES("#bundle\0"), "neither an address nor a bundle"},
      {BYTES("#bundls\0\0\0\0\0\0\0\0\1"), "neither an address nor a bundle"},
      {BYTES("/abc"), "a string without an end"},
      {BYTES("/a\0\0,iii"), "a string without an end"},
      {BYTES("/a\0x,\0\0\0"), "a string is padded with something else than zeros"},
      {BYTES("/a\n\0,\0\0\0"), "a control character in an address"},
      {BYTES("/a\0\0abc\0"), "no type tags"},
      {BYTES("/a\0\0\0\0\0\0"), "no type tags"},
      {BYTES("/a\0\0,i\0\0"), "an argument ends beyond the packet"},
      {BYTES("/a\0\0,d\0\0\0\0\0\0"), "an argument ends beyond the packet"},
      {BYTES("/a\0\0,b\0\0"), "an argument ends beyond the packet"},
      {BYTES("/a\0\0,b\0\0\0\0\0\5abcd"), "a blob is longer than its packet"},
      {BYTES("/a\0\0,b\0\0\xff\xff\xff\xff"), "a blob is longer than its packet"},
      {BYTES("/a\0\0,b\0\0\0\0\0\1abcd"), "a blob is padded with something else than zeros"},
      {BYTES("/a\0\0,s\0\0abcd"), "a string without an end"},
      {BYTES("/a\0\0,x\0\0"), "an unknown type tag"},
      {BYTES("/a\0\0,,\0\0"), "an unknown type tag"},
      {BYTES("/a\0\0,]\0\0"), "an array ends that did not begin"},
      {BYTES("/a\0\0,[[]\0\0\0\0"), "an array without an end"},
      {BYTES("/a\0\0,i\0\0\0\0\0\1\0\0\0\2"), "bytes left over after the last argument"},
      {BYTES("#bundle\0\0\0\0\0\0\0\0\1\0\0\0\0"), "an empty packet or element"},
      {BYTES("#bundle\0\0\0\0\0\0\0\0\1\0\0\0\12/a\0\0,\0\0\0"),
       "a bundle's element is longer than the bundle"},
      {BYTES("#bundle\0\0\0\0\0\0\0\0\1\xff\xff\xff\xfc/a\0\0,\0\0\0"),
       "a bundle's element is longer than the bundle"},
      {BYTES("#bundle\0\0\0\0\0\0\0\0\1\0\0\0\2/a\0\0,\0\0\0"),
       "a size that is not a multiple of four"},
      {BYTES("#bundle\0\0\0\0\0\0\0\0\1\0\0\0\10/a\0\0,x\0\0"), "an unknown type tag"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    const char *why;
    if (valid(bad[i].bytes, bad[i].size, &why)) fail_msg("packet %zu: %s", i, bad[i].why);
    if (strcmp(why, bad[i].why)) fail_msg("packet %zu: %s, not %s", i, bad[i].why, why);
    assert_false(osc_valid(bad[i].bytes, bad[i].size, NULL));
  }
}

static void an_address_has_at_most_255_characters(void **state)
{
  (void)state;
  for (size_t length = 254; length <= 257; ++length) {
    char packet[272] = "/";
    memset(packet + 1, 'a', length - 1);
    const char *why;
    assert_int_equal(valid(packet, (length / 4 + 1) * 4, &why), length <= 255);
  }
}

static void put_time(uint8_t *bytes, uint64_t time)
{
  osc_put32(bytes, (uint32_t)(time >> 32));
  osc_put32(bytes + 4, (uint32_t)time);
}

// Wrap the packet in a bundle; returns its new size.
static size_t wrap(uint8_t *packet, size_t size, uint64_t time)
{
  memmove(packet + 20, packet, size);
  memcpy(packet, "#bundle", 8);
  put_time(packet + 8, time);
  osc_put32(packet + 16, (uint32_t)size);
  return size + 20;
}

static void bundles_nest_eight_deep(void **state)
{
  (void)state;
  uint8_t packet[400] = "/a\0\0,\0\0";
  size_t size = 8;
  for (int depth = 1; depth <= 9; ++depth) {
    size = wrap(packet, size, 1);
    const char *why;
    assert_int_equal(valid((char *)packet, size, &why), depth <= 8);
    if (depth == 9) assert_string_equal(why, "bundles nested more than 8 deep");
  }
}

static void a_packet_has_at_most_1024_messages(void **state)
{
  (void)state;
  static uint8_t packet[16 + 1025 * 12] = "#bundle";
  for (size_t i = 0; i < 1025; ++i) {
    osc_put32(packet + 16 + 12 * i, 8);
    memcpy(packet + 20 + 12 * i, "/a\0\0,\0\0", 8);
  }
  const char *why;
  assert_true(valid((char *)packet, sizeof packet - 12, &why));
  assert_false(valid((char *)packet, sizeof packet, &why));
  assert_string_equal(why, "more than 1024 messages in a packet");
}

// What the handler saw, one line a message.
typedef struct Seen {
  char text[1024];
  const OscPeer *from;
} Seen;

static void note(void *data, const OscMessage *message)
{
  Seen *seen = data;
  size_t at = strlen(seen->text);
  snprintf(seen->text + at, sizeof seen->text - at, "%s %s t%u b%u%s\n", message->address,
           lo_message_get_types(message->message), (unsigned)message->timetag,
           (unsigned)message->bundle, message->last ? " last" : "");
  seen->from = message->from;
}

static void a_message_outside_a_bundle_is_due_now_and_the_last(void **state)
{
  (void)state;
  Seen seen = {.text = ""};
  OscPeer peer = {.socket = 3};
  uint64_t bundles = 0;
  assert_int_equal(osc_walk(BYTES("/a\0\0,if\0\0\0\0\7\0\0\0\0"), &peer, &bundles, note, &seen), 0);
  assert_string_equal(seen.text, "/a if t1 b0 last\n");
  assert_ptr_equal(seen.from, &peer);
  assert_int_equal(bundles, 0);
}

static size_t append(uint8_t *bundle, size_t size, const uint8_t *element, size_t length)
{
  osc_put32(bundle + size, (uint32_t)length);
  memcpy(bundle + size + 4, element, length);
  return size + 4 + length;
}

static void messages_come_in_the_order_in_which_they_stand_in_bundles(void **state)
{
  (void)state;
  uint8_t inner[64] = "/in\0,\0\0", outer[256] = "#bundle";
  size_t inner_size = wrap(inner, 8, 5); // before the outer one's time: due with it
  put_time(outer + 8, 9);
  size_t size = append(outer, 16, (const uint8_t *)"/one\0\0\0\0,\0\0", 12);
  size = append(outer, size, inner, inner_size);
  put_time(inner + 8, 12);
  size = append(outer, size, inner, inner_size);
  size = append(outer, size, (const uint8_t *)"/two\0\0\0\0,\0\0", 12);
  assert_true(osc_valid(outer, size, NULL));
  Seen seen = {.text = ""};
  uint64_t bundles = 41;
  osc_walk(outer, size, NULL, &bundles, note, &seen);
  assert_string_equal(seen.text, "/one  t9 b42\n/in  t9 b42\n/in  t12 b42\n/two  t9 b42 last\n");
  assert_int_equal(bundles, 42);
}

static void time_zero_and_time_one_are_now(void **state)
{
  (void)state;
  for (uint64_t time = 0; time <= 1; ++time) {
    uint8_t packet[64] = "/a\0\0,\0\0";
    size_t size = wrap(packet, 8, time);
    Seen seen = {.text = ""};
    uint64_t bundles = 0;
    osc_walk(packet, size, NULL, &bundles, note, &seen);
    assert_string_equal(seen.text, "/a  t1 b1 last\n");
  }
}

static void check_values(void *data, const OscMessage *message)
{
  lo_arg **argv = lo_message_get_argv(message->message);
  double number;
  assert_string_equal(lo_message_get_types(message->message), "isdTbi");
  assert_int_equal(*(int32_t *)argv[0], -2);
  assert_string_equal((char *)argv[1], "text");
  memcpy(&number, argv[2], sizeof number);
  assert_true(number == 0.5);
  assert_int_equal(lo_blob_datasize((lo_blob)argv[4]), 2);
  assert_int_equal(*(int32_t *)argv[5], 0x100);
  *(bool *)data = true;
}

static void arguments_arrive_with_arrays_flattened(void **state)
{
  (void)state;
  bool seen = false;
  uint64_t bundles = 0;
  const char packet[] = "/a\0\0,i[sd]Tbr\0\0\0\xff\xff\xff\xfetext\0\0\0\0"
                        "\x3f\xe0\0\0\0\0\0\0\0\0\0\2xy\0\0\0\0\1"; // and the zero at its end
  assert_true(osc_valid(packet, sizeof packet, NULL));
  assert_int_equal(osc_walk(packet, sizeof packet, NULL, &bundles, check_values, &seen), 0);
  assert_true(seen);
}

static void a_message_without_type_tags_has_no_arguments(void **state)
{
  (void)state;
  Seen seen = {.text = ""};
  uint64_t bundles = 0;
  osc_walk(BYTES("/status\0"), NULL, &bundles, note, &seen);
  assert_string_equal(seen.text, "/status  t1 b0 last\n");
}

static void patterns_match_as_in_osc_1_0(void **state)
{
  (void)state;
  static const struct {
    const char *pattern, *address;
    bool match;
  } cases[] = {
      {"/voice/1/gain", "/voice/1/gain", true},
      {"/voice/1/gain", "/voice/1/gai", false},
      {"/voice/1/gai", "/voice/1/gain", false},
      {"/voice/1/gainx", "/voice/1/gain", false},
      {"/voice/1/gain*", "/voice/1/gain", true},
      {"/voice/1/gain?", "/voice/1/gain", false},
      {"/voice/*/mute", "/voice/12/mute", true},
      {"/voice/*/mute", "/voice/1/2/mute", false},
      {"/*", "/voice/1", false},
      {"*", "/voice", false},
      {"/*/*", "/voice/1", true},
      {"/voice/?/mute", "/voice/1/mute", true},
      {"/voice/?/mute", "/voice/12/mute", false},
      {"/voice?1", "/voice/1", false},
      {"/voice/[1-3]/mute", "/voice/2/mute", true},
      {"/voice/[1-3]/mute", "/voice/4/mute", false},
      {"/voice/[!1-3]/mute", "/voice/4/mute", true},
      {"/voice/[!1-3]/mute", "/voice/1/mute", false},
      {"/voice/[14]/mute", "/voice/4/mute", true},
      {"/[a-]", "/-", true},
      {"/[]", "/a", false},
      {"/a[!b]c", "/a/c", false},
      {"/{gain,mute}", "/mute", true},
      {"/{gain,mute}", "/gain", true},
      {"/{gain,mute}", "/gai", false},
      {"/{a,ab}c", "/abc", true},
      {"/{,a}b", "/b", true},
      {"/{a,b}{c,d}", "/bc", true},
      {"/{*}", "/x", false},
      {"/*{1,2}*", "/voice2x", true},
      {"/top_*", "/top_", true},
      {"/**", "/abc", true},
      {"/[a", "/a", false},
      {"/{a", "/a", false},
      {"/{a/b}", "/a/b", false},
      {"/[a/]", "/a", false},
      {"", "", true},
      {"", "/", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
    if (osc_match(cases[i].pattern, cases[i].address) != cases[i].match)
      fail_msg("%s and %s: not %d", cases[i].pattern, cases[i].address, cases[i].match);
}

// With going back, this takes longer than the universe lasts.
static void hostile_patterns_are_matched_in_bounded_time(void **state)
{
  (void)state;
  char pattern[256] = "/", address[256] = "/";
  for (int i = 0; i < 40; ++i) strcat(pattern, "*a");
  for (int i = 0; i < 40; ++i) strcat(pattern, "{,a}");
  memset(address + 1, 'a', 253);
  address[254] = 'b';
  clock_t start = clock();
  for (int i = 0; i < 100; ++i) assert_false(osc_match(pattern, address));
  assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 2.0);
  assert_false(
      osc_match("/*a*a*a*a*a*b", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
  assert_true(osc_match("/*a*a*a*a*a*b", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"));
  char longer[300] = "/";
  memset(longer + 1, '*', 290);
  assert_false(osc_match(longer, "/a"));
  assert_false(osc_match("/*", longer));
}

static OscPeer peer4(uint32_t address, uint16_t port)
{
  OscPeer peer = {.size = sizeof(struct sockaddr_in)};
  struct sockaddr_in v4 = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(address), .sin_port = htons(port)};
  memcpy(&peer.address, &v4, sizeof v4);
  return peer;
}

static void peers_are_compared_and_named(void **state)
{
  (void)state;
  char name[64];
  OscPeer a = peer4(0x7f000001, 5000), b = peer4(0x7f000001, 5001), far = peer4(0x0a000001, 5000);
  assert_true(osc_peer_equal(&a, &a));
  assert_false(osc_peer_equal(&a, &b));
  assert_false(osc_peer_equal(&a, &far));
  OscPeer moved = osc_peer_with_port(&b, 5000), stream = a;
  assert_true(osc_peer_equal(&a, &moved));
  stream.connection = 7;
  assert_false(osc_peer_equal(&a, &stream));
  moved = osc_peer_with_port(&stream, 5000);
  assert_true(osc_peer_equal(&a, &moved));
  assert_true(osc_peer_loopback(&a));
  assert_false(osc_peer_loopback(&far));
  osc_peer_name(&far, name);
  assert_string_equal(name, "10.0.0.1:5000");
  struct sockaddr_in6 v6 = {
      .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(80)};
  OscPeer six = {.size = sizeof v6};
  memcpy(&six.address, &v6, sizeof v6);
  osc_peer_name(&six, name);
  assert_string_equal(name, "[::1]:80");
  assert_true(osc_peer_loopback(&six));
  assert_false(osc_peer_equal(&six, &a));
  v6.sin6_addr.s6_addr[15] = 2;
  memcpy(&six.address, &v6, sizeof v6);
  assert_false(osc_peer_loopback(&six));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(well_formed_packets_are_valid),
      cmocka_unit_test(malformed_packets_are_refused_with_the_reason),
      cmocka_unit_test(an_address_has_at_most_255_characters),
      cmocka_unit_test(bundles_nest_eight_deep),
      cmocka_unit_test(a_packet_has_at_most_1024_messages),
      cmocka_unit_test(a_message_outside_a_bundle_is_due_now_and_the_last),
      cmocka_unit_test(messages_come_in_the_order_in_which_they_stand_in_bundles),
      cmocka_unit_test(time_zero_and_time_one_are_now),
      cmocka_unit_test(arguments_arrive_with_arrays_flattened),
      cmocka_unit_test(a_message_without_type_tags_has_no_arguments),
      cmocka_unit_test(patterns_match_as_in_osc_1_0),
      cmocka_unit_test(hostile_patterns_are_matched_in_bounded_time),
      cmocka_unit_test(peers_are_compared_and_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
