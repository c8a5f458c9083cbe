// SPDX-License-Identifier: ISC
// midi_watch jack|alsa COUNT: print events as they come, COUNT of them, or what came in ten
// seconds.
#include "midi.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
  static const char *const kinds[] = {"off", "on", "control", "program", "all-off"};
  MidiSource source;
  CenoteError err;
  if (argc != 3 || !midi_source_find(argv[1], &source)) return 2;
  Midi *midi = midi_new(source);
  if (!midi) return 1;
  if (midi_start(midi, NULL, &err) != CENOTE_OK) {
    printf("none: %s\n", err.text);
    midi_close(midi);
    return 77;
  }
  printf("ready: %s\n", midi_from(midi));
  fflush(stdout);
  int left = atoi(argv[2]);
  for (int turn = 0; turn < 5000 && left > 0; ++turn) {
    MidiEvent event;
    for (; midi_read(midi, &event); --left)
      printf("%s %d %d %d\n", kinds[event.kind], event.channel, event.number, event.value);
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  printf("bad %d lost %d\n", (int)midi_bad(midi), (int)midi_lost(midi));
  return midi_close(midi) && left <= 0 ? 0 : 1;
}
