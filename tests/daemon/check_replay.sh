#!/bin/sh
# SPDX-License-Identifier: ISC
# A log replays to the samples that were played: recorded and replayed stretches are the same, bit
# for bit, at the model's rate and resampled, with voices stealing, models changing and an input
# that is listened to; damaged logs are refused.
set -u
check=check_replay
. "$(dirname "$0")/../osc/daemon.sh"
export XDG_CONFIG_HOME="$work" XDG_CONFIG_DIRS="$work"

say() {
  "$cenote" send --port "$port" "$@" >"$work/said" 2>&1 || bad "$*: $(cat "$work/said")"
}

# A log begins with no past, and a machine too slow for three voices sheds the third.
rewinds() {
  say /voice/3/run 1
  "$cenote" send --port "$port" /voice/3/rewind 0.05 >"$work/said" 2>&1
}

# play RATE: a session, logged and recorded.
play() {
  rm -rf "$work/media"
  mkdir "$work/media"
  "$cenote" render "$here/tests/golden/tiny.safetensors" --samples 30000 --seed 3 \
    -o "$work/media/in.wav" || bad "render"
  start_daemon --voices 3 --rate "$1" --input "$work/media/in.wav" \
    "$here/tests/golden/tiny.safetensors"
  say /voice/1/slot/0/save
  say /map 5 0
  say /log/start x.log
  say /rec/start r.wav wav
  await 30 rewinds || bad "no past in 30 s: $(cat "$work/said")"
  for _ in 1 2 3; do
    say /trigger 0 0.1 -6 0.5
    say /dirt/play s 0 sustain 0.1 attack 20 temperature 0.3 speed 0.8 level/1/gain 0.7
    say /voice/2/level/1/gain 0.5
    say /voice/1/temperature 0.7
    say /voice/1/slot/1/save
    say /voice/1/slot/one/save
    say /voice/3/rewind 0.05
    say /voice/1/morph 0 1 0.5
    say /voice/3/speed 1.5
    say /voice/2/pan -0.5
    say /voice/2/reset
    say /voice/2/copy 1
    say /mnote 0 100
    say /mnote 5 90
    say /map 6 1
    say /mnote 6 80
    say /voice/3/listen 1
  done
  say /voice/3/listen 0
  say /voice/1/prime in.wav
  say /preset/load starter
  sleep 0.2
  say /rec/stop
  say /log/stop
  quit_daemon
}

# The recording lies within the replay, and is it.
cat >"$work/compare.py" <<'PY'
import struct, sys
def read(path):
    raw = open(path, "rb").read()
    return raw[raw.find(b"data") + 8:]
replayed, recorded = read(sys.argv[1]), read(sys.argv[2])
assert len(recorded) > 20000, "hardly anything was recorded"
at = 4 * (replayed.find(recorded) // 4) if recorded in replayed else -1
sys.exit(0 if at >= 0 else "the recording is not in the replay")
PY

for rate in 16000 48000 44100; do
  play $rate
  "$cenote" replay "$work/media/x.log" -o "$work/again.wav" --format wav || bad "replay fails"
  python3 "$work/compare.py" "$work/again.wav" "$work/media/r.wav" || bad "$rate Hz: other samples"
done

# What is no sound (a meter's rate) cuts time at its own frame, and what comes just then is taken
# there, within a block: blocks so long that this happens each time.
cat >"$work/cuts.py" <<'PY'
import socket, struct, sys, time
def pad(text):
    return text + b"\0" * (4 - len(text) % 4)
def message(address, value):
    return pad(address) + pad(b",f") + struct.pack(">f", value)
def later(s, m):
    tag = int((time.time() + 2208988800 + s) * 2**32)
    return b"#bundle\0" + struct.pack(">Qi", tag, len(m)) + m
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("127.0.0.1", int(sys.argv[1])))
for i in range(300):
    out.send(later(0.9 + 0.01 * (i % 7), message(b"/meter", float(i % 9))))
    out.send(message(b"/voice/1/pan", i % 11 / 5.5 - 1.0))
    time.sleep(0.01)
PY
rm -rf "$work/media"
mkdir "$work/media"
start_daemon --voices 2 --rate 16000 --block 8192 --ahead 600 --precision f32 starter
say /log/start x.log
say /rec/start r.wav wav
python3 "$work/cuts.py" "$port"
say /rec/stop
say /log/stop
quit_daemon
"$cenote" replay "$work/media/x.log" -o "$work/again.wav" --format wav || bad "replay fails"
python3 "$work/compare.py" "$work/again.wav" "$work/media/r.wav" || bad "cuts: other samples"

cp "$work/media/x.log" "$work/own.log"
"$cenote" replay "$work/own.log" -o "$work/media/../own.log" 2>"$work/err" && bad "a log is written over"
grep -q 'this is LOG itself' "$work/err" && cmp -s "$work/media/x.log" "$work/own.log" || bad "a log is written over: $(cat "$work/err")"

# Damaged logs: refused by name, with status 1, and no file is left half written over a good one.
log=$work/media/x.log
size=$(wc -c <"$log")
head -c 100 "$log" >"$work/cut.log"
echo nonsense >"$work/text.log"
: >"$work/empty.log"
for each in cut text empty none; do
  "$cenote" replay "$work/$each.log" -o "$work/bad.wav" 2>"$work/err"
  status=$?
  [ $status -eq 1 ] || bad "$each.log: status $status"
  grep -q "^cenote replay: .*$each.log" "$work/err" || bad "$each.log: $(cat "$work/err")"
done
for k in 1 2 3 4 5 6 7 8; do # any byte may be wrong: no crash
  cp "$log" "$work/hurt.log"
  printf '\377\376\375' | dd of="$work/hurt.log" bs=1 seek=$((size * k / 9)) conv=notrunc 2>/dev/null
  timeout 20 "$cenote" replay "$work/hurt.log" -o "$work/bad.wav" >/dev/null 2>"$work/err"
  status=$?
  [ $status -le 1 ] || bad "hurt at $((size * k / 9)): status $status"
done
[ $failures -eq 0 ]
