#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Our weights file -> a checkpoint as Flax would write it, by the table of names: what the importer
# is tried on besides the golden one. usage: flax_write.py WEIGHTS CHECKPOINT
import array
import json
import struct
import sys


def load(path):
    with open(path, "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        head = json.loads(f.read(n))
        body = f.read()
    config = json.loads(head.pop("__metadata__")["config"])
    out = {}
    for name, t in head.items():
        assert t["dtype"] == "F32", name
        a = array.array("f")
        a.frombytes(body[slice(*t["data_offsets"])])
        out[name] = (t["shape"], a)
    return config, out


def pick(shape, values, order, flip=False):
    """Dimensions in another order, the first of the result backwards if flip."""
    strides = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * shape[i + 1]
    new = [shape[i] for i in order]
    out = array.array("f")

    def walk(depth, at):
        if depth == len(order):
            out.append(values[at])
            return
        for k in range(new[depth]):
            walk(depth + 1, at + strides[order[depth]] * (new[depth] - 1 - k if flip and depth == 0 else k))

    walk(0, 0)
    return new, out


def theirs(name, shape, config, lru):
    """Flax's path, the order of dimensions, and whether taps turn round."""
    dense = {"weight": "kernel", "bias": "bias"}
    part = name.split(".")
    last = part[-1]
    reverse = list(range(len(shape)))[::-1] if last == "weight" else list(range(len(shape)))
    same = list(range(len(shape)))
    if part[0] == "input":
        return (["input_embed", "embedding"], same, False) if last == "embedding" else (["input_mlp", dense[last]], reverse, False)
    if part[0] == "norm":
        return ["norm", {"weight": "scale", "bias": "bias"}[last]], same, False
    if part[0] == "head":
        return ["cls_head", "final", dense[last]], reverse, False
    path = ["temporal_pyramid"] + ["inner_layer"] * int(part[1])
    kind = "Conv_0" if config["conv_pooling"] else "Dense_0"
    if part[2] == "downpool":
        return path + ["down_pool", kind, dense[last]], reverse, False
    if part[2] == "uppool":
        return path + ["up_pool", kind, dense[last]], reverse, last == "weight" and config["conv_pooling"]
    path.append({"down": "down_blocks_", "up": "up_blocks_", "blocks": "blocks_"}[part[2]] + part[3])
    what = part[4]
    if what == "norm":
        norm = {"layer": "LayerNorm_0", "rms": "RMSNorm_0"}[config["norm"]]
        return path + [norm, "scale" if last == "weight" else "bias"], same, False
    if what in ("gate", "out"):
        second = what == "out" and config["use_gating"]
        return path + ["Dense_1" if second else "Dense_0", dense[last]], reverse, False
    path.append("layer")
    if what == "mlp":
        return path + ["Dense_0", dense[last]], reverse, False
    if what == "conv":
        return path + ["Conv_0", dense[last]], reverse, False
    if what == "conv_norm":
        return path + ["LayerNorm_0", "scale" if last == "weight" else "bias"], same, False
    path.append("LRU_0" if lru else "RGLRU_0")
    if part[5] in ("a_real", "a_imag"):
        return path + [part[5] + "_param"], same, False
    if part[5] in ("in", "out"):
        return path + ["Dense_0" if part[5] == "in" else "Dense_1", dense[last]], reverse, False
    path.append("BlockDiagonalLinear_" + ("0" if part[5] == "gate_x" else "1"))
    return path + ["W" if last == "weight" else "b"], [0, 2, 1] if last == "weight" else same, False


def pack(value):
    def sized(n, codes):
        for code, fmt in codes:
            if n < 1 << 8 * struct.calcsize(fmt):
                return bytes([code]) + struct.pack(">" + fmt, n)

    if isinstance(value, int):
        return bytes([value]) if value < 128 else sized(value, [(0xCC, "B"), (0xCD, "H"), (0xCE, "I")])
    if isinstance(value, str):
        raw = value.encode()
        return (bytes([0xA0 | len(raw)]) if len(raw) < 32 else sized(len(raw), [(0xD9, "B")])) + raw
    if isinstance(value, bytes):
        return sized(len(value), [(0xC4, "B"), (0xC5, "H"), (0xC6, "I")]) + value
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b"".join(map(pack, value))
    if isinstance(value, dict):
        n = len(value)
        head = bytes([0x80 | n]) if n < 16 else sized(n, [(0xDE, "H")] if n > 255 else [(0xDE, "H")])
        return head + b"".join(pack(k) + pack(value[k]) for k in sorted(value))
    shape, values = value  # an array
    inner = pack([shape, "float32", values.tobytes()])
    n = len(inner)
    code = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(n)
    head = bytes([code]) if code else sized(n, [(0xC7, "B"), (0xC8, "H"), (0xC9, "I")])
    return head + b"\x01" + inner


def main():
    config, tensors = load(sys.argv[1])
    tree = {}
    for name, (shape, values) in tensors.items():
        lru = name.rsplit(".rnn.", 1)[0] + ".rnn.gate_x.weight" not in tensors
        path, order, flip = theirs(name, shape, config, lru)
        new, moved = pick(shape, values, order, flip)
        if ".downpool.weight" in name and config["conv_pooling"]:
            new = [new[0], 1, new[1]]
        at = tree
        for key in path[:-1]:
            at = at.setdefault(key, {})
        at[path[-1]] = (new, moved)
    with open(sys.argv[2], "wb") as f:
        f.write(pack({"weights_ema": {"params": tree}}))


main()
