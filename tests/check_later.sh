#!/bin/sh
# SPDX-License-Identifier: ISC
# What a bundle sets at a time to come, the meters too, is answered and told then, and not before;
# what /clearSched drops never is; what comes late acts at once, and how late is told. A model that
# a voice was to play, and does not, may go.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONPATH=$here/bench python3 - "$work" <<'PY'
import shutil
import sys
import time
import live
from live import bundle, osc

shutil.copy(live.TINY, sys.argv[1] + "/tiny.safetensors")
live.subprocess.run([live.BUILD + "/cli/cenote", "render", live.TINY, "--samples", "4000", "-o",
                     sys.argv[1] + "/prime.wav"], check=True, capture_output=True)
daemon = live.Daemon(sys.argv[1], "--no-audio", "--voices", 2, "--media-dir", sys.argv[1], live.TINY)
asks, hears = live.Client(daemon.port), live.Client(daemon.port)
hears.ask("/notify", 1, reply="/done")


def pan():
    return asks.ask("/voice/1/pan", reply="/voice/1/pan")[0]


def told():
    got, all_of_it = hears.receive(0.0), []
    while got:
        all_of_it += [got[1][0]] if got[0] == "/voice/1/pan" else []
        got = hears.receive(0.0)
    return all_of_it


def later(seconds, number):
    asks.send(bundle(asks.ask("/clock")[0] + int(seconds * 2**32), osc("/voice/1/pan", number)))


later(0.6, 0.5)
before = pan(), told()
time.sleep(1.0)
after = pan(), told()
later(0.6, -1.0)
asks.send(osc("/voice/1/pan", 0.25))
asks.send(osc("/clearSched"))
time.sleep(1.0)
cleared = pan(), told()



def late(tag):
    """Whether a tag in the past acts at once, how late it is said to be, and how late it is."""
    now = asks.ask("/clock")[0]
    while hears.receive(0.0):
        pass
    asks.send(bundle(tag(now), osc("/voice/1/pan", -0.5)))
    got = hears.receive(1.0)
    while got and got[0] != "/late":
        got = hears.receive(1.0)
    acted = asks.ask("/voice/1/pan", reply="/voice/1/pan")[0] == -0.5
    asks.send(osc("/voice/1/pan", 0.25))
    seconds = (now - tag(now)) / 2**32
    return acted, got and abs(got[1][0] - seconds) < 1.0 + 1e-6 * seconds


lates = [late(tag) for tag in (lambda now: now - (1000 << 32), lambda now: 2,
                               lambda now: now - (2208988800 << 32))]

def meters(seconds):
    """How many reports of the meter come in that time."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        got = hears.receive(0.05)
        count += bool(got and got[0] == "/voice/1/meter")
    return count


def at(seconds, hz):
    asks.send(bundle(asks.ask("/clock")[0] + int(seconds * 2**32), osc("/meter", hz)))
    return asks.ask("/meter", reply="/meter")[0]


metered = [at(1.2, 20.0), meters(0.6) > 0]
time.sleep(0.9)
metered += [asks.ask("/meter", reply="/meter")[0], meters(0.6) > 4, at(1.2, 0.0)]
metered += [meters(0.6) > 4, meters(0.9) < 16, meters(0.4) > 0, at(0.0, 0.0)]
asks.ask("/model/load", "tiny.safetensors", "other", reply="/done")
asks.send(bundle(asks.ask("/clock")[0] + int(5 * 2**32), osc("/voice/1/model", "other")))
time.sleep(0.5)
asks.send(osc("/clearSched"))
plays = asks.ask("/model/info")[0] != "other"
asks.ask("/model/load", "tiny.safetensors", "other", reply="/done")  # the first one goes
primed = [len(asks.ask("/voice/1/prime", "prime.wav", reply="/done") or []) for _ in range(2)]
ended = daemon.end()
for what, got, want in (("before its time", before, (0.0, [])), ("after", after, (0.5, [0.5])),
                        ("meters", metered, [0.0, False, 20.0, True, 20.0, True, True, False, 0.0]),
                        ("cleared", cleared, (0.25, [0.25])), ("late", lates, [(True, True)] * 3),
                        ("plays what it did", plays, True), ("primed", primed, [2, 2]),
                        ("exit status", ended, 0)):
    if got != want:
        sys.exit("%s: %s, not %s" % (what, got, want))
PY
