// SPDX-License-Identifier: ISC
// MIDI: messages to events, hostile ones counted and dropped; the pedal; controllers to addresses.
#include "midi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static MidiIn *open_in(Midi **midi)
{
  *midi = midi_new(MIDI_JACK);
  assert_non_null(*midi);
  return midi_card(*midi);
}

static void messages_become_events(void **state)
{
  (void)state;
  static const struct {
    uint8_t bytes[3];
    size_t size;
    MidiEvent event;
  } cases[] = {
      {{0x90, 60, 100}, 3, {MIDI_NOTE_ON, 1, 60, 100, 0.5}},
      {{0x9f, 0, 1}, 3, {MIDI_NOTE_ON, 16, 0, 1, 0.5}},
      {{0x90, 60, 0}, 3, {MIDI_NOTE_OFF, 1, 60, 0, 0.5}},
      {{0x82, 127, 64}, 3, {MIDI_NOTE_OFF, 3, 127, 64, 0.5}},
      {{0xb1, 7, 127}, 3, {MIDI_CONTROL, 2, 7, 127, 0.5}},
      {{0xb0, 64, 127}, 3, {MIDI_CONTROL, 1, 64, 127, 0.5}},
      {{0xb0, 121, 0}, 3, {MIDI_CONTROL, 1, 121, 0, 0.5}},
      {{0xb0, 120, 0}, 3, {MIDI_ALL_OFF, 1, 120, 0, 0.5}},
      {{0xb4, 123, 0}, 3, {MIDI_ALL_OFF, 5, 123, 0, 0.5}},
      {{0xc5, 99}, 2, {MIDI_PROGRAM, 6, 99, 0, 0.5}},
  };
  Midi *midi;
  MidiIn *in = open_in(&midi);
  MidiEvent got;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    midi_in_feed(in, cases[i].bytes, cases[i].size, 0.5);
    assert_true(midi_read(midi, &got));
    assert_int_equal(got.kind, cases[i].event.kind);
    assert_int_equal(got.channel, cases[i].event.channel);
    assert_int_equal(got.number, cases[i].event.number);
    assert_int_equal(got.value, cases[i].event.value);
    assert_true(got.time_s == 0.5);
    assert_false(midi_read(midi, &got));
  }
  assert_int_equal(midi_bad(midi), 0);
  assert_true(midi_close(midi));
}

static void what_no_event_stands_for_is_let_pass(void **state)
{
  (void)state;
  static const uint8_t sysex[] = {0xf0, 1, 2, 3, 0xf7}, clock[] = {0xf8}, position[] = {0xf2, 1, 1};
  static const uint8_t bend[] = {0xe0, 1, 2}, touch[] = {0xa0, 1, 2}, pressure[] = {0xd0, 1};
  Midi *midi;
  MidiIn *in = open_in(&midi);
  MidiEvent got;
  midi_in_feed(in, sysex, sizeof sysex, 0);
  midi_in_feed(in, clock, sizeof clock, 0);
  midi_in_feed(in, position, sizeof position, 0);
  midi_in_feed(in, bend, sizeof bend, 0);
  midi_in_feed(in, touch, sizeof touch, 0);
  midi_in_feed(in, pressure, sizeof pressure, 0);
  assert_false(midi_read(midi, &got));
  assert_int_equal(midi_bad(midi), 0);
  assert_int_equal(midi_received(midi), 6);
  assert_true(midi_close(midi));
}

/// Every first byte in every length of up to four, with data bytes that are good and bad ones: an
/// event only where the message is whole.
static void malformed_messages_are_counted_and_dropped(void **state)
{
  (void)state;
  Midi *midi;
  MidiIn *in = open_in(&midi);
  MidiEvent got;
  uint64_t bad = 0;
  for (unsigned first = 0; first < 256; ++first)
    for (unsigned data = 0; data < 256; data += 85)
      for (size_t size = 0; size <= 4; ++size) {
        const uint8_t bytes[4] = {(uint8_t)first, (uint8_t)data, (uint8_t)data, (uint8_t)data};
        const size_t due = (first & 0xe0) == 0xc0 ? 2 : 3;
        const bool system = size > 0 && first >= 0xf0;
        const bool whole = first >= 0x80 && size == due && data < 128;
        midi_in_feed(in, bytes, size, 0);
        if (!system && !whole) ++bad;
        assert_int_equal(midi_bad(midi), bad);
        if (midi_read(midi, &got)) {
          assert_true(whole && !system);
          assert_true(got.channel >= 1 && got.channel <= 16 && got.number < 128 && got.value < 128);
        }
      }
  assert_true(bad > 0);
  assert_true(midi_close(midi));
}

static void a_full_ring_loses_and_counts(void **state)
{
  (void)state;
  static const uint8_t on[] = {0x90, 60, 1};
  Midi *midi;
  MidiIn *in = open_in(&midi);
  MidiEvent got;
  uint64_t had = 0;
  for (int i = 0; i < 5000; ++i) midi_in_feed(in, on, sizeof on, 0);
  while (midi_read(midi, &got)) ++had;
  assert_true(had >= 1000);
  assert_int_equal(had + midi_lost(midi), 5000);
  assert_true(midi_close(midi));
}

/// What the sink was told, in words.
static char told[512];

static void tell(const char *what, int a, int b, int c)
{
  const size_t length = strlen(told);
  snprintf(told + length, sizeof told - length, "%s %d %d %d; ", what, a, b, c);
}

static void on_note(void *data, int key, int velocity, int channel)
{
  assert_ptr_equal(data, told);
  tell("note", key, velocity, channel);
}

static void on_control(void *data, int number, int value, int channel)
{
  (void)data;
  tell("control", number, value, channel);
}

