#!/bin/sh
# SPDX-License-Identifier: ISC
# What the daemon does by itself: goes on after a restart, sheds the newest voice when there are too
# many, recalls a slot when a voice drifts.
set -u
check=check_care
. "$(dirname "$0")/../osc/daemon.sh"
tiny=$here/tests/golden/tiny.safetensors
export XDG_CONFIG_HOME="$work" XDG_CONFIG_DIRS="$work"

# Restored: the samples of one long run are those of two runs, one after the other.
one="--fast --dry --voices 1 --seed 5 --rate 16000 --format raw"
"$cenoted" $one --duration 2 --output "$work/whole" "$tiny" 2>/dev/null || bad "whole"
"$cenoted" $one --duration 1 --output "$work/first" --restore "$work/keep" "$tiny" 2>/dev/null ||
  bad "first"
"$cenoted" $one --duration 1 --output "$work/second" --restore "$work/keep" "$tiny" 2>/dev/null ||
  bad "second"
cat "$work/first" "$work/second" | cmp - "$work/whole" || bad "--restore does not go on"
# Of another model, or damaged: said, and started anew.
"$cenoted" --fast --no-audio --port 0 --duration 0.1 --restore "$work/keep" starter 2>"$work/log" ||
  bad "another model's state ends it"
grep -q 'voice-1.state: .* voice 1 starts anew' "$work/log" || bad "not said: $(cat "$work/log")"

# No folder: said at once.
"$cenoted" --fast --no-audio --port 0 --duration 0.1 --restore "$tiny" "$tiny" 2>"$work/log"
[ $? -eq 1 ] || bad "a file as the folder of --restore does not end it"
grep -q '^cenoted: --restore .*: not a folder' "$work/log" || bad "not said: $(cat "$work/log")"

# Values too, and after kill -9 nothing half written.
start_daemon --voices 2 --restore "$work/keep2" "$tiny"
says '' /voice/2/gain -7
quit_daemon
start_daemon --voices 2 --restore "$work/keep2" "$tiny"
says '/voice/2/gain -7' /voice/2/gain
quit_daemon

# Too many voices: the newest is shed, and the rest go on.
start_daemon --voices 64 --rate 16000 --ahead 40 --precision f32 starter
await 10 grep -q 'is shed' "$work/log"
grep -q '^cenoted: voice 64 is shed' "$work/log" || bad "nothing is shed: $(cat "$work/log")"
says '/voice/64/run 0' /voice/64/run
says '/voice/1/run 1' /voice/1/run
quit_daemon

# A voice that has fallen silent is recalled.
start_daemon --voices 1 --watchdog good "$tiny"
says '/done /voice/1/slot/good/save' /voice/1/slot/good/save
says '' /voice/1/level/0/freeze 1 # one sample is held: a constant
await 8 grep -q 'has drifted into' "$work/log"
grep -q '^cenoted: voice 1 has drifted into .*: back to slot good' "$work/log" ||
  bad "no recall: $(cat "$work/log")"
says '/voice/1/level/0/freeze 0' /voice/1/level/0/freeze
quit_daemon
[ $failures -eq 0 ]
