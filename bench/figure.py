#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A picture of bench/sweep.sh's results: the time of a step against voices, width and pool factors.

Usage: bench/figure.py RESULTS.json OUT.svg
All axes of time are logarithmic. The red line is one sample period: what lies below it, or to its
left, plays in real time. Colours and marks hold on light and on dark ground.
"""

import math
import sys
from html import escape

from results import load, step_us

PRECISIONS = {"f32": "circle", "bf16": "square", "int8": "triangle", "int4": "diamond"}
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 13px; font-weight: 600 }
  .axis { stroke: #57606a; stroke-width: 1 }
  .grid { stroke: #8c959f; stroke-opacity: .28; stroke-width: 1 }
  .limit { stroke: #d1495b; stroke-width: 1.5; stroke-opacity: .8 }
  .small { font-size: 11px }
  .line { fill: none; stroke-width: 2 }
  .two { stroke-dasharray: 5 4 }
  .f32 { stroke: #3b82c4; fill: #3b82c4 }
  .bf16 { stroke: #d9822b; fill: #d9822b }
  .int8 { stroke: #2e9e5b; fill: #2e9e5b }
  .int4 { stroke: #a263c9; fill: #a263c9 }
  .line.f32, .line.bf16, .line.int8, .line.int4 { fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .axis { stroke: #9aa4af }
  }
"""
PERIOD_US = 62.5  # of a sample at 16 kHz
TOP, HEIGHT, WIDTH = 58, 250, 240


def mark(shape, x, y, kind):
    head = f'class="{kind}" stroke="none"'
    if shape == "circle":
        return f'<circle {head} cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    points = {"square": "-3.6,-3.6 3.6,-3.6 3.6,3.6 -3.6,3.6", "triangle": "0,-4.8 4.6,3.6 -4.6,3.6",
              "diamond": "0,-5.2 5.2,0 0,5.2 -5.2,0"}[shape]
    return f'<polygon {head} transform="translate({x:.1f} {y:.1f})" points="{points}"/>'


def text(x, y, words, anchor="middle", kind="", turn=False):
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}{turned}>{escape(words)}</text>'


def line(kind, x1, y1, x2, y2):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


