#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Mutated OSC packets by UDP, as many as go, at a cenoted that plays and records.

Usage: bench/flood.py [-o FILE] [--seed N] [--term] [SECONDS]
Packets are those of soak.py with bytes changed, cut, doubled and strewn with what a parser trips on;
none of them asks the daemon to end.
Exit status 0: the daemon lives, answers and plays on in time, ends with 0 at SIGTERM (--term: sent
while the flood goes on), and its output and take are whole. Numbers as JSON to FILE, if named, and
to standard output.
"""

import argparse
import fnmatch
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time

import live
import soak
from live import osc

AWKWARD = (b"\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"#bundle\0", b",", b"[", b"{a,b}",
           b"*", b"?", b"/", b"//", b"/../", b"%n%s", b"\0\0\0\1", b"\x7f\xc0\0\0", b",bTFNI[]\0\0\0")


def mutated(r, packet):
    data = bytearray(packet)
    for _ in range(r.choice((1, 1, 1, 2, 4, 16))):
        at = r.randrange(len(data) + 1)
        kind = r.randrange(5)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << r.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = r.randrange(256)
        elif kind == 2:
            data[at:at + r.choice((0, 1, 4))] = r.choice(AWKWARD)
        elif kind == 3:
            del data[at:at + r.choice((1, 4, 8, 1000))]
        else:
            data[at:at] = data[max(0, at - r.choice((4, 8, 64))):at] * r.choice((1, 1, 3, 20))
    return bytes(data[:8000])


def quits(data):
    """Whether an address of one level in it means /quit, perhaps among others."""
    return any(fnmatch.fnmatchcase("quit", re.sub(r"\{[^}]*\}?", "*", name.decode("latin-1")))
               for name in re.findall(rb"(?:^|\W)/([^/\0]*[*?\[{q][^/\0]*)\0", data))


def flood(r, commands, client, now, end, daemon):
    """Packets sent until `end`."""
    sent = 0
    while time.monotonic() < end and daemon.alive():
        for _ in range(100):
            packet = commands.packet(now)
            if r.random() < 0.9:
                packet = mutated(r, packet)
            if not quits(packet):
                client.send(packet)
        sent += 100
        while sent % 1000 == 0 and client.receive():
            pass
    return sent


def pace(watch):
    """Frames a second over a while, against the nominal rate; None: no answer."""
    before, began = live.status(watch), time.monotonic()
    time.sleep(1.5)
    after, took = live.status(watch), time.monotonic() - began
    if not before or not after:
        return None
    return (after["clock"] - before["clock"]) / took / after["rate_nominal"]


def plays_on(watch):
    """Its pace once a busy machine has caught up, if it does."""
    best = 0.0
    for _ in range(6):
        now = pace(watch)
        if now is None:
            return None
        best = max(best, now)
        if best > 0.9:
            break
    return best


def files_broken(folder, media):
    broken = []
    for path in [os.path.join(folder, "out.wav")] + [
            os.path.join(media, name) for name in sorted(os.listdir(media)) if name.endswith(".wav")]:
        try:
            live.frames_of(path)
        except (OSError, ValueError) as error:
            broken.append("%s: %s" % (os.path.basename(path), error))
    return broken


def run(options, folder):
    media = os.path.join(folder, "media")
    os.mkdir(media)
    shutil.copy(live.TINY, os.path.join(media, "tiny.safetensors"))
    daemon = live.Daemon(folder, "--output", os.path.join(folder, "out.wav"), "--voices", 2, "--media-dir",
                         media, live.TINY)
    client, watch = live.Client(daemon.port), live.Client(daemon.port)
    began = watch.ask("/rec/start", "flood.wav", reply="/done") is not None
    now = watch.ask("/clock")[0]
    r = random.Random(options.seed)
    commands = soak.Commands(options.seed, 2, 4.0)
    end = time.monotonic() + options.seconds
    result = {"seconds": options.seconds, "seed": options.seed, "recording": began}
    sent = flood(r, commands, client, now, end, daemon)
    result["alive"] = daemon.alive()
    if options.term and daemon.alive():
        daemon.process.terminate()
        began_s = time.monotonic()
        sent += flood(r, commands, client, now, began_s + 20.0, daemon)
        result["ended_s"] = round(time.monotonic() - began_s, 2)
    elif daemon.alive():
        while client.receive():
            pass
        time.sleep(1.0)  # what waits in the socket
        result["pace"] = plays_on(watch)
        result["sounding"] = (live.status(watch) or {}).get("sounding")
    result.update(packets=sent, exit=daemon.end(), broken=files_broken(folder, media),
                  log=open(daemon.log).read()[-1500:])
    paced = options.term or (result.get("pace") or 0.0) > 0.7
    result["well"] = bool(began and result["alive"] and paced and result["exit"] == 0 and not result["broken"]
                          and os.path.exists(os.path.join(media, "flood.wav")))
    return result


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("-o", dest="out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--term", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(run(options, folder), indent=1)
    print(text)
    if options.out:
        os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
        with open(options.out, "w") as file:
            file.write(text + "\n")
    return 0 if json.loads(text)["well"] else 1


if __name__ == "__main__":
    sys.exit(main())
