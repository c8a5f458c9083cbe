#!/bin/sh
# SPDX-License-Identifier: ISC
# check_faults.sh: weights cut or deleted under a playing cenoted, models replaced while they are
# being fetched, recordings ended early, the end in the midst of a job or of mutated packets.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$here/tests/support/await.sh"
build=${CENOTE_BUILD_ROOT:-$here/build}
cenote=$build/cli/cenote
cenoted=$build/daemon/cenoted
tiny=$here/tests/golden/tiny.safetensors
failures=0
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
daemon=
trap '[ -n "$daemon" ] && kill -9 "$daemon" 2>/dev/null; rm -rf "$work"' EXIT

bad() {
  echo "check_faults: $*" >&2
  failures=$((failures + 1))
}

osc() {
  "$cenote" send --port "$port" "$@" 2>&1
}

# clock: frames so far, the last of /status.reply.
clock() {
  osc /status | tail -n 1 | sed 's/.* //'
}

# plays WHEN: frames are still made.
plays() {
  before=$(clock)
  sleep 0.5
  after=$(clock)
  [ "${after:-0}" -gt "${before:-0}" ] 2>/dev/null || bad "$1: no sound goes on"
}

# refused TEXT REPLY: a /fail with that code.
refused() {
  echo "$2" | grep -q "^/fail .* $1\$" || bad "want /fail $1: $2"
}

cd "$work" || exit 1
cp "$tiny" own.safetensors
cp "$tiny" whole.safetensors
size=$(wc -c <"$tiny")
head -c $((size / 2)) "$tiny" >half.safetensors
head -c 5 "$tiny" >five.safetensors
: >empty.safetensors
"$cenoted" --no-config --port 0 --no-audio --voices 2 --media-dir "$work" ./own.safetensors 2>log &
daemon=$!
await_ready log
port=$(sed -n 's/^cenoted: ready: udp 127.0.0.1:\([0-9]*\),.*/\1/p' log)
[ -n "$port" ] || { bad "not ready: $(cat log)"; exit 1; }

# Files that are not whole: refused by name, and what played plays on.
for file in half five empty; do
  refused 5 "$(osc /model/load $file.safetensors)"
  refused 5 "$(osc /voice/1/model $file.safetensors)"
done
plays "after broken files"
refused 4 "$(osc /model/load none.safetensors)"

# The file that plays, cut and then deleted; the same for one that was loaded later.
: >own.safetensors
plays "its file cut"
rm own.safetensors
plays "its file deleted"
osc /model/load whole.safetensors whole >/dev/null || bad "/model/load whole"
rm whole.safetensors
osc /voice/1/model whole >/dev/null || bad "/voice/1/model of a file that is gone since"
osc /voice/1/reset >/dev/null
plays "a model whose file is gone"

# A model replaced and forgotten while kits of it are being made.
cp "$tiny" other.safetensors
python3 - "$here/bench" "$port" <<'PY' || bad "models replaced: it does not answer"
import sys
sys.path.insert(0, sys.argv[1])
import live
client = live.Client(int(sys.argv[2]))
for turn in range(150):
    client.send(live.osc("/model/load", "other.safetensors", "other"))
    client.send(live.osc("/voice/%d/model" % (turn % 2 + 1), "other"))
    client.send(live.osc("/voice/%d/model" % (turn % 2 + 1), "whole"))
    client.send(live.osc("/model/free", "other"))
    if turn % 8 == 0 and client.ask("/sync", turn, reply="/synced", timeout=20.0) is None:
        sys.exit(1)
PY
plays "after models replaced"

# A moment's file with one bit of its last number turned: refused, the slot as it was.
osc /voice/1/slot/3/save >/dev/null
osc /slot/write 3 moment.state >/dev/null || bad "/slot/write"
python3 - <<'PY'
data = bytearray(open("moment.state", "rb").read())
data[-2] ^= 1
open("turned.state", "wb").write(data)
PY
refused 5 "$(osc /slot/read 3 turned.state)"
osc /slot/read 3 moment.state >/dev/null || bad "/slot/read of what was written"

# A recording that is to begin in 8 s and is ended now: closed at once, and never begun. What else
# waited is answered when it is dropped.
python3 - "$here/bench" "$port" <<'PY' || bad "ended or dropped before its time"
import struct
import sys
sys.path.insert(0, sys.argv[1])
import live
client = live.Client(int(sys.argv[2]))
raw = live.osc("/clock")
client.send(raw)
tag = struct.unpack(">Q", client.socket.recv(1024)[24:32])[0] + (8 << 32)

def heard(address, *start):
    while True:
        got = client.receive(20.0)
        if got is None or got[0] == address and got[1][:len(start)] == list(start):
            return got and got[1]

client.send(live.bundle(tag, live.osc("/rec/start", "later.wav", "wav", 0)))
assert heard("/done", "/rec/start")
client.send(live.osc("/rec/stop", "later.wav"))
assert heard("/done", "/rec/stop")[2] == 0
client.send(live.bundle(tag, live.osc("/voice/1/slot/7/load")))
client.send(live.bundle(tag, live.osc("/slot/write", 7, "never.state")))
client.send(live.osc("/clearSched"))
for command in ("/voice/1/slot/7/load", "/slot/write"):
    assert heard("/fail", command) == [command, "dropped by /clearSched", 9]
assert client.ask("/sync", 5, reply="/synced", timeout=20.0) == [5]
PY
[ "$(soxi -s later.wav 2>/dev/null || echo 0)" = 0 ] || bad "a recording began after its end"

# The end while a file is listened to: with sanitizers, nothing of it may be left over.
python3 - <<'PY'
import wave
with wave.open("long.wav", "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes(bytes(range(256)) * 3750)
PY
osc --timeout 1 /voice/1/prime long.wav >/dev/null
osc --timeout 1 /voice/2/prime long.wav >/dev/null
osc /quit >/dev/null
wait $daemon || bad "ends with $?: $(grep -v '^cenoted: \(ready\|voice\)' log | head -n 9)"
daemon=

# A preset whose lines do what is no value.
mkdir -p presets/saves
cp "$tiny" presets/saves/weights.safetensors
printf '/voice/1/slot/kick/save\n/voice/1/rewind 1\n/voice/2/gain -3\n' >presets/saves/preset.osc
CENOTE_PRESET_PATH=$work/presets "$cenoted" --no-config --port 0 --no-audio --voices 2 saves 2>log &
daemon=$!
await_ready log
port=$(sed -n 's/^cenoted: ready: udp 127.0.0.1:\([0-9]*\),.*/\1/p' log)
[ "$(osc /sync 3)" = "/synced 3" ] || bad "a preset's questions are never answered"
osc /slot/list | grep -q '^/slot/list.reply kick saves' || bad "a preset's save: $(osc /slot/list)"
osc /quit >/dev/null
wait $daemon || bad "a preset's lines: ends with $?: $(grep -v '^cenoted: ' log | head -n 9)"
daemon=

# Mutated packets for a while; SIGTERM while they come.
CENOTE_BUILD_ROOT=$build python3 "$here/bench/flood.py" 5 >flood || bad "a flood: $(cat flood)"
CENOTE_BUILD_ROOT=$build python3 "$here/bench/flood.py" --term --seed 2 1 >flood ||
  bad "SIGTERM in a flood: $(cat flood)"
[ $failures -eq 0 ]
