#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Mutated packets by the million to the daemon's whole dispatch, in the fuzzer's process.

Usage: bench/fuzz_commands.py [-o FILE] [--program FILE] [--folder FOLDER] [PACKETS]
Runs BUILD/tests/fuzz/fuzz_commands (a build with -Dfuzz=true, see tests/fuzz/meson.build) in rounds
of ten minutes until PACKETS (default 10 million) have been given to it; a find ends a round, and is
kept in FOLDER (default: BUILD/fuzz-commands) beside the corpus. After each round, and at the end,
the sums as JSON to FILE (default bench/results/fuzz_commands.json). FOLDER/now.json has the round's
own numbers while it runs. Exit status 0: no find.
"""

import argparse
import glob
import json
import os
import subprocess
import sys

import live

ROUND_S = 600


def one_round(options, number):
    """Numbers of one round: packets, valid, executions, seconds."""
    counts = os.path.join(options.folder, "now.json")
    environment = dict(os.environ, CENOTE_FUZZ_COUNT=counts,
                       UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    if os.path.exists(counts):
        os.remove(counts)
    corpus = os.path.join(options.folder, "corpus")
    os.makedirs(corpus, exist_ok=True)
    with open(os.path.join(options.folder, "round-%d.log" % number), "w") as log:
        subprocess.run([options.program, "-max_total_time=%d" % ROUND_S, "-max_len=4096", "-len_control=0",
                        "-entropic=0", "-timeout=60", "-print_final_stats=1", "-close_fd_mask=2",
                        "-artifact_prefix=%s/" % options.folder, corpus],
                       env=environment, stdout=log, stderr=log, check=False)
    try:
        with open(counts) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def main():
    here = live.HERE
    parser = argparse.ArgumentParser()
    parser.add_argument("packets", nargs="?", type=int, default=10000000)
    parser.add_argument("-o", dest="out", default=os.path.join(here, "bench/results/fuzz_commands.json"))
    parser.add_argument("--program", default=os.path.join(live.BUILD, "tests/fuzz/fuzz_commands"))
    parser.add_argument("--folder", default=os.path.join(live.BUILD, "fuzz-commands"))
    options = parser.parse_args()
    options.folder = os.path.abspath(options.folder)
    os.makedirs(options.folder, exist_ok=True)
    date = subprocess.run(["git", "-C", here, "show", "-s", "--format=%cI"], capture_output=True, text=True)
    sums = {"packets": 0, "valid": 0, "executions": 0, "seconds": 0, "crashes": 0, "hangs": 0,
            "commit_date": date.stdout.strip(), "command": "bench/fuzz_commands.py %d" % options.packets}
    number = 0
    while sums["packets"] < options.packets:
        number += 1
        got = one_round(options, number)
        if not got or got["packets"] == 0:
            sys.exit("fuzz_commands: a round without packets: see round-%d.log" % number)
        for key, value in got.items():
            sums[key] += value
        finds = {kind: len(glob.glob(os.path.join(options.folder, kind + "-*")))
                 for kind in ("crash", "leak", "oom", "timeout")}
        sums["hangs"] = finds.pop("timeout")
        sums["crashes"] = sum(finds.values())
        with open(options.out, "w") as file:
            json.dump(sums, file, indent=2)
            file.write("\n")
    print(json.dumps(sums))
    return 0 if sums["crashes"] + sums["hangs"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