class Log:
    """A logarithmic scale from low..high onto begin..end, with room on both sides."""

    def __init__(self, values, begin, end, room=1.25):
        self.low, self.high = min(values) / room, max(values) * room
        self.begin, self.end = begin, end

    def __call__(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        """1, 2 and 5 times powers of ten, or those powers alone where that is enough."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1, 2, 5) if self.high / self.low < 200 else (1, 3)
        marks = [m * 10.0**d for d in decades for m in steps]
        return [m for m in marks if self.low <= m <= self.high]


def series(runs, key):
    """{(precision, threads): [(x, us, ...)]}, x rising."""
    found = {}
    for run in runs:
        found.setdefault((run["precision"], run["threads"]), []).append((run[key], step_us(run)))
    order = list(PRECISIONS)
    return {k: sorted(found[k]) for k in sorted(found, key=lambda k: (order.index(k[0]), k[1]))}


def frame(left, title, label):
    return [text(left + WIDTH / 2, TOP - 10, title, kind="title"),
            line("axis", left, TOP + HEIGHT, left + WIDTH, TOP + HEIGHT),
            text(left + WIDTH / 2, TOP + HEIGHT + 36, label)]


def plain(number):
    return f"{number:g}"


def curves(left, title, label, runs, key):
    """Time upwards against a size."""
    if not runs:
        return frame(left, title, "not measured")
    lines = series(runs, key)
    values = sorted({x for points in lines.values() for x, _ in points})
    across = Log(values, left, left + WIDTH, 1.15)
    up = Log([us for points in lines.values() for _, us in points] + [PERIOD_US],
             TOP + HEIGHT, TOP)
    out = frame(left, title, label)
    out.append(line("axis", left, TOP, left, TOP + HEIGHT))
    for tick in up.ticks():
        out.append(line("grid", left, up(tick), left + WIDTH, up(tick)))
        out.append(text(left - 6, up(tick) + 4, plain(tick), "end"))
    for value in values:
        out.append(line("axis", across(value), TOP + HEIGHT, across(value), TOP + HEIGHT + 4))
        out.append(text(across(value), TOP + HEIGHT + 18, plain(value)))
    out.append(line("limit", left, up(PERIOD_US), left + WIDTH, up(PERIOD_US)))
    for (precision, threads), points in lines.items():
        path = " ".join(f"{across(x):.1f},{up(us):.1f}" for x, us in points)
        dashed = " two" if threads > 1 else ""
        out.append(f'<polyline class="line {precision}{dashed}" points="{path}"/>')
        out += [mark(PRECISIONS[precision], across(x), up(us), precision) for x, us in points]
    return out


def rows(left, title, runs):
    """Time to the right, a row for each list of pools."""
    label = "µs a step"
    if not runs:
        return frame(left, title, "not measured")
    names = sorted({(run["order"], run["pools"], run["pairs"]) for run in runs})
    across = Log([step_us(run) for run in runs] + [PERIOD_US], left, left + WIDTH)
    out = frame(left, title, label)
    for tick in across.ticks():
        out.append(line("grid", across(tick), TOP, across(tick), TOP + HEIGHT))
        out.append(text(across(tick), TOP + HEIGHT + 18, plain(tick)))
    out.append(line("limit", across(PERIOD_US), TOP, across(PERIOD_US), TOP + HEIGHT))
    for i, (order, pools, pairs) in enumerate(names):
        y = TOP + (i + 0.5) * HEIGHT / len(names)
        out.append(line("grid", left, y, left + WIDTH, y))
        shown = "no pools" if pools == "none" else str(pools).replace("-", " · ")
        out.append(text(left - 8, y - 1, shown, "end"))
        out.append(text(left - 8, y + 12, f"{pairs} pairs", "end", "small"))
        out += [mark(PRECISIONS[run["precision"]], across(step_us(run)), y, run["precision"])
                for run in runs if run["order"] == order]
    return out


def legend(runs):
    out, x = [], 56
    for precision in (p for p in PRECISIONS if any(run["precision"] == p for run in runs)):
        out.append(mark(PRECISIONS[precision], x, 16, precision))
        out.append(text(x + 9, 20, precision, "start"))
        x += 58
    if any(run["threads"] > 1 for run in runs):
        for words, kind in (("one thread", ""), ("two threads", " two")):
            out.append(f'<line class="axis line{kind}" x1="{x}" y1="16" x2="{x + 26}" y2="16"/>')
            out.append(text(x + 32, 20, words, "start"))
            x += 116
    out.append(line("limit", x, 16, x + 26, 16))
    out.append(text(x + 32, 20, "real time at 16 kHz", "start"))
    return out


def draw(results):
    runs = results["runs"]
    panel = {name: [run for run in runs if run["panel"] == name]
             for name in ("voices", "width", "pools")}
    lefts = (56, 56 + WIDTH + 62, 56 + 2 * WIDTH + 62 + 118)
    width, height = lefts[2] + WIDTH + 16, TOP + HEIGHT + 62
    cpu = results["machine"]["cpu"]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             f'width="{width}" height="{height}" role="img">',
             "<!-- SPDX-License-Identifier: ISC -->",
             f"<title>Time of a step on {escape(cpu)}</title>", f"<style>{STYLE}</style>"]
    parts += legend(runs)
    parts.append(text(14, TOP + HEIGHT / 2, "µs a step", turn=True))
    parts += curves(lefts[0], "all voices, SC09 size", "voices", panel["voices"], "voices")
    parts += curves(lefts[1], "width, one voice", "features", panel["width"], "width")
    parts += rows(lefts[2], "pool factors, width 128", panel["pools"])
    parts.append(text(width - 16, height - 6, f"{cpu}, {results['date']}", "end", "small"))
    return "\n".join(parts) + "\n</svg>\n"


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    with open(arguments[1], "w", encoding="utf-8") as file:
        file.write(draw(load(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
