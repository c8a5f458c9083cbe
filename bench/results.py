#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Gathers what the programs of bench printed, and makes tables of it.

results.py gather FOLDER OUT.json COMMAND...   every JSON line of FOLDER/*.json into one file, with
                                               machine, date, versions and the command that ran
results.py peers RESULTS.json                  the table of bench/peers.sh
results.py sweep RESULTS.json                  the tables of bench/sweep.sh

Each object in FOLDER/NAME.json becomes a run; NAME itself is KEY=VALUE parts between commas, which
are added to it.
"""

import datetime
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys


def cpu():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def commit():
    folder = os.path.dirname(os.path.abspath(__file__))
    try:
        return subprocess.run(["git", "-C", folder, "describe", "--always", "--dirty"],
                              capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def objects(text):
    """The JSON objects that stand one after the other in `text`."""
    decoder = json.JSONDecoder()
    at = 0
    while (at := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        yield value


def gather(folder, out, *command):
    runs = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        keys = dict(part.split("=", 1) for part in path.stem.split(","))
        keys = {key: number(value) for key, value in keys.items()}
        runs += [{**run, **keys} for run in objects(path.read_text(encoding="utf-8"))]
    if not runs:
        sys.exit("results: nothing was measured")
    results = {
        "command": " ".join(command), "date": datetime.date.today().isoformat(),
        "machine": {"cpu": cpu(), "cores": os.cpu_count(), "system": system(),
                    "kernel": platform.release()},
        "commit": commit(), "runs": runs,
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def step_us(run):
    """A step by the clean measure; by the plain mean, where a bench has no other."""
    return run.get("clean_us", run.get("us_per_step"))


def show(number):
    """Three digits."""
    return f"{number:.{max(0, 2 - math.floor(math.log10(number)))}f}" if number > 0 else "0"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def closing(results):
    machine = results["machine"]
    print(f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; {results['date']}, "
          f"commit {results['commit']}: `{results['command']}`")


def by_round(runs, name, key):
    """Of each round what the run called `name` has under `key` (a function or a name)."""
    value = key if callable(key) else lambda run: run[key]
    return {run["round"]: value(run) for run in runs if run["name"] == name}


def ratio(above, below):
    """Median over the rounds that have both."""
    both = [above[r] / below[r] for r in above.keys() & below.keys()]
    return f"{statistics.median(both):.2f}" if both else "-"


def limits_table(runs):
    found = [run for run in runs if run["name"] == "limits"]
    if not found:
        return

    def best(pick):
        rates = [pick(run) for run in found]
        rates = [rate["best"] for rate in rates if rate]
        return f"{max(rates):.0f}" if rates else "-"

    sizes = [entry["bytes"] for entry in found[0]["read_gbs"]]
    rows = []
    for i, size in enumerate(sizes):
        text = f"{size >> 20} MB" if size >> 20 else f"{size >> 10} kB"
        rows.append([f"read {text}, GB/s", best(lambda run: run["read_gbs"][i]["one_thread"]),
                     best(lambda run: run["read_gbs"][i]["two_threads"])])
    for kind in ("f32", "bf16", "int8"):
        rows.append([f"{kind} multiply-adds, G/s", best(lambda run: run[kind + "_gmacs"]), ""])
    table([f"limit ({found[0]['isa']})", "one thread", "two, together"], rows)


def gemv_table(runs):
    names = [n for n in ("gemv_f32", "opus_f32", "gemv_int8", "opus_int8")
             if by_round(runs, n, "hot_ns")]
    rows = []
    for name in names:
        row = [name]
        for key in ("hot_ns", "stream_ns"):
            ours = by_round(runs, name.replace("opus", "gemv"), key)
            mine = by_round(runs, name, key)
            row += [f"{min(mine.values()):.0f}", ratio(mine, ours)]
        rows.append(row)
    if rows:
        table(["128 x 256 products", "hot, ns", "to ours", "streaming, ns", "to ours"], rows)


def peers(path):
    results = load(path)
    runs = results["runs"]
    precisions = ("f32", "bf16", "int8", "int4")
    ours = {p: by_round(runs, "cenote_" + p, step_us) for p in precisions}
    ours = {p: values for p, values in ours.items() if values}
    names = ["cenote_" + p for p in ours]
    names += sorted({r["name"] for r in runs if "clean_worst_us" in r} - set(names),
                    key=lambda n: -min(by_round(runs, n, step_us).values()))
    rows = []
    for name in names:
        steps = by_round(runs, name, step_us)
        worst = by_round(runs, name, lambda r: r.get("clean_worst_us", r.get("max_us")))
        rows.append([name, show(min(steps.values())), show(min(worst.values()))]
                    + [ratio(steps, ours[p]) for p in ours])
    table(["one voice, one thread", "us a step", "worst step, us"]
          + [f"times cenote's {p}" for p in ours], rows)
    race = [run for run in runs if run["name"] == "sgemv"]
    if race:
        fastest = min(race, key=lambda run: run["clean_us"])
        middle = statistics.median(run["ratio"] for run in race)
        print(f"In turns of one process the chain by sgemv takes {middle:.2f} times the engine's "
              f"whole f32 step: {show(fastest['clean_us'])} us, the engine "
              f"{show(min(run['engine_clean_us'] for run in race))} us.\n")
    gemv_table(runs)
    limits_table(runs)
    rows = [[r["program"], show(r["first_ms"])] for r in runs if r["name"] == "start"]
    if rows:
        table(["start to first sample", "ms"], rows)
    versions = sorted({f"{r['name']}: {r['version']}" for r in runs if "version" in r})
    closing(results)
    print("; ".join(versions))


def sweep(path):
    results = load(path)
    runs = results["runs"]
    precisions = [p for p in ("f32", "bf16", "int8", "int4")
                  if any(run["precision"] == p for run in runs)]

    def rows_of(keys):
        """{values of keys: {precision: run}}, in the order of those values."""
        rows = {}
        for run in runs:
            if all(key in run for key in keys):
                rows.setdefault(tuple(run[key] for key in keys), {})[run["precision"]] = run
        return sorted(rows.items())

    def cells(row, value):
        return [value(row[p]) if p in row else "-" for p in precisions]

    def step_and_worst(run):
        return f"{show(step_us(run))}, {show(run.get('clean_worst_us', run['max_us']))}"

    def each(run):
        held = run["voices"] * 1e6 / run["sample_rate"] / step_us(run)
        return f"{show(step_us(run) / run['voices'])} ({held:.2f})"

    voices = [(k, row) for k, row in rows_of(["panel", "threads", "voices"]) if k[0] == "voices"]
    if voices:
        table(["threads", "voices"] + [f"{p}: us a voice (voices held)" for p in precisions],
              [[str(k[1]), str(k[2])] + cells(row, each) for k, row in voices])
    widths = rows_of(["panel", "width"])
    if widths:
        table(["width"] + [f"{p}: us a step, worst" for p in precisions],
              [[str(k[1])] + cells(row, step_and_worst) for k, row in widths])
    pools = rows_of(["panel", "order", "pools", "pairs"])
    if pools:
        first = pools[0][1]
        table(["pools", "pairs"] + [f"{p}: us a step, worst" for p in precisions]
              + [f"{p}: to the first" for p in precisions],
              [[str(k[2]).replace("-", ","), str(k[3])] + cells(row, step_and_worst)
               + [f"{step_us(row[p]) / step_us(first[p]):.2f}"
                  if p in row and p in first else "-" for p in precisions]
               for k, row in pools])
    closing(results)


def main(arguments):
    commands = {"gather": gather, "peers": peers, "sweep": sweep}
    if len(arguments) < 2 or arguments[0] not in commands:
        sys.exit(__doc__)
    commands[arguments[0]](*arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
