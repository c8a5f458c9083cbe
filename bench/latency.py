#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""From /trigger to its first sample at the JACK output, beside what /latency says.

Usage: bench/latency.py [-n COUNT] [-o FILE] [AHEAD_MS...]
Measured to the start of the period in which the first sample is handed over, and its place in it:
the device's own latency, which /latency has too, comes on top. A server of its own at 48 kHz and 64 frames; --block 16, so that blocks cost no more than they must.
A table in Markdown; the numbers as JSON to FILE (default bench/results/latency.json). Exit status 1:
a trigger is not heard; 77: no JACK here.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import live

RATE = 48000


def measure(folder, ahead_ms, count):
    program = os.path.join(live.BUILD, "bench", "jack_onsets")
    model = os.path.join(folder, "click.safetensors")
    live.click_model(model)
    daemon = live.Daemon(folder, "--ahead", ahead_ms, "--block", 16, "--dry", model)
    client = live.Client(daemon.port)
    for address in ("/voice/1/attack", "/voice/1/release", "/voice/1/run"):
        client.send(live.osc(address, 0))
    client.send(live.osc("/voice/1/slot/0/save"))
    told = client.ask("/latency")
    run = subprocess.run([program, "cenote:out_1", str(count), str(daemon.port)],
                         capture_output=True, text=True)
    xruns = live.status(client)["xruns"]
    code = daemon.end()
    ms = sorted(int(line) * 1e3 / RATE for line in run.stdout.split())
    if not ms:
        raise RuntimeError("nothing is heard: " + run.stderr)
    return {"ahead_ms": ahead_ms, "triggers": len(ms), "asked": count, "median_ms": ms[len(ms) // 2],
            "p99_ms": ms[len(ms) * 99 // 100], "worst_ms": ms[-1], "least_ms": ms[0],
            "told_ms": dict(zip(("total", "device", "ahead", "resampler"), told)), "xruns": xruns,
            "exit": code, "well": run.returncode == 0 and code == 0}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("ahead", nargs="*", type=float, default=[2.0, 5.0, 10.0])
    parser.add_argument("-n", dest="count", type=int, default=1000)
    parser.add_argument("-o", dest="out", default=os.path.join(live.HERE, "bench", "results", "latency.json"))
    options = parser.parse_args()
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            if not os.path.exists(os.path.join(live.BUILD, "bench", "jack_onsets")):
                raise live.Missing("built without JACK")
            jack = live.Jack(folder, frames=64, rate=RATE)
        except live.Missing as why:
            print("skipped: %s" % why)
            return 77
        try:
            print("| `--ahead` | median | p99 | worst | `/latency`: total | device | ahead | resampler | xruns |")
            print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
            for ahead_ms in options.ahead:
                row = measure(folder, ahead_ms, options.count)
                told = row["told_ms"]
                print("| %g ms | %.2f ms | %.2f ms | %.2f ms | %.2f ms | %.2f | %.2f | %.2f | %d |" % (
                    ahead_ms, row["median_ms"], row["p99_ms"], row["worst_ms"], told["total"],
                    told["device"], told["ahead"], told["resampler"], row["xruns"]), flush=True)
                rows.append(row)
                with open(options.out, "w") as file:
                    file.write(json.dumps(rows, indent=1) + "\n")
        finally:
            jack.stop()
    return 0 if rows and all(row["well"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