static void on_program(void *data, int program, int channel)
{
  (void)data;
  tell("program", program, 0, channel);
}

static void on_all_off(void *data)
{
  (void)data;
  tell("off", 0, 0, 0);
}

static const MidiSink sink = {told, on_note, on_control, on_program, on_all_off};

/// Feed messages of three bytes, tend, compare.
static void plays(Midi *midi, const uint8_t *bytes, size_t size, const char *want)
{
  told[0] = '\0';
  for (size_t i = 0; i < size; i += 3)
    midi_in_feed(midi_card(midi), bytes + i, (bytes[i] & 0xf0) == 0xc0 ? 2 : 3, 0);
  midi_tend(midi, &sink);
  assert_string_equal(told, want);
}

#define PLAYS(midi, want, ...)                                                                     \
  plays(midi, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), want)

static void the_pedal_holds_the_ends_of_notes(void **state)
{
  (void)state;
  Midi *midi;
  open_in(&midi);
  PLAYS(midi, "note 60 9 1; note 60 0 1; ", 0x90, 60, 9, 0x80, 60, 5);
  PLAYS(midi, "control 64 64 1; note 60 9 1; note 61 8 1; ", 0xb0, 64, 64, 0x90, 60, 9, 0x90, 61, 8,
        0x80, 60, 0, 0x90, 61, 0);
  PLAYS(midi, "note 60 7 1; ", 0x90, 60, 7); // struck again: it sounds beyond the pedal
  PLAYS(midi, "note 60 7 2; note 60 0 2; ", 0x91, 60, 7, 0x91, 60, 0); // another channel's
  PLAYS(midi, "note 61 0 1; control 64 63 1; ", 0xb0, 64, 63);
  PLAYS(midi, "note 60 0 1; ", 0x80, 60, 0);
  PLAYS(midi, "control 64 127 1; note 50 1 1; off 0 0 0; control 64 0 1; ", 0xb0, 64, 127, 0x90, 50,
        1, 0x80, 50, 0, 0xb0, 123, 0, 0xb0, 64, 0);
  PLAYS(midi, "control 64 127 1; note 50 1 1; note 50 0 1; control 121 0 1; ", 0xb0, 64, 127, 0x90,
        50, 1, 0x80, 50, 0, 0xb0, 121, 0);
  PLAYS(midi, "control 64 127 1; control 64 0 1; ", 0xb0, 64, 127, 0xb0, 64, 0); // ended already
  PLAYS(midi, "program 5 0 3; ", 0xc2, 5, 0);
  const MidiSink deaf = {0};
  midi_in_feed(midi_card(midi), (const uint8_t[]){0x90, 1, 1}, 3, 0);
  midi_in_feed(midi_card(midi), (const uint8_t[]){0xb0, 1, 1}, 3, 0);
  midi_in_feed(midi_card(midi), (const uint8_t[]){0xc0, 1}, 2, 0);
  midi_in_feed(midi_card(midi), (const uint8_t[]){0xb0, 120, 0}, 3, 0);
  midi_tend(midi, &deaf);
  midi_tend(NULL, &sink);
  assert_true(midi_close(midi));
  assert_true(midi_close(NULL));
}

static void controllers_have_addresses(void **state)
{
  (void)state;
  MidiMap map = {{NULL}};
  assert_true(midi_map_add(&map, "1=/voice/1/temperature"));
  assert_true(midi_map_add(&map, "127=/master/gain"));
  assert_true(midi_map_add(&map, "1=/voice/2/gain"));
  assert_string_equal(midi_map_address(&map, 1), "/voice/2/gain");
  assert_string_equal(midi_map_address(&map, 127), "/master/gain");
  assert_null(midi_map_address(&map, 2));
  assert_null(midi_map_address(&map, -1));
  assert_null(midi_map_address(&map, 128));
  static const char *const bad[] = {
      "",         "1",      "1=",    "=/a",    "128=/a",
      "-1=/a",    "1=a",    "1=/",   "1=/a b", "1=/v/*",
      "1.5=/a",   "0x1=/a", " 1=/a", "1 =/a",  "99999999999999999999=/a",
      "1=/a\x80", "1=/a\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) assert_false(midi_map_add(&map, bad[i]));
  assert_true(midi_map_scale(0, -60.0, 6.0) == -60.0);
  assert_true(midi_map_scale(127, -60.0, 0.1) == 0.1);
  assert_true(midi_map_scale(64, 0.0, 127.0) == 64.0);
}

static void sources_have_names(void **state)
{
  (void)state;
  MidiSource source = MIDI_USUAL;
  assert_true(midi_source_find("alsa", &source));
  assert_int_equal(source, MIDI_ALSA);
  assert_true(midi_source_find("none", &source));
  assert_int_equal(source, MIDI_NONE);
  assert_true(midi_source_find("jack", &source));
  assert_int_equal(source, MIDI_JACK);
  assert_false(midi_source_find("coremidi", &source));
  Midi *midi = midi_new(MIDI_NONE);
  CenoteError err;
  assert_non_null(midi);
  assert_null(midi_card(midi));
  assert_int_equal(midi_start(midi, NULL, &err), CENOTE_OK);
  assert_null(midi_from(midi));
  assert_true(midi_close(midi));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_become_events),
      cmocka_unit_test(what_no_event_stands_for_is_let_pass),
      cmocka_unit_test(malformed_messages_are_counted_and_dropped),
      cmocka_unit_test(a_full_ring_loses_and_counts),
      cmocka_unit_test(the_pedal_holds_the_ends_of_notes),
      cmocka_unit_test(controllers_have_addresses),
      cmocka_unit_test(sources_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
