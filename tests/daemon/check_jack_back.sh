#!/bin/sh
# SPDX-License-Identifier: ISC
# check_jack_back.sh: a JACK server (dummy driver) dies by kill -9 and is started again: cenoted
# plays on meanwhile, and is heard again.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
cenoted=$build/daemon/cenoted
cenote=$build/cli/cenote
for need in jackd jack_rec jack_lsp sox; do
  command -v $need >/dev/null || { echo "skipped: $need is not installed"; exit 77; }
done
work=$(mktemp -d)
export JACK_DEFAULT_SERVER=cenote-back-$$ JACK_NO_START_SERVER=1
server=
daemon=
trap 'kill $daemon $server 2>/dev/null; wait; rm -rf "$work" /dev/shm/jack*_"$JACK_DEFAULT_SERVER"_*' EXIT

# serve RATE: a server, until it answers.
serve() {
  jackd -n "$JACK_DEFAULT_SERVER" -R -P 70 -d dummy -r "$1" -p 256 >"$work/jackd" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    jack_lsp >/dev/null 2>&1 && return
    sleep 0.1
  done
  return 1
}

die() {
  kill -9 $server
  wait $server 2>/dev/null
  server=
}

bad() {
  echo "check_jack_back: $*: $(cat "$work/log")" >&2
  exit 1
}

# said TEXT: within a minute, in a line of the daemon's.
said() {
  for _ in $(seq 600); do
    grep -qs "^cenoted: $1" "$work/log" && return
    sleep 0.1
  done
  bad "not said within a minute: $1"
}

# The last of /status.reply, in frames.
sample_clock() {
  "$cenote" send --port "$port" /status | sed 's/.* //'
}

serve 48000 || { echo "skipped: jackd does not start here: $(tail -n 1 "$work/jackd")"; exit 77; }
"$cenoted" --ahead 40 --port 0 "$here/tests/golden/tiny.safetensors" 2>"$work/log" &
daemon=$!
said ready
port=$(sed -n 's/^cenoted: ready: udp 127.0.0.1:\([0-9]*\),.*/\1/p' "$work/log")
grep -q '48000 Hz' "$work/log" || bad "not JACK's rate"

# The callback's thread is a real-time one wherever JACK may have one; ours has priority 50.
case $(ps -L -o cls=,rtprio= -p $daemon 2>/dev/null) in
  *FF*65*) ;;
  *FF*) bad "JACK's callback is not a real-time thread" ;;
  *) echo "no real-time threads here: not looked at" ;;
esac

die
said "JACK: the sound device is gone"
before=$(sample_clock)
sleep 0.3
after=$(sample_clock)
[ $((after - before)) -gt 7200 ] || bad "the clock stood still without the server: $before, $after"

# A server of another rate is not for it; it says so, and waits on.
serve 44100 || bad "jackd does not start again: $(tail -n 1 "$work/jackd")"
said "still without it: JACK runs at 44100 Hz, not 48000"
die

serve 48000 || bad "jackd does not start again: $(tail -n 1 "$work/jackd")"
said "JACK is back"
[ "$(sample_clock)" -gt "$after" ] || bad "the clock went back"
jack_lsp -c | grep -A1 '^cenote:out_2' | grep -q 'system:playback_2' || bad "not connected"
jack_rec -f "$work/rec.wav" -d 1 -b 16 cenote:out_1 cenote:out_2 >/dev/null 2>&1
rms=$(sox "$work/rec.wav" -n stat 2>&1 | awk '/^RMS.*amplitude/ { print ($3 > 0.01) }')
[ "$rms" = 1 ] || bad "silence after the server came back"

kill -INT $daemon
wait $daemon
status=$?
daemon=
[ $status -eq 0 ] || bad "exit status $status"
tail -n 1 "$work/log"
