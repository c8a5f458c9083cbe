#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Do time tags mean their exact sample? Triggers by liblo, looked for in the sound.

Usage: bench/accuracy.py [-n COUNT] [-o FILE] [fast] [timer] [jack]
fast: the daemon without a clock, to a file; timer: by the timer, to a file; jack: through a JACK
server of its own, heard by another client. Results as JSON to FILE (default
bench/results/accuracy.json) and as a table. Exit status 1: an onset is not where it should be; 77:
what was asked for cannot be had here, or the machine woke too late for JACK.
"""

import argparse
import array
import json
import os
import subprocess
import sys
import tempfile
import wave

import live

GAP_MS = 20
SILENT = 240  # frames before an onset


def onsets_of(path):
    """Frames where sound begins, from the first channel of a 16-bit file."""
    with wave.open(path, "rb") as file:
        channels = file.getnchannels()
        samples = array.array("h", file.readframes(file.getnframes()))[::channels]
    found, silent = [], 0
    for at, x in enumerate(samples):
        if x == 0:
            silent += 1
            continue
        if silent >= SILENT:
            found.append(at)
        silent = 0
    return found


def tags(daemon, count, first_s):
    return subprocess.run([os.path.join(live.BUILD, "bench", "osc_tags"), str(daemon.port), str(count),
                           str(GAP_MS), str(first_s), "1"], capture_output=True, text=True)


def by_file(folder, count, fast, lead=1.0):
    """`lead`: so many times as long until the first."""
    model = os.path.join(folder, "click.safetensors")
    live.click_model(model)
    sound = os.path.join(folder, "sound.wav")
    first_s = lead * (40.0 if fast else 1.5)  # voices run before it, and take their time
    seconds = first_s + count * GAP_MS * 2e-3 + 1.0
    args = ["--fast"] if fast else []
    daemon = live.Daemon(folder, *args, "--output", sound, "--format", "wav", "--rate", 48000, "--dry",
                         "--voices", 8, "--max-ahead", 3600, "--duration", seconds, model)
    run = tags(daemon, count, first_s)
    code = daemon.process.wait(120)
    want = [int(line) for line in run.stdout.split()]
    got = [at for at in onsets_of(sound) if want and at > want[0] - 4800]
    return compare(want, got, 0, run.returncode == 0 and code == 0, run.stderr)


def by_jack(folder, count):
    program = os.path.join(live.BUILD, "bench", "jack_onsets")
    if not os.path.exists(program):
        raise live.Missing("built without JACK")
    model = os.path.join(folder, "click.safetensors")
    live.click_model(model)
    jack = live.Jack(folder)
    try:
        daemon = live.Daemon(folder, "--ahead", 40, "--dry", "--max-ahead", 3600, model)
        heard = subprocess.Popen([program, "cenote:out_1", str(count)], stdout=subprocess.PIPE, text=True)
        run = tags(daemon, count, 3.0)
        got = [int(line) for line in heard.communicate()[0].split()]
        xruns = live.status(live.Client(daemon.port))["xruns"]
        daemon.end()
    finally:
        jack.stop()
    want = [int(line) for line in run.stdout.split()]
    offset = got[0] - want[0] if got and want else 0
    result = compare(want, got, offset, run.returncode == 0, run.stderr)
    result["xruns"] = xruns
    return result


def by_file_in_time(folder, count, fast):
    """Where the client was kept from sending before its tags' time, once more with more of it."""
    result = by_file(folder, count, fast)
    return result if ", 0 late," in result["said"] else by_file(folder, count, fast, 4.0)


def compare(want, got, offset, well, said):
    """How far each tag's onset is from its sample; the nearest onset counts."""
    errors, place = [], 0
    for tag in want:
        tag += offset
        while place + 1 < len(got) and abs(got[place + 1] - tag) <= abs(got[place] - tag):
            place += 1
        errors.append(got[place] - tag if got else None)
    exact = sum(error == 0 for error in errors)
    known = [error for error in errors if error is not None]
    return {"tags": len(want), "exact": exact, "worst": max(known, key=abs) if known else None,
            "onsets": len(got), "well": well, "said": said.strip()}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("ways", nargs="*", choices=["fast", "timer", "jack", []])
    parser.add_argument("-n", dest="count", type=int, default=1000)
    parser.add_argument("-o", dest="out", default=os.path.join(live.HERE, "bench", "results", "accuracy.json"))
    options = parser.parse_args()
    results, status = {}, 0
    for way in options.ways or ["fast", "timer", "jack"]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = by_jack(folder, options.count) if way == "jack" else by_file_in_time(
                    folder, options.count, way == "fast")
            except live.Missing as why:
                print("skipped: %s: %s" % (way, why))
                status = status or 77
                continue
        results[way] = result
        good = result["well"] and result["exact"] == result["tags"] == result["onsets"] == options.count
        print("%-5s %d of %d triggers on their sample, worst error %s frames; %s" % (
            way, result["exact"], result["tags"], result["worst"], result["said"]))
        if not good and result.get("xruns"):
            print("skipped: jack: %d xruns, this machine woke too late" % result["xruns"])
            status = status or 77
        elif not good:
            print(json.dumps(result))
            status = 1
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    with open(options.out, "w") as file:
        file.write(json.dumps(results, indent=1) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
