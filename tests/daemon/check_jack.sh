#!/bin/sh
# SPDX-License-Identifier: ISC
# check_jack.sh [SECONDS]: cenoted on a JACK server of its own (dummy driver); what a JACK client
# records is what the daemon renders, without gap or repeat; --channels are ports.
set -u
seconds=${1:-5}
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$here/tests/support/await.sh"
build=${CENOTE_BUILD_ROOT:-$here/build}
cenoted=$build/daemon/cenoted
for need in jackd jack_lsp jack_rec sox python3; do
  command -v $need >/dev/null || { echo "skipped: $need is not installed"; exit 77; }
done
work=$(mktemp -d)
export JACK_DEFAULT_SERVER=cenote-test-$$ JACK_NO_START_SERVER=1
jackd -n "$JACK_DEFAULT_SERVER" -R -P 70 -d dummy -r 48000 -p 256 >"$work/jackd" 2>&1 &
server=$!
daemon=
trap 'kill $daemon $server 2>/dev/null; wait; rm -rf "$work"' EXIT
sleep 1
kill -0 $server 2>/dev/null || {
  echo "skipped: jackd does not start here: $(tail -n 1 "$work/jackd")"
  exit 77
}

# wants CHANNELS PORT...: its outputs, each followed by what it is connected to.
wants() {
  channels=$1
  shift
  "$cenoted" --channels "$channels" --ahead 100 --port 0 --duration 20 2>"$work/log" &
  daemon=$!
  await_ready "$work/log"
  for _ in $(seq 100); do # a starved server may miss a question, or drop a client that comes back
    got=$(jack_lsp -c | awk '/^[^ ]/ { mine = /^cenote:out/ } mine { print $1 }' | tr '\n' ' ')
    [ "$got" = "$* " ] && break
    sleep 0.1
  done
  kill -INT $daemon
  wait $daemon
  [ "$got" = "$* " ] || { echo "check_jack: --channels $channels: $got" && exit 1; }
}
p=system:playback_
wants 1 cenote:out_1 ${p}1 ${p}2
wants 2 cenote:out_1 ${p}1 cenote:out_2 ${p}2
wants 4 cenote:out_1 ${p}1 cenote:out_2 ${p}2 cenote:out_3 cenote:out_4
grep -q 'JACK has 2 ports that play: out_3 and up are not connected$' "$work/log" ||
  { cat "$work/log" && exit 1; }

"$cenoted" --ahead 40 --port 0 --seed 7 --dry --duration $((seconds + 4)) 2>"$work/log" &
daemon=$!
await_ready "$work/log"
jack_rec -f "$work/rec.wav" -d "$seconds" -b 24 cenote:out_1 cenote:out_2 >/dev/null 2>&1
wait $daemon
status=$?
daemon=
cat "$work/log"
[ $status -eq 0 ] || exit 1
"$cenoted" --fast --output "$work/want.wav" --rate 48000 --seed 7 --dry --port 0 \
  --duration $((seconds + 4)) 2>/dev/null
sox "$work/rec.wav" -b 16 -t raw "$work/rec.raw" remix 1 2>/dev/null
sox "$work/want.wav" -t raw "$work/want.raw" remix 1
# A late wake-up of the machine may cost an xrun, which the daemon counts: then the run says
# nothing of the daemon.
grep -q '^cenoted: 0 xruns' "$work/log" || { echo "skipped: this machine woke too late"; exit 77; }
python3 - "$work/rec.raw" "$work/want.raw" <<'PY'
import array, sys
got, want = (array.array("h", open(p, "rb").read()) for p in sys.argv[1:])
if max(map(abs, got)) < 1000:
    sys.exit("what was recorded is silence")
# Find the place of a loud stretch, then all must follow from there (16 bits, dithered by 1).
at = max(range(1000, len(got) - 3000, 500), key=lambda i: sum(map(abs, got[i:i + 500])))
piece = got[at:at + 64]
for offset in range(len(want) - 64):
    if all(abs(piece[k] - want[offset + k]) <= 2 for k in range(64)):
        shift = offset - at
        first = max(0, -shift)
        wrong = sum(abs(got[i] - want[i + shift]) > 2
                    for i in range(first, min(len(got), len(want) - shift)))
        print("recorded frames equal to rendered ones:", len(got) - first - wrong, "of", len(got) - first)
        sys.exit(1 if wrong else 0)
sys.exit("the recording is nowhere in the rendered sound")
PY
