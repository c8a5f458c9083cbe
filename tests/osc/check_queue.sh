#!/bin/sh
# SPDX-License-Identifier: ISC
# What waits for its time: 4096 commands, and a bundle that finds no room for all of its own is none.
# While the queue is full, what is for now is done, and what waits is dropped by /clearSched.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONPATH=$here/bench python3 - "$work" <<'PY'
import os
import sys
import time
import live
from live import bundle, osc

work = sys.argv[1]


def start(*more):
    daemon = live.Daemon(work, *more or ["--no-audio"], "--voices", 2, "--media-dir", work, "--max-ahead", 60, "--duration", 60, live.TINY)
    return daemon, live.Client(daemon.port)


def heard(client, until="/pong"):
    """All that comes up to a pong, which the daemon says after it."""
    got, told = [], None
    if until == "/pong":
        client.send(osc("/ping"))
    while told != until:
        answer = client.receive(5.0)
        if answer is None:
            sys.exit("no %s after %s" % (until, got[-3:]))
        told = answer[0]
        got.append(answer)
    return got[:-1] if until == "/pong" else got


def value(client, address):
    return client.ask(address, reply=address)[0]


def later(client, seconds, *messages):
    client.send(bundle(client.ask("/clock")[0] + int(seconds * 2**32), *messages))


def settled(client):
    """The engine has taken what was sent before this, and its places are free: by the next segment."""
    client.ask("/voice/2/slot/9/save", reply="/done")
    time.sleep(0.05)


def want(what, got, wanted):
    if got != wanted:
        sys.exit("%s: %.300s, not %.300s" % (what, got, wanted))


def full(client, seconds):
    for _ in range(4):
        later(client, seconds, *[osc("/voice/1/pan", 0.5)] * 1000)
    later(client, seconds, *[osc("/voice/1/pan", 0.5)] * 96)
    want("4096 fit", heard(client), [])


def refused(*commands):
    return [("/fail", [command, "the queue is full", 9]) for command in commands]


daemon, client = start("--output", work + "/out.wav", "--dry")
full(client, 20)
later(client, 20, osc("/voice/1/pan", 0.5))
want("one more", heard(client), refused("/voice/1/pan"))
client.send(osc("/clearSched"))
settled(client)

# A bundle for which there is half the room it wants.
full(client, 20)
client.send(osc("/clearSched"))
settled(client)
for _ in range(4):
    later(client, 20, *[osc("/voice/1/pan", 0.5)] * 1000)
later(client, 0.8, osc("/voice/2/pan", 0.75), osc("/voice/1/slot/1/save"), osc("/rec/start", "none.wav"),
      *[osc("/voice/2/gain", -3)] * 100)
want("too long by seven", sorted(heard(client)), sorted(refused(
    "/voice/2/pan", "/voice/1/slot/1/save", "/rec/start", *["/voice/2/gain"] * 100)))
time.sleep(1.1)
want("none of it", (value(client, "/voice/2/pan"), value(client, "/voice/2/gain"), os.path.exists(work + "/none.wav")),
     (0.0, 0.0, False))
later(client, 0.8, *[osc("/voice/2/pan", 0.25)] * 96)
want("what fits", heard(client), [])
later(client, 20, osc("/voice/set", 2, "pan", 1.0, "gain", -4), osc("/voice/*/mute", 1))
want("one answer each", heard(client), refused("/voice/set", "/voice/*/mute"))
time.sleep(1.1)
want("at its time", value(client, "/voice/2/pan"), 0.25)

# Full: what is for now.
later(client, 20, *[osc("/voice/1/pan", 0.5)] * 96)
client.send(osc("/voice/2/run", 0))
client.send(osc("/gain", -90.0))
settled(client)
time.sleep(0.3)
want("stands", client.ask("/status")[2], 1)
quiet = client.ask("/status")[13]
time.sleep(0.3)
client.send(osc("/gain", 0.0))
client.send(osc("/clearSched"))
settled(client)
later(client, 0.8, *[osc("/voice/1/pan", -0.5)] * 1000)
want("empty", heard(client), [])
time.sleep(1.1)
want("cleared", value(client, "/voice/1/pan"), -0.5)

# As many answers are waited for.
for _ in range(4):
    later(client, 20, *[osc("/trigger", 5)] * 1000)
later(client, 20, *[osc("/trigger", 5)] * 95, osc("/voice/1/slot/5/save"))
want("4096 answers", heard(client), [])
later(client, 20, osc("/trigger", 5))
want("one more answer", heard(client), refused("/trigger"))
client.send(osc("/sync", 6))
want("synced, though they wait", client.receive(5.0), ("/synced", [6]))
client.send(osc("/clearSched"))
want("dropped", heard(client, "/fail")[-1][1], ["/trigger", "dropped by /clearSched", 9])
settled(client)
time.sleep(0.3)
heard(client)
full(client, 20)
client.send(osc("/clearSched"))
settled(client)

# The end, when the queue is full; in a bundle, at its time, but for what drops it.
later(client, 0.8, osc("/quit"))
client.send(osc("/clearSched"))
want("dropped", client.receive(5.0), ("/fail", ["/quit", "dropped by /clearSched", 9]))
time.sleep(1.1)
now, frame, rate = client.ask("/clock")
client.send(bundle(now + 2**31, osc("/quit")))
want("before its time", heard(client), [])
want("at its time", client.receive(5.0), ("/done", ["/quit"]))
want("exit status", daemon.process.wait(10), 0)
file, size = live.data_of(work + "/out.wav")
sound = memoryview(file.read(size)).cast("h")
at = 2 * (frame + int(rate / 2))
fade = 2 * int(0.020 * rate)
want("silence", any(sound[2 * quiet:2 * quiet + 2000]), False)
want("sounds until then", any(sound[at - 200:at]), True)
want("fades", 0 < max(map(abs, sound[at + fade * 3 // 4:at + fade])) <= max(map(abs, sound[at - fade:at])) / 2, True)
want("has faded", (len(sound) >= at + fade, any(sound[at + fade + 4:])), (True, False))

daemon, client = start("--output", work + "/out.wav", "--dry")
full(client, 20)
client.send(osc("/quit"))
heard(client, "/done")
want("exit status", daemon.process.wait(10), 0)
file, size = live.data_of(work + "/out.wav")
sound = memoryview(file.read(size)).cast("h")
want("a fade at the end", max(map(abs, sound[-8:])) < 64, True)
PY
