#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the controls of each level do to a model: tables and pictures of doc/levels.md.

Usage: bench/levels.py [-b BUILD] [-d DATA] [-o FOLDER] [-j JOBS] [MODEL]
DATA: folder whose beat-*.flac are listened to. Tables go to standard output as Markdown, pictures
to FOLDER as levels-N.png and levels-memory.svg.
"""

import argparse
import array
import glob
import math
import os
import struct
import subprocess
import sys
import zlib
from cmath import exp
from html import escape
from multiprocessing.pool import ThreadPool, Pool

RATE = 16000
WINDOW = 512
SEEDS = (1, 2, 3)
OTHERS = ((4, 5, 6), (7, 8, 9), (10, 11, 12))  # of neutral voices: how far chance alone goes
PLAY_S, LISTEN_S = 6, 6  # the first second of each is neutral and not measured
RESET_S = 1.5  # between the resets of the memory curve
SETTINGS = [("gain", "0"), ("gain", "0.5"), ("gain", "2"), ("gain", "4"), ("freeze", "1"),
            ("clock", "0"), ("clock", "0.5"), ("clock", "2"), ("noise", "0.05"), ("noise", "0.2"),
            ("noise", "1"), ("reset", "0.5")]
PICTURES = [None, ("gain", "0"), ("gain", "4"), ("freeze", "1"), ("clock", "0.5"), ("clock", "2"),
            ("noise", "1"), ("reset", "0.5")]
EDGES_MS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500)
HANN = [0.5 - 0.5 * math.cos(2 * math.pi * i / WINDOW) for i in range(WINDOW)]
TURN = {1 << k: [exp(-2j * math.pi * i / (1 << k)) for i in range(1 << k >> 1)] for k in range(1, 10)}


def fft(x):
    n = len(x)
    if n == 1:
        return x
    even, odd = fft(x[::2]), fft(x[1::2])
    turned = [w * b for w, b in zip(TURN[n], odd)]
    return [a + b for a, b in zip(even, turned)] + [a - b for a, b in zip(even, turned)]


def spectra(sound, hop):
    """Power of each bin from 1 to WINDOW / 2, frame by frame. A sine of full scale has 1."""
    size = (sum(HANN) / 2) ** 2
    out = []
    for at in range(0, len(sound) - WINDOW + 1, hop):
        bins = fft([w * s for w, s in zip(HANN, sound[at:at + WINDOW])])
        out.append([(b.real * b.real + b.imag * b.imag) / size for b in bins[1:WINDOW // 2 + 1]])
    return out


def onsets(sound):
    """Times a second at which 10 ms are 6 dB above the 50 ms before them and above -40 dBFS."""
    frame = RATE // 100
    db = [10 * math.log10(sum(s * s for s in sound[i:i + frame]) / frame + 1e-10)
          for i in range(0, len(sound) - frame + 1, frame)]
    count, last = 0, -10
    for i in range(5, len(db)):
        if db[i] > -40 and db[i] > sum(db[i - 5:i]) / 5 + 6 and i - last >= 5:
            count, last = count + 1, i
    return count / (len(db) / 100)


def describe(sounds):
    """Of some renderings together: rms in dBFS, centroid in Hz, shares of the bands, onsets."""
    power = [0.0] * (WINDOW // 2)
    for sound in sounds:
        for frame in spectra(sound, WINDOW):
            power = [a + b for a, b in zip(power, frame)]
    hz = [(i + 1) * RATE / WINDOW for i in range(len(power))]
    total = sum(power)
    if total < 1e-9:
        return None
    share = [sum(p for p, f in zip(power, hz) if low <= f < high) / total
             for low, high in ((0, 200), (200, 2000), (2000, 9000))]
    square = sum(sum(s * s for s in sound) / len(sound) for sound in sounds) / len(sounds)
    return {"rms": 10 * math.log10(square), "share": share,
            "centroid": sum(p * f for p, f in zip(power, hz)) / total,
            "onsets": sum(onsets(sound) for sound in sounds) / len(sounds)}


class Bench:
    def __init__(self, args):
        self.program = os.path.join(args.build, "bench", "levels")
        self.model = args.model
        self.clips = sorted(glob.glob(os.path.join(args.data, "beat-*.flac")))

    def floats(self, *command):
        made = subprocess.run([self.program, self.model, *map(str, command)], check=True,
                              stdout=subprocess.PIPE).stdout
        return array.array("f", made)

    def play(self, controls, seeds=SEEDS):
        return [self.floats("play", PLAY_S, seed, *controls)[RATE:] for seed in seeds]

    def bits(self, controls, seconds=LISTEN_S):
        return [self.floats("listen", seconds, clip, *controls) for clip in self.clips]

    def setting(self, controls):
        sounds = self.play(controls)
        bits = [b[RATE:] for b in self.bits(controls)]
        mean = sum(map(sum, bits)) / sum(map(len, bits)) if bits else None
        return sounds, mean


def row(name, found, bits, base):
    if found is None:
        cells = ["silent", "", "", "", "", ""]
    else:
        cells = [f"{found['rms']:.1f}", f"{found['centroid']:.0f}",
                 *(f"{100 * s:.0f}" for s in found["share"]), f"{found['onsets']:.1f}"]
    cells.append("" if bits is None else "stopped" if math.isnan(bits) else f"{bits:.3f}" if base is None else f"{bits - base:+.3f}")
    print(f"| {name} | " + " | ".join(cells) + " |")


def memory(bench, levels, jobs):
    """Excess bits a code by the time since the level was reset: one list for each level."""
    tasks = [()] + [("reset", level, RESET_S) for level in range(levels)]
    tasks.append(tuple(v for level in range(levels) for v in ("reset", level, RESET_S)))
    base, *reset = ThreadPool(jobs).map(lambda task: bench.bits(task, 99), tasks)
    step = int(RESET_S * RATE) // 80 * 80
    curves = []
    for clips in reset:
        sums, count = [0.0] * step, 0
        for clip, plain in zip(clips, base):
            for at in range(step, len(clip) - step + 1, step):
                count += 1
                for i in range(step):
                    sums[i] += clip[at + i] - plain[at + i]
        curves.append([s / max(count, 1) for s in sums])
    return curves, count


def memory_table(curves):
    levels = len(curves) - 1
    bins = list(zip(EDGES_MS, EDGES_MS[1:]))
    print("| since the reset, ms | " + " | ".join(f"level {i}" for i in range(levels)) + " | all |")
    print("| --- |" + " --- |" * len(curves))
    means = []
    for low, high in bins:
        means.append([sum(c[int(low * 16):int(high * 16)]) / (int(high * 16) - int(low * 16))
                      for c in curves])
        print(f"| {low:g} to {high:g} | " + " | ".join(f"{m:+.3f}" for m in means[-1]) + " |")
    print("| bits lost in all | " + " | ".join(f"{sum(c):.0f}" for c in curves) + " |")
    cells = []
    for c in curves:
        run, half = 0.0, sum(c) / 2
        at = 0
        while at < len(c) - 1 and run + c[at] < half:
            run, at = run + c[at], at + 1
        cells.append(f"{(at + 1) / 16:.1f}" if half > 0 else "")
    print("| half of them lost after, ms | " + " | ".join(cells) + " |\n")
    return means


STYLE = """text { font: 12px system-ui, sans-serif; fill: #24292f } .grid { stroke: #8c959f;
  stroke-opacity: .3 } polyline { fill: none; stroke-width: 2 } @media (prefers-color-scheme: dark)
  { text { fill: #e6edf3 } }"""
COLOURS = ("#3b82c4", "#2e9e5b", "#d9822b", "#d1495b", "#a263c9", "#57606a", "#8c6d31", "#17becf")


def memory_picture(path, means, levels):
    """Excess bits over time since the reset; both axes logarithmic, so lines stop at 0.001 bit."""
    left, top, width, height, low, high = 60, 30, 520, 260, -3.0, 1.0
    first, last = math.log10(0.25), math.log10(EDGES_MS[-1])

    def place(ms, bits):
        x = left + width * (math.log10(ms) - first) / (last - first)
        y = top + height * (high - math.log10(max(bits, 10 ** low))) / (high - low)
        return f"{x:.1f}", f"{y:.1f}"

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} '
           f'{top + height + 50}"><!-- SPDX-License-Identifier: ISC --><style>{STYLE}</style>']
    title = "Bits a code lost after a level has been reset"
    out.append(f'<text x="{left}" y="18" font-weight="600">{escape(title)}</text>')
    for bits in (0.001, 0.01, 0.1, 1, 10):
        x, y = place(EDGES_MS[-1], bits)
        out.append(f'<line class="grid" x1="{left}" y1="{y}" x2="{x}" y2="{y}"/>'
                   f'<text x="{left - 6}" y="{y}" dy="4" text-anchor="end">{bits:g}</text>')
    for ms in (1, 10, 100, 1000):
        x, y = place(ms, 10 ** low)
        out.append(f'<line class="grid" x1="{x}" y1="{top}" x2="{x}" y2="{y}"/>'
                   f'<text x="{x}" y="{y}" dy="18" text-anchor="middle">{ms} ms</text>')
    middle = [max(0.25, math.sqrt(max(a, 0.125) * b)) for a, b in zip(EDGES_MS, EDGES_MS[1:])]
    for level in range(levels):
        points = [place(ms, mean[level]) for ms, mean in zip(middle, means)]
        colour = COLOURS[level]
        out.append(f'<polyline stroke="{colour}" points="' + " ".join(map(",".join, points)) + '"/>')
        y = top + 14 + 20 * level
        out.append(f'<rect x="{left + width + 10}" y="{y - 9}" width="12" height="10" '
                   f'fill="{colour}"/><text x="{left + width + 28}" y="{y}">level {level}</text>')
    out.append("</svg>\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out))


def png(path, rows, palette):
    """An image of palette entries."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(r) for r in rows), 9)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) +
                   chunk(b"tEXt", b"Copyright\0SPDX-License-Identifier: ISC\n") +
                   chunk(b"PLTE", palette) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def spectrogram(sound):
    """Rows of palette entries 0..23, high frequencies first: -95 to -20 dB."""
    columns = []
    for frame in spectra(sound, 256):
        pairs = [frame[i] + frame[i + 1] for i in range(0, len(frame), 2)]
        columns.append([min(23, max(0, int((10 * math.log10(p + 1e-12) + 95) / 75 * 24)))
                        for p in pairs])
    return [[c[r] for c in columns] for r in range(len(columns[0]) - 1, -1, -1)]


def pictures(bench, folder, levels):
    palette = b"".join(bytes((int(255 * min(1, 1.6 * v)), int(255 * v ** 2.2),
                              int(255 * (0.25 + 0.9 * v * (1 - v) ** 1.2 if v < 0.9 else v ** 6))))
                       for v in (i / 23 for i in range(24))) + b"\xff\xff\xff"
    for level in range(levels):
        strips = []
        for control in PICTURES:
            controls = () if control is None else (control[0], level, control[1])
            sound = bench.floats("play", 2.5, SEEDS[0], *controls)
            strips.append(spectrogram(sound[RATE // 2:]))
        rows = []
        for r in range(len(strips[0])):
            line = []
            for strip in strips:
                line += strip[r] + [24] * 4
            rows.append(line[:-4])
        png(os.path.join(folder, f"levels-{level}.png"), rows, palette)


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-b", dest="build", default=os.path.join(root, "build"))
    parser.add_argument("-d", dest="data", default=os.path.join(root, "../shared/data/drums/valid"))
    parser.add_argument("-o", dest="out", default=os.path.join(root, "doc"))
    parser.add_argument("-j", dest="jobs", type=int, default=os.cpu_count())
    parser.add_argument("model", nargs="?",
                        default=os.path.join(root, "presets/starter/weights.safetensors"))
    args = parser.parse_args()
    bench = Bench(args)
    with open(args.model, "rb") as file:
        header = file.read(struct.unpack("<Q", file.read(8))[0]).decode()
    at = header.index("pool_temporal")
    levels = header[at:header.index("]", at)].count(",") + 2
    if not bench.clips:
        print(f"no beat-*.flac in {args.data}: no bits", file=sys.stderr)
    settings = [(level, *s) for level in range(levels) for s in SETTINGS]
    tasks = [()] + [(name, level, value) for level, name, value in settings]
    made = ThreadPool(args.jobs).map(bench.setting, tasks)
    others = ThreadPool(args.jobs).map(lambda seeds: bench.play((), seeds), OTHERS)
    with Pool(args.jobs) as pool:
        found = pool.map(describe, [sounds for sounds, _ in made])
        spread = pool.map(describe, others)
    print("| setting | rms dBFS | centroid Hz | < 200 Hz % | 200 to 2000 Hz % | > 2000 Hz % "
          "| onsets a second | bits |")
    print("| --- |" + " --- |" * 7)
    base = made[0][1]
    row("neutral", found[0], base, None)
    for seeds, what in zip(OTHERS, spread):
        row("neutral, seeds " + ", ".join(map(str, seeds)), what, None, None)
    for (level, name, value), what, (_, bits) in zip(settings, found[1:], made[1:]):
        row(f"level {level}: {name} {value}", what, bits, base)
    print()
    if bench.clips:
        curves, _ = memory(bench, levels, args.jobs)
        means = memory_table(curves)
        memory_picture(os.path.join(args.out, "levels-memory.svg"), means, levels)
    pictures(bench, args.out, levels)


if __name__ == "__main__":
    main()
