#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A weights file with random weights (the initial values of training: what the trainer starts
from), for measuring how cost grows with width, pool factors and depth. The paper's SC09 size is
the default; the same 36 block pairs without pooling are --pools none --pairs 36.

Normal numbers are drawn as one of 65536 equally likely quantiles, which makes them in seconds and
equal on every machine for the same seed.

Usage: bench/make_model.py OUT.safetensors [--width 128] [--pools 2,4,4,5] [--pairs 4] ...
"""

import argparse
import array
import json
import math
import random
import statistics
import struct
import sys

QUANTILES = 65536


def quantiles(cut):
    """Of the standard normal, or of one cut at `cut` standard deviations."""
    normal = statistics.NormalDist()
    low, high = (normal.cdf(-cut), normal.cdf(cut)) if cut else (0.0, 1.0)
    return [normal.inv_cdf(low + (high - low) * (i + 0.5) / QUANTILES) for i in range(QUANTILES)]


class Weights:
    """Tensors by name, drawn in the order in which they are asked for."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.plain = quantiles(None)
        self.cut = quantiles(2.0)
        self.tensors = {}

    def put(self, name, shape, numbers):
        values = array.array("f", numbers)
        if len(values) != math.prod(shape):
            raise ValueError(name)
        self.tensors[name] = (shape, values)

    def draw(self, name, shape, table, sd):
        scaled = [sd * q for q in table]
        index = array.array("H", self.random.randbytes(2 * math.prod(shape)))
        if sys.byteorder == "big":
            index.byteswap()
        self.put(name, shape, map(scaled.__getitem__, index))

    def fill(self, name, shape, value):
        self.put(name, shape, [value] * math.prod(shape))

    def normal(self, name, shape, variance):
        self.draw(name, shape, self.plain, math.sqrt(variance))

    def lecun(self, name, shape, fan_in):
        self.draw(name, shape, self.cut, math.sqrt(1 / fan_in) / 0.87962566)

    def dense(self, name, rows, cols):
        self.lecun(name + ".weight", [rows, cols], cols)
        self.fill(name + ".bias", [rows], 0.0)

    def norm(self, name, width):
        self.fill(name + ".weight", [width], 1.0)
        self.fill(name + ".bias", [width], 0.0)

    def uniform(self, count):
        return [self.random.random() for _ in range(count)]


