#!/bin/sh
# SPDX-License-Identifier: ISC
# What the daemon does by itself: goes on after a restart, sheds the newest voice when there are too
# many, recalls a slot when a voice drifts.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
cenote=$build/cli/cenote
cenoted=$build/daemon/cenoted
tiny=$here/tests/golden/tiny.safetensors
failures=0
daemon=
work=$(mktemp -d)
cleanup() {
  [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon"
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
export XDG_CONFIG_HOME="$work" XDG_CONFIG_DIRS="$work"

bad() {
  echo "check_care: $*" >&2
  failures=$((failures + 1))
}

start() {
  : >"$work/log"
  "$cenoted" --port 0 --duration 60 "$@" 2>"$work/log" &
  daemon=$!
  port=
  for _ in $(seq 200); do
    port=$(sed -n 's/^cenoted: ready: udp 127\.0\.0\.1:\([0-9]*\),.*/\1/p' "$work/log")
    [ -n "$port" ] && return
    sleep 0.05
  done
  bad "not ready: $(cat "$work/log")"
}

say() {
  "$cenote" send --port "$port" "$@"
}

quit() {
  say /quit >/dev/null
  wait "$daemon" || bad "the daemon ends with $?"
  daemon=
}

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

# Values too, and after kill -9 nothing half written.
start --no-audio --voices 2 --restore "$work/keep2" "$tiny"
say /voice/2/gain -7 >/dev/null
quit
start --no-audio --voices 2 --restore "$work/keep2" "$tiny"
[ "$(say /voice/2/gain)" = '/voice/2/gain -7' ] || bad "the gain is $(say /voice/2/gain)"
quit

# Too many voices: the newest is shed, and the rest go on.
start --no-audio --voices 64 --rate 16000 --ahead 40 --precision f32 starter
for _ in $(seq 100); do
  grep -q 'is shed' "$work/log" && break
  sleep 0.1
done
grep -q '^cenoted: voice 64 is shed' "$work/log" || bad "nothing is shed: $(cat "$work/log")"
[ "$(say /voice/64/run)" = '/voice/64/run 0' ] || bad "voice 64 runs"
[ "$(say /voice/1/run)" = '/voice/1/run 1' ] || bad "voice 1 does not run"
quit

# A voice that has fallen silent is recalled.
start --no-audio --voices 1 --watchdog good "$tiny"
say /voice/1/slot/good/save >/dev/null
say /voice/1/level/0/freeze 1 >/dev/null # one sample is held: a constant
for _ in $(seq 80); do
  grep -q 'has drifted into' "$work/log" && break
  sleep 0.1
done
grep -q '^cenoted: voice 1 has drifted into .*: back to slot good' "$work/log" ||
  bad "no recall: $(cat "$work/log")"
[ "$(say /voice/1/level/0/freeze)" = '/voice/1/level/0/freeze 0' ] || bad "it is still frozen"
quit
[ $failures -eq 0 ]
