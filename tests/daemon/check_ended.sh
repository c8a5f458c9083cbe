#!/bin/sh
# SPDX-License-Identifier: ISC
# /voice/N/ended comes once for each note, to whoever triggered it and to those who are notified: at
# the end of its release, when another note takes its voice, and when its voice is told to stop.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONPATH=$here/bench python3 - "$work" <<'PY'
import sys
import time
import live
from live import bundle, osc

daemon = live.Daemon(sys.argv[1], "--no-audio", "--voices", 2, "--duration", 60, live.TINY)
first, second, hears, other = [live.Client(daemon.port) for _ in range(4)]
hears.ask("/notify", 1, reply="/done")
other.ask("/voice/1/slot/1/save", reply="/done")
for voice in (1, 2):
    other.send(osc("/voice/%d/run" % voice, 0))


def heard(client, settle=0.4):
    """What has come, but for changes of values."""
    time.sleep(settle)
    got = [(address, *rest) for address, rest in iter(client.receive, None)]
    return [told for told in got if told[0] in ("/done", "/fail") or told[0].endswith("/ended")]


def want(what, *wanted):
    got = [heard(first), heard(second, 0.0), heard(hears, 0.0)]
    if got != list(wanted):
        sys.exit("%s: %s, not %s" % (what, got, wanted))


def plays(voice):
    return ("/done", "/trigger", voice)


want("a voice that plays no note", [], [], [])
first.send(osc("/trigger", 1))
want("begun", [plays(1)], [], [])
first.send(osc("/trigger", 1))
want("another", [plays(2)], [], [])
second.send(osc("/trigger", 1))
want("taken over", [("/voice/1/ended",)], [plays(1)], [("/voice/1/ended",)])
first.send(osc("/trigger", 1))
want("one's own taken over", [("/voice/2/ended",), plays(2)], [], [("/voice/2/ended",)])
other.send(osc("/voice/1/run", 0))
want("stopped", [], [("/voice/1/ended",)], [("/voice/1/ended",)])
other.send(osc("/voice/1/run", 0))
other.send(osc("/voice/1/run", 1))
other.send(osc("/voice/1/run", 0))
want("no note any more", [], [], [])
other.send(bundle(other.ask("/clock")[0] + (1 << 32), osc("/voice/2/run", 0)))
want("not before", [], [], [])
time.sleep(1.0)
want("stopped in a bundle", [("/voice/2/ended",)], [], [("/voice/2/ended",)])
second.send(osc("/trigger", 1, 0.1))
want("by itself", [], [plays(1), ("/voice/1/ended",)], [("/voice/1/ended",)])
other.send(osc("/voice/1/release", 5000.0))
second.send(osc("/trigger", 1, 0.1))
want("in its release", [], [plays(1)], [])
other.send(osc("/voice/1/run", 0))
want("stopped in its release", [], [("/voice/1/ended",)], [("/voice/1/ended",)])
first.send(osc("/mnote", 1, 100))
want("a key", [("/done", "/mnote", 1)], [], [])
daemon.end()
PY