def rglru(weights, name, config):
    width, hidden, blocks = config["base_dim"], config["d_hidden"], config["n_diag_blocks"]
    units = hidden // 2
    weights.dense(name + ".rnn.in", hidden, width)
    for gate in (".rnn.gate_x", ".rnn.gate_a"):
        weights.lecun(name + gate + ".weight", [blocks, units // blocks, hidden // blocks], hidden)
        weights.lecun(name + gate + ".bias", [blocks, units // blocks], blocks)
    low, high = 0.9**2, 0.99**2  # squares of the radii
    radius = [0.5 * math.log(u * (high - low) + low + 1e-8) for u in weights.uniform(units)]
    weights.put(name + ".rnn.a_real", [units], (math.log(math.expm1(-r)) for r in radius))
    weights.put(name + ".rnn.a_imag", [units], (0.1 * math.pi * u for u in weights.uniform(units)))
    weights.dense(name + ".rnn.out", width, hidden)
    return width


def mlp(weights, name, config):
    width, wide = config["base_dim"], 2 * config["base_dim"]
    weights.lecun(name + ".mlp.weight", [wide, width], width)
    weights.normal(name + ".mlp.bias", [wide], 0.5**2)
    return wide


def stack(weights, name, pairs, branches, config):
    width = config["base_dim"]
    for j in range(2 * pairs):
        block = f"{name}.{j}"
        weights.norm(block + ".norm", width)
        wide = (mlp if j % 2 else rglru)(weights, block, config)
        weights.dense(block + ".gate", wide, width)
        weights.normal(block + ".out.weight", [width, wide], 1 / branches / wide)
        weights.fill(block + ".out.bias", [width], 0.0)


def make(config, pools, pairs, seed):
    weights = Weights(seed)
    width = config["base_dim"]
    for i, factor in enumerate(pools):
        level = f"levels.{i}"
        branches = 4 * pairs[i] + 1
        stack(weights, level + ".down", pairs[i], branches, config)
        weights.lecun(level + ".downpool.weight", [width, factor], factor)
        weights.fill(level + ".downpool.bias", [width], 0.0)
        weights.normal(level + ".uppool.weight", [width, 1, factor], 1 / branches / factor)
        weights.fill(level + ".uppool.bias", [width], 0.0)
        stack(weights, level + ".up", pairs[i], branches, config)
    stack(weights, f"levels.{len(pools)}.blocks", pairs[-1], 2 * pairs[-1], config)
    weights.norm("norm", width)
    weights.dense("head", 256, width)
    return weights.tensors


def write(path, tensors, metadata):
    header = {"__metadata__": metadata}
    at = 0
    for name in sorted(tensors):
        shape, values = tensors[name]
        size = 4 * len(values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            values = tensors[name][1]
            if sys.byteorder == "big":
                values.byteswap()
            values.tofile(file)


def whole_list(text):
    return [] if text == "none" else [int(part) for part in text.split(",")]


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("out", metavar="OUT.safetensors")
    parser.add_argument("--width", type=int, default=128, help="features (even; default 128)")
    parser.add_argument("--hidden", type=int, help="rnn.d_hidden (default 2 * width)")
    parser.add_argument("--pools", type=whole_list, default=[2, 4, 4, 5],
                        help="pool factors, or none (default 2,4,4,5)")
    parser.add_argument("--pairs", type=whole_list, default=[4],
                        help="rglru entries of each level, or one number for all (default 4); "
                             "a level above the deepest has them twice, down and up")
    parser.add_argument("--diag-blocks", type=int, default=32, help="of the gates (default 32)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", help="in the metadata (default: made of the sizes)")
    arguments = parser.parse_args()
    levels = len(arguments.pools) + 1
    if len(arguments.pairs) == 1:
        arguments.pairs *= levels
    hidden = arguments.hidden = arguments.hidden or 2 * arguments.width
    if len(arguments.pairs) != levels:
        parser.error(f"--pairs: {len(arguments.pairs)} numbers, want 1 or {levels}")
    if arguments.width < 2 or arguments.width % 2:
        parser.error("--width: sine input needs an even width")
    if hidden % 2 or hidden // 2 % arguments.diag_blocks:
        parser.error(f"--diag-blocks: {arguments.diag_blocks} do not divide {hidden // 2} units")
    return arguments


def main():
    arguments = read_arguments()
    pools, pairs, hidden = arguments.pools, arguments.pairs, arguments.hidden
    sizes = {"base_dim": arguments.width, "d_hidden": hidden,
             "n_diag_blocks": arguments.diag_blocks}
    config = {
        "base_dim": arguments.width, "pool_temporal": pools, "pool_features": [1] * len(pools),
        "model_structure": [["rglru"] * n for n in pairs], "unet": True, "norm": "layer",
        "use_gating": True, "use_temporal_cnn": False, "input_transform": "sine", "ff_expand": 2,
        "conv_kernel_size": 3, "conv_feature_group_count": 1, "conv_pooling": True,
        "rnn": {"block_type": "rglru", "d_hidden": hidden, "only_real": False, "input_norm": True,
                "n_diag_blocks": arguments.diag_blocks, "log_a_scale": -8.0, "adaptive_d": False},
        "sample_rate": 16000, "encoding": "mulaw", "num_classes": 256, "baseline": 128,
        "min_max_scaling": True,
    }
    shown = ",".join(map(str, pools)) or "none"
    metadata = {
        "format": "poolformer", "format_version": "1",
        "config": json.dumps(config, separators=(",", ":")),
        "name": arguments.name or f"random width {arguments.width}, pools {shown}",
        "license": "CC0-1.0", "description": "random weights, for measuring speed",
        "seed": str(arguments.seed),
    }
    write(arguments.out, make(sizes, pools, pairs, arguments.seed), metadata)


if __name__ == "__main__":
    main()
