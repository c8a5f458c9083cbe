#!/bin/sh
# SPDX-License-Identifier: ISC
# check_channels.sh: cenoted --channels in files, pipes, takes and logs; what is no such number.
set -u
check=check_channels
. "$(dirname "$0")/../osc/daemon.sh"
export XDG_CONFIG_HOME="$work" XDG_CONFIG_DIRS="$work"
model=$here/tests/golden/tiny.safetensors
media=$work/media
command -v python3 >/dev/null || skip "python3 is not installed (Debian: python3)"

say() {
  "$cenote" send --port "$port" "$@" >"$work/said" 2>&1 || bad "$*: $(cat "$work/said")"
}

# fast N OUTPUT ARGUMENT...: a second of the same sound on N channels, as fast as it can.
fast() {
  count=$1 output=$2
  shift 2
  "$cenoted" --fast --dry --port 0 --seed 7 --duration 1 --channels "$count" "$@" --output "$output" \
    "$model" 2>"$work/log"
}

cat >"$work/wav.py" <<'PY'
import struct, sys
def read(path):
    """Kind of the format, channels, loudspeakers, samples of a WAV or RF64."""
    raw = open(path, "rb").read()
    at = raw.index(b"fmt ")
    size, kind, channels, _, _, align, bits = struct.unpack("<IHHIIHH", raw[at + 4:at + 24])
    assert bits == 16 and align == 2 * channels and (kind, size) in ((1, 16), (0xfffe, 40))
    places = None
    if kind == 0xfffe:
        places = struct.unpack("<I", raw[at + 28:at + 32])[0]
        assert raw[at + 32:at + 48] == bytes.fromhex("0100000000001000800000aa00389b71")
    data = raw[raw.index(b"data", at + 8 + size) + 8:]
    return kind, channels, places, data
def channel(data, number, channels):
    return [x[number] for x in struct.iter_unpack("<%dh" % channels, data)]
PY

# What is no number of channels is wrong usage, and so is more or less than two to Icecast.
for wrong in 0 9 -1 x 2.5 ""; do
  fast "$wrong" "$work/none.wav"
  status=$?
  [ $status -eq 2 ] || bad "--channels $wrong: status $status"
  grep -q "^cenoted: --channels $wrong: want 1 to 8$" "$work/log" || bad "--channels $wrong: $(cat "$work/log")"
done
"$cenoted" --port 0 --duration 1 --channels 4 --output icecast://x:y@127.0.0.1:1/m "$model" 2>"$work/log"
status=$?
[ $status -eq 2 ] && grep -q '^cenoted: --channels 4: icecast:// takes two$' "$work/log" ||
  bad "Icecast: status $status: $(cat "$work/log")"
echo 'channels = 9' >"$work/nine.conf"
"$cenoted" --config "$work/nine.conf" --port 0 --duration 1 --no-audio "$model" 2>"$work/log"
status=$?
[ $status -eq 2 ] && grep -q 'nine.conf:1: --channels 9: want 1 to 8' "$work/log" ||
  bad "the configuration file: status $status: $(cat "$work/log")"

# Files and pipes: their headers, and what is on each channel.
for count in 1 2 3 4 8; do
  fast $count "$work/$count.wav" || bad "$count: $(cat "$work/log")"
  fast $count "$work/wav$count.wav" --format wav || bad "$count wav: $(cat "$work/log")"
  fast $count - >"$work/pipe$count.wav" || bad "$count pipe: $(cat "$work/log")"
  fast $count "$work/row$count.wav" --format wav --split 0.4 || bad "$count: $(cat "$work/log")"
done
(cd "$work" && python3 - <<'PY') || bad "files and pipes"
from wav import channel, read
mono = read("1.wav")[3]
assert len(mono) == 2 * 16000 and any(mono)
for count in 1, 2, 3, 4, 8:
    _, channels, _, data = read("%d.wav" % count)
    assert channels == count and len(data) == count * len(mono), count
    kind, channels, _, same = read("wav%d.wav" % count)
    assert channels == count and same == data and kind == (0xfffe if count > 2 else 1), count
    kind, channels, places, same = read("pipe%d.wav" % count)
    assert channels == count and same == data and kind == (0xfffe if count > 2 else 1), count
    assert places in (None, 0)
    row = [read("row%d-%04d.wav" % (count, part)) for part in (1, 2, 3)]
    assert all(each[1] == count for each in row), count
    assert b"".join(each[3] for each in row) == data, count
    left, right = channel(data, 0, count), channel(data, min(1, count - 1), count)
    assert left == right, count
    if count == 2: assert left == channel(mono, 0, 1)
    for other in range(2, count): assert not any(channel(data, other, count)), count
    loud = max(map(abs, left)) / max(map(abs, channel(mono, 0, 1)))
    assert abs(loud - (1 if count < 3 else 0.5 ** 0.5)) < 1e-3, (count, loud)
PY

# A take of the mix and one of a voice; the log replays to the same samples on the same channels.
start_daemon --voices 2 --channels 4 --ahead 100 "$model"
say /voice/1/slot/0/save
say /voice/2/pan 0.9
sleep 0.2
say /log/start x.log
say /rec/start mix.wav wav
say /rec/start voice.wav wav 2
sleep 0.3 # a log begins with no past
for pan in 0.75 -0.3 -1 0.1; do
  say /voice/1/pan $pan
  say /voice/2/reset
  say /trigger 0 0.1 -6 $pan
  sleep 0.05
done
say /rec/stop mix.wav
say /rec/stop voice.wav
say /log/stop
quit_daemon
"$cenote" replay "$media/x.log" -o "$work/again.wav" --format wav || bad "replay fails"
(cd "$work" && python3 - <<'PY') || bad "takes and replay"
from wav import channel, read
_, channels, _, mix = read("media/mix.wav")
assert channels == 4 and len(mix) > 8 * 4000, "hardly anything was recorded"
for number in range(4): assert any(channel(mix, number, 4)), "channel %d is silent" % number
_, channels, _, voice = read("media/voice.wav")
assert channels == 4 and any(channel(voice, 2, 4)) and voice != mix
kind, channels, _, again = read("again.wav")
assert kind == 0xfffe and channels == 4
at = again.find(mix)
while at > 0 and at % 8: at = again.find(mix, at + 1)
assert at >= 0, "the recording is not in the replay"
PY
"$cenote" replay "$media/x.log" -o icecast://x:y@127.0.0.1:1/m 2>"$work/log"
status=$?
[ $status -eq 1 ] && grep -q 'icecast:// takes two channels, not 4$' "$work/log" ||
  bad "replay to Icecast: status $status: $(cat "$work/log")"
[ $failures -eq 0 ]
