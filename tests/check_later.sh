#!/bin/sh
# SPDX-License-Identifier: ISC
# What a bundle sets at a time to come is answered and told then, and not before; what /clearSched
# drops never is.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONPATH=$here/bench python3 - "$work" <<'PY'
import sys
import time
import live
from live import bundle, osc

daemon = live.Daemon(sys.argv[1], "--no-audio", "--voices", 2, live.TINY)
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
ended = daemon.end()
for what, got, want in (("before its time", before, (0.0, [])), ("after", after, (0.5, [0.5])),
                        ("cleared", cleared, (0.25, [0.25])), ("exit status", ended, 0)):
    if got != want:
        sys.exit("%s: %s, not %s" % (what, got, want))
PY
