#!/bin/sh
# SPDX-License-Identifier: ISC
# What a bundle sets at a time to come, the meters too, is answered and told then, and not before;
# what /clearSched drops never is; what comes late acts at once, and how late is told. A model that
# a voice was to play, and does not, may go.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONPATH=$here/bench python3 - "$work" <<'PY'
import shutil
import signal
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


def late():
    return asks.ask("/status")[10]


# Late are messages, not the machine.
daemon.process.send_signal(signal.SIGSTOP)
time.sleep(0.5)
daemon.process.send_signal(signal.SIGCONT)
asleep = late()
asks.send(bundle(asks.ask("/clock")[0] - 2**32, osc("/ping")))
hears.ask("/ping", reply="/late")
overdue = late()

later(0.6, 0.5)
before = pan(), told()
time.sleep(1.0)
after = pan(), told()
later(0.6, -1.0)
asks.send(osc("/voice/1/pan", 0.25))
asks.send(osc("/clearSched"))
time.sleep(1.0)
cleared = pan(), told()
# A key plays the slot that is its own when its note begins.
asks.ask("/voice/1/slot/3/save", reply="/done")
other = live.Client(daemon.port)


def bundled(seconds, *messages):
    other.send(bundle(other.ask("/clock")[0] + int(seconds * 2**32), *messages))


def rest():
    time.sleep(0.3)
    return [(at, *got) for at, got in iter(other.receive, None)]


bundled(1.6, osc("/mnote", 60, 1))
bundled(1.2, osc("/map", 60, 3), osc("/mnote", 60, 1), osc("/map", 61, 3), osc("/map", 61, 62), osc("/mnote", 61, 1))
other.send(osc("/mnote", 60, 1))
other.send(osc("/map", 60))
keys_before = rest()
bundled(0.2, osc("/mnote", 60, 1))
keys_still = rest()
time.sleep(1.5)
other.send(osc("/map", 60))
keys_after = rest()
bundled(0.8, osc("/map", 60, 7))
other.send(osc("/clearSched"))
time.sleep(1.2)
other.send(osc("/map", 60))
keys_cleared = rest()

# What is synced with, and done, in a bundle for later.
asks.ask("/voice/1/slot/5/save", reply="/done")
bundled(1.0, osc("/slot/free", 5), osc("/slot/write", 3, "early.state"), osc("/sync", 4))
early = rest()
asks.send(osc("/sync", 5))
unsynced = asks.receive(5.0)
time.sleep(1.2)
synced = rest()
bundled(0.5, osc("/sync", 4))
other.send(osc("/clearSched"))
unsynced = unsynced, rest()
for voice in (1, 2):
    other.send(osc("/voice/%d/run" % voice, 1))
rest()
told()

later(0.8, 0.75)
ACTIONS = ("/clearSched", "/quit", "/voice/1/reset", "/voice/1/level/0/tick", "/voice/1/level/0/reset",
           "/allnotesoff", "/voice/1/slot/6/save", "/voice/1/slot/6/load")
for action in ACTIONS:
    asks.send(osc(action, 0))
    asks.send(osc(action, 0.0))
    asks.send(osc(action, "no"))
asks.send(osc("/sync", 1))
mistyped = []
while not mistyped or mistyped[-1] != ("/synced", [1]):
    mistyped.append(asks.receive(5.0))
mistyped = [(at, told[0], told[-1]) for at, told in mistyped[:-1]]
time.sleep(1.2)
let_go = pan()
told()



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

# What follows from files, dropped when they are ready, and while they are read.
asks.ask("/voice/2/slot/3/save", reply="/done")
asks.ask("/slot/write", 3, "three.state", reply="/done")
COMMANDS = ("/rec/start", "/log/start", "/slot/read", "/voice/1/prime", "/voice/1/model", "/voice/1/slot/9/save")


def answers():
    asks.send(osc("/voice/2/slot/3/save"))  # the engine has taken what was sent before
    asks.send(osc("/sync", 7))
    got = []
    while not got or got[-1][0] != "/synced":
        got.append(asks.receive(5.0))
    return got[:-1]


def clear(patience, name):
    asks.send(bundle(asks.ask("/clock")[0] + int(2 * 2**32), osc("/rec/start", name + ".wav"), osc("/log/start", name + ".log"),
                     osc("/slot/read", 8, "three.state"), osc("/voice/1/prime", "prime.wav"), osc("/voice/1/model", "other"),
                     osc("/voice/1/slot/9/save")))
    time.sleep(patience)
    asks.send(osc("/clearSched"))
    got = answers()
    return sorted(g[1][0] for g in got if g[0] == "/fail" and g[1][1:] == ["dropped by /clearSched", 9])


unread = clear(0.0, "unread")
unbegun = clear(1.0, "read")
time.sleep(2.5)
asks.send(osc("/rec/stop"))
asks.send(osc("/log/stop"))
stopped = [g[1][2] for g in answers() if g[0] == "/fail"]
asks.send(osc("/slot/list"))
slots = [g[1][0] for g in answers() if g[0] == "/slot/list.reply"]
still = asks.ask("/model/info")[0] != "other"
empty = live.riff_frames(sys.argv[1] + "/read.wav")
again = [asks.ask("/rec/start", "again.wav", reply="/done")[0], asks.ask("/log/start", "again.log", reply="/done")[0]]
ended = daemon.end()
EMPTY = ("/fail", "/mnote", "slot 60 is empty", 3)
NOTE = [("/done", "/mnote", 1), ("/done", "/mnote", 2), ("/fail", "/mnote", "slot 62 is empty", 3), ("/map", 60, 3)]
keys_after = sorted(got for got in keys_after if not got[0].endswith("/ended"))
KEYS = sorted(NOTE)
SYNCED = [("/done", "/slot/free"), ("/done", "/slot/write", "early.state"), ("/synced", 4)]
UNSYNCED = ("/synced", [5]), [("/fail", "/sync", "dropped by /clearSched", 9)]
for what, got, want in (("late, asleep", asleep, 0), ("late, overdue", overdue, 1),
                        ("before its time", before, (0.0, [])), ("after", after, (0.5, [0.5])),
                        ("meters", metered, [0.0, False, 20.0, True, 20.0, True, True, False, 0.0]), ("late", lates, [(True, True)] * 3),
                        ("cleared", cleared, (0.25, [0.25])), ("keys before", keys_before, [("/map", 60, 60), EMPTY]), ("keys still", keys_still, [EMPTY]),
                        ("keys after", keys_after, KEYS), ("keys cleared", keys_cleared, [("/map", 60, 3)]),
                        ("synced early", early, []), ("synced", synced, SYNCED), ("never synced", unsynced, UNSYNCED),
                        ("mistyped", mistyped, [("/fail", action, 2) for action in ACTIONS]),
                        ("let go", let_go, 0.75), ("plays what it did", plays, True), ("primed", primed, [2, 2]),
                        ("dropped while read", unread, sorted(COMMANDS)), ("dropped when read", unbegun, sorted(COMMANDS)),
                        ("nothing to stop", stopped, [3, 3]), ("slots", slots, ["3"]), ("plays it still", still, True),
                        ("recorded", empty, 0), ("again", again, ["/rec/start", "/log/start"]), ("exit status", ended, 0)):
    if got != want:
        sys.exit("%s: %s, not %s" % (what, got, want))
PY
