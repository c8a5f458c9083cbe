#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The most voices of a preset that play without an xrun while the machine compiles.

Usage: bench/load.py [-o FILE] [--model MODEL] [--precision P] [--ahead MS] [--step S] [MINUTES]
On a JACK server of its own (dummy driver, 48 kHz, 256 frames). Doubles the voices, then halves the
gap, S seconds each (default 20); then plays the most for MINUTES (default 10), fewer by one when
there is an xrun or a voice is shed, and so on; at last twice as many, to see what is shed. Each try
is a line of JSON in FILE (default bench/results/load.jsonl).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import live


def compile_always(folder):
    """A shell that builds this source again and again, in a folder of its own."""
    build = os.path.join(folder, "busy")
    run = subprocess.run(["meson", "setup", build, live.HERE, "--buildtype=release"], capture_output=True)
    if run.returncode != 0 or not shutil.which("ninja"):
        raise live.Missing("meson cannot set up a build to keep the machine busy")
    script = 'while :; do ninja -C "$0" -t clean; ninja -j1 -C "$0"; done'
    return subprocess.Popen(["sh", "-c", script, build], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True)


def play(options, folder, voices, seconds, out, past=False):
    """Whether so many voices play for so long without an xrun. past: whatever happens."""
    daemon = live.Daemon(folder, "--voices", voices, "--ahead", options.ahead, "--precision",
                         options.precision, options.model)
    client = live.Client(daemon.port)
    time.sleep(1.0)
    first, began = live.status(client), time.monotonic()
    last, peak = first, 0.0
    while time.monotonic() - began < seconds and daemon.alive():
        time.sleep(min(1.0, seconds))
        last = live.status(client) or last
        peak = max(peak, last["load_peak"])
        if not past and (last["xruns"] > first["xruns"] or last["sounding"] < voices):
            break
    code = daemon.end()
    row = {"model": options.model, "precision": options.precision, "ahead_ms": options.ahead,
           "voices": voices, "sounding": last["sounding"], "seconds": round(time.monotonic() - began, 1),
           "exit": code, "xruns": last["xruns"] - first["xruns"], "load_mean": round(last["load_mean"], 1),
           "load_peak": round(peak, 1)}
    out.write(json.dumps(row) + "\n")
    out.flush()
    print(row, flush=True)
    return row["xruns"] == 0 and row["sounding"] == voices and code == 0


def search(options, folder, out):
    """The most voices of a short try; 0: not even one."""
    most, refused = 0, 65
    while refused - most > 1:
        voices = min(64, max(1, most * 2)) if refused == 65 else (most + refused) // 2
        if play(options, folder, voices, options.step, out):
            most = voices
        else:
            refused = voices
    return most


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=10.0)
    parser.add_argument("-o", dest="out", default=os.path.join(live.HERE, "bench", "results", "load.jsonl"))
    parser.add_argument("--model", default="starter")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--ahead", type=float, default=40.0)
    parser.add_argument("--step", type=float, default=20.0)
    options = parser.parse_args()
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    jack = busy = None
    with tempfile.TemporaryDirectory() as folder, open(options.out, "a") as out:
        try:
            jack = live.Jack(folder)
            busy = compile_always(folder)
            voices = search(options, folder, out)
            while voices > 0 and not play(options, folder, voices, 60.0 * options.minutes, out):
                voices -= 1
            play(options, folder, min(64, 2 * voices), options.step, out, past=True)
            print("%d voices of %s for %g minutes without an xrun" % (voices, options.model, options.minutes))
        except live.Missing as why:
            print("skipped: %s" % why)
            return 77
        finally:
            if busy:
                os.killpg(busy.pid, 15)
                busy.wait()
            if jack:
                jack.stop()
    return 0 if voices > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
