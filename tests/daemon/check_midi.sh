#!/bin/sh
# SPDX-License-Identifier: ISC
# check_midi.sh: MIDI through a JACK server of its own (dummy driver), to a client that has MIDI
# alone and to cenoted's; through ALSA's sequencer where there is one.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
work=$(mktemp -d)
export JACK_DEFAULT_SERVER=cenote-midi-$$ JACK_NO_START_SERVER=1
server=
other=
trap 'kill $other $server 2>/dev/null; wait; rm -rf "$work" /dev/shm/jack*_"$JACK_DEFAULT_SERVER"_*' EXIT

bad() {
  echo "check_midi: $*" >&2
  exit 1
}

# said FILE TEXT: within half a minute.
said() {
  for _ in $(seq 600); do
    grep -qs "$2" "$1" && return
    sleep 0.05
  done
  bad "no '$2' in: $(cat "$1")"
}

if "$build/tests/daemon/midi_watch" alsa 0 >"$work/alsa"; then
  grep -q '^ready: ALSA' "$work/alsa" || bad "ALSA: $(cat "$work/alsa")"
else
  echo "ALSA not looked at: $(cat "$work/alsa")"
fi

for need in jackd jack_lsp; do
  command -v $need >/dev/null || { echo "skipped: $need is not installed"; exit 77; }
done
"$build/tests/daemon/midi_watch" jack 1 >"$work/none" && bad "MIDI with no server"
grep -q '^none: no JACK server runs' "$work/none" || bad "with no server: $(cat "$work/none")"
jackd -n "$JACK_DEFAULT_SERVER" -R -P 70 -d dummy -r 48000 -p 256 >"$work/jackd" 2>&1 &
server=$!
for _ in $(seq 300); do
  jack_lsp >/dev/null 2>&1 && break
  sleep 0.1
done
jack_lsp >/dev/null 2>&1 ||
  { echo "skipped: jackd does not start here: $(tail -n 1 "$work/jackd")"; exit 77; }

# MIDI alone. What is malformed is counted: JACK hands on whatever a client sends.
"$build/tests/daemon/midi_watch" jack 7 >"$work/got" &
other=$!
said "$work/got" '^ready: JACK'
"$build/tests/daemon/midi_play" cenote:midi_in '90 3c 64' '90 3c 00' '80 3d 40' 'b3 40 7f' 'c1 05' \
  '90 3c' '3c 64' 'e0 00 40' 'f8' '90 bc 64' 'b0 7b 00' '9f 7f 7f' || bad "midi_play fails"
wait $other
status=$?
other=
cat >"$work/want" <<'EOF'
ready: JACK
on 1 60 100
off 1 60 0
off 1 61 64
control 4 64 127
program 2 5 0
all-off 1 123 0
on 16 127 127
bad 3 lost 0
EOF
diff "$work/want" "$work/got" && [ $status -eq 0 ] || bad "other events"

# cenoted: the same port, in the client that has the sound; not with --midi none.
for midi in jack none; do
  rm -f "$work/log"
  "$build/daemon/cenoted" --port 0 --midi $midi --input card \
    "$here/tests/golden/tiny.safetensors" 2>"$work/log" &
  other=$!
  said "$work/log" '^cenoted: ready'
  jack_lsp | grep '^cenote' | sort | tr '\n' ' ' >"$work/ports"
  want='cenote:in_1 cenote:midi_in cenote:out_1 cenote:out_2 '
  [ $midi = none ] && want='cenote:in_1 cenote:out_1 cenote:out_2 '
  [ "$(cat "$work/ports")" = "$want" ] || bad "--midi $midi has ports $(cat "$work/ports")"
  if [ $midi = jack ]; then
    "$build/tests/daemon/midi_play" cenote:midi_in '90 3c 64' '80 3c 40' || bad "midi_play to cenoted"
  fi
  kill -INT $other
  wait $other || bad "exit status of cenoted: $(cat "$work/log")"
  other=
done
exit 0
