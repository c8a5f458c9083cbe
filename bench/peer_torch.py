#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The step of a model in PyTorch, eager and as TorchScript, on one thread, batch 1, in float32: a
peer for the engine's own. A level runs when it falls due, as in the engine; the head is included,
the sampler is not. Two styles: plain, with linear layers of batch 1 and einsum for the gates' small
blocks, as one writes such a model; tuned, with the operators that proved to cost least here (addmv,
baddbmm), which is as far as PyTorch goes without kernels of one's own.

First the logits are compared with a golden case; a step that computes something else is no peer.

Usage: bench/peer_torch.py MODEL [--check WEIGHTS EXPECT]... [--seconds S] [--only NAME]
Prints one JSON object a line: name, clean_us (for each phase of the pooling period the fastest
repeat, averaged over the phases), clean_worst_us (of the phase that costs most), p50_us, steps.
"""

import argparse
import json
import math
import os
import struct
import sys
import time
from typing import List, Tuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional as F
except ImportError:
    print("peer_torch: skipped, no PyTorch (Debian: python3-torch)", file=sys.stderr)
    sys.exit(77)

TYPES = {"F32": torch.float32, "I32": torch.int32}
TOLERANCE = 1e-3  # of golden/README.md


def read(path):
    """Tensors and metadata of a safetensors file."""
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        kind = TYPES[entry["dtype"]]
        flat = torch.frombuffer(data, dtype=kind, count=(end - begin) // 4, offset=begin)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors, metadata


def dense_plain(b: Tensor, w: Tensor, x: Tensor) -> Tensor:
    return F.linear(x, w, b)


def dense_tuned(b: Tensor, w: Tensor, x: Tensor) -> Tensor:
    return torch.addmv(b, w, x)


def diagonal_plain(b: Tensor, w: Tensor, u: Tensor) -> Tensor:
    return (torch.einsum("bij,bj->bi", w, u.view(w.shape[0], -1)) + b).view(-1)


def diagonal_tuned(b: Tensor, w: Tensor, u: Tensor) -> Tensor:
    return torch.baddbmm(b.unsqueeze(2), w, u.view(w.shape[0], -1, 1)).view(-1)


# What differs: products, and whether a vector is [1, d] or [d].
STYLES = {"plain": (dense_plain, diagonal_plain, True), "tuned": (dense_tuned, diagonal_tuned, False)}


class Rglru(nn.Module):
    """MODEL.md section 3, complex, gated; h is [2, K]."""

    def __init__(self, t, name, scale, style):
        super().__init__()
        self.dense, self.diagonal, _ = style
        self.in_w, self.in_b = t[name + ".rnn.in.weight"], t[name + ".rnn.in.bias"]
        self.out_w, self.out_b = t[name + ".rnn.out.weight"], t[name + ".rnn.out.bias"]
        self.x_w, self.x_b = t[name + ".rnn.gate_x.weight"], t[name + ".rnn.gate_x.bias"]
        self.a_w, self.a_b = t[name + ".rnn.gate_a.weight"], t[name + ".rnn.gate_a.bias"]
        self.rate = scale * F.softplus(t[name + ".rnn.a_real"])
        self.angle = t[name + ".rnn.a_imag"]
        self.units: int = self.rate.shape[0]

    def forward(self, n: Tensor, h: Tensor) -> Tuple[Tensor, Tensor]:
        u = self.dense(self.in_b, self.in_w, n)
        gate_x = torch.sigmoid(self.diagonal(self.x_b, self.x_w, u))
        gate_a = torch.sigmoid(self.diagonal(self.a_b, self.a_w, u))
        rho = self.rate * gate_a
        phi = self.angle * gate_a
        radius = torch.exp(rho)
        re = radius * torch.cos(phi)
        im = radius * torch.sin(phi)
        gate_x = gate_x * torch.sqrt(-torch.expm1(rho + rho))
        v = u.view(2, self.units) * gate_x
        turned = torch.stack([-h[1], h[0]])
        h = torch.addcmul(torch.addcmul(v, h, re), turned, im)
        return self.dense(self.out_b, self.out_w, h.view_as(u)), h


class Block(nn.Module):
    """A residual block around a layer: gated, LayerNorm before it."""

    def __init__(self, t, name, style):
        super().__init__()
        self.dense, _, _ = style
        self.norm_w, self.norm_b = t[name + ".norm.weight"], t[name + ".norm.bias"]
        self.gate_w, self.gate_b = t[name + ".gate.weight"], t[name + ".gate.bias"]
        self.end_w, self.end_b = t[name + ".out.weight"], t[name + ".out.bias"]
        self.shape: List[int] = [self.norm_w.shape[0]]

    def norm(self, x: Tensor) -> Tensor:
        return torch.layer_norm(x, self.shape, self.norm_w, self.norm_b, 1e-6)

    def close(self, x: Tensor, n: Tensor, b: Tensor) -> Tensor:
        g = F.gelu(self.dense(self.gate_b, self.gate_w, n), approximate="tanh")
        return x + self.dense(self.end_b, self.end_w, b * g)


class Pair(nn.Module):
    """An rglru block and the mlp block after it."""

    def __init__(self, t, name, j, scale, style):
        super().__init__()
        self.dense, _, _ = style
        self.first = Block(t, f"{name}.{2 * j}", style)
        self.rnn = Rglru(t, f"{name}.{2 * j}", scale, style)
        self.second = Block(t, f"{name}.{2 * j + 1}", style)
        self.mlp_w = t[f"{name}.{2 * j + 1}.mlp.weight"]
        self.mlp_b = t[f"{name}.{2 * j + 1}.mlp.bias"]

    def forward(self, x: Tensor, h: Tensor) -> Tuple[Tensor, Tensor]:
        n = self.first.norm(x)
        mixed, h = self.rnn(n, h)
        x = self.first.close(x, n, mixed)
        n = self.second.norm(x)
        x = self.second.close(x, n, self.dense(self.mlp_b, self.mlp_w, n))
        return x, h


class Stack(nn.Module):
    """The pairs of one level on one way; their states go in and come out."""

    def __init__(self, t, name, pairs, scale, style):
        super().__init__()
        self.pairs = nn.ModuleList(Pair(t, name, j, scale, style) for j in range(pairs))

    def forward(self, x: Tensor, h: List[Tensor]) -> Tuple[Tensor, List[Tensor]]:
        after: List[Tensor] = []
        for j, pair in enumerate(self.pairs):
            x, state = pair(x, h[j])
            after.append(state)
        return x, after


class Head(nn.Module):
    def __init__(self, t, style):
        super().__init__()
        self.dense, _, _ = style
        self.norm_w, self.norm_b = t["norm.weight"], t["norm.bias"]
        self.head_w, self.head_b = t["head.weight"], t["head.bias"]
        self.shape: List[int] = [self.norm_w.shape[0]]

    def forward(self, x: Tensor) -> Tensor:
        n = torch.layer_norm(x, self.shape, self.norm_w, self.norm_b, 1e-6)
        return self.dense(self.head_b, self.head_w, n)


class Model:
    """A stream: stacks, their states, pools and their phases."""

    def __init__(self, path, way, style):
        t, metadata = read(path)
        config = json.loads(metadata["config"])
        self.refuse_others(config)
        pairs = [len(entries) for entries in config["model_structure"]]
        self.factors = config["pool_temporal"]
        self.period = math.prod(self.factors)
        self.baseline = config["baseline"]
        style, compile_part = STYLES[style], WAYS[way]
        table = self.sine(config["base_dim"])
        self.table = table.unsqueeze(1) if style[2] else table
        scale, last = config["rnn"]["log_a_scale"], len(self.factors)

        def stack(name, n):
            return compile_part(Stack(t, name, n, scale, style).eval())

        self.down = [stack(f"levels.{i}.down", pairs[i]) for i in range(last)]
        self.up = [stack(f"levels.{i}.up", pairs[i]) for i in range(last)]
        self.deepest = stack(f"levels.{last}.blocks", pairs[last])
        self.head = compile_part(Head(t, style).eval())
        self.down_w = [t[f"levels.{i}.downpool.weight"].t().contiguous() for i in range(last)]
        self.down_b = [t[f"levels.{i}.downpool.bias"] for i in range(last)]
        self.up_w = [t[f"levels.{i}.uppool.weight"][:, 0].t().contiguous() for i in range(last)]
        self.up_b = [t[f"levels.{i}.uppool.bias"] for i in range(last)]
        self.pairs, self.units = pairs, config["rnn"]["d_hidden"] // 2
        self.reset()

    @staticmethod
    def refuse_others(config):
        want = {"unet": True, "norm": "layer", "use_gating": True, "use_temporal_cnn": False,
                "input_transform": "sine", "ff_expand": 2, "conv_pooling": True}
        rnn = {"block_type": "rglru", "only_real": False, "input_norm": True, "adaptive_d": False}
        entries = {e for level in config["model_structure"] for e in level}
        if (any(config[k] != v for k, v in want.items()) or entries != {"rglru"}
                or any(config["rnn"][k] != v for k, v in rnn.items())
                or set(config["pool_features"]) - {1}):
            sys.exit("peer_torch: only models of the SC09 kind")

    @staticmethod
    def sine(width):
        half = width // 2
        w = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
        angle = torch.arange(256, dtype=torch.float64)[:, None] * w
        return torch.cat([angle.cos(), angle.sin()], 1).float()

    def reset(self):
        def zeros(n):
            return [torch.zeros(2, self.units) for _ in range(n)]

        last = len(self.factors)
        self.h_down = [zeros(self.pairs[i]) for i in range(last)]
        self.h_up = [zeros(self.pairs[i]) for i in range(last)]
        self.h_deepest = zeros(self.pairs[last])
        self.sum = list(self.down_b)
        self.deep = [None] * last
        self.phase = [0] * last

    def step(self, code):
        """Logits for the next code."""
        return self.head(self.level(0, self.table[code]))

    def level(self, i, x):
        if i == len(self.factors):
            x, self.h_deepest = self.deepest(x, self.h_deepest)
            return x
        x, self.h_down[i] = self.down[i](x, self.h_down[i])
        phase = self.phase[i]
        self.sum[i] = torch.addcmul(self.sum[i], self.down_w[i][phase], x)
        phase = self.phase[i] = (phase + 1) % self.factors[i]
        if phase == 0:  # the unit is complete: the level below runs in this step
            self.deep[i] = self.level(i + 1, self.sum[i])
            self.sum[i] = self.down_b[i]
        if self.deep[i] is not None:
            x = x + torch.addcmul(self.up_b[i], self.up_w[i][phase], self.deep[i])
        x, self.h_up[i] = self.up[i](x, self.h_up[i])
        return x


def script(module):
    return torch.jit.freeze(torch.jit.script(module))


WAYS = {"eager": lambda module: module, "script": script}
PEERS = {f"torch_{way}_{style}": (way, style) for way in WAYS for style in STYLES}


def check(name, weights, expect):
    """Refuse to go on unless the golden answer comes out."""
    model = Model(weights, *PEERS[name])
    answer, _ = read(expect)
    codes = [model.baseline] + answer["tokens"].tolist()
    worst = max((model.step(codes[i]) - row).abs().max().item()
                for i, row in enumerate(answer["logits"]))
    if not worst <= TOLERANCE:
        sys.exit(f"peer_torch: {name}: a logit is {worst:g} off the golden case {weights}")
    print(f"{name}: logits within {worst:.1e} of {os.path.basename(weights)}", file=sys.stderr)


def measure(name, path, seconds):
    model = Model(path, *PEERS[name])
    for i in range(2 * model.period):  # TorchScript compiles in its first runs
        model.step(i % 256)
    clock = time.perf_counter_ns
    fastest = [math.inf] * model.period
    steps = []
    begin = clock()
    while clock() - begin < 1e9 * seconds or len(steps) < 3 * model.period:
        for phase in range(model.period):
            before = clock()
            model.step((37 * len(steps)) % 256)
            took = 1e-3 * (clock() - before)
            fastest[phase] = min(fastest[phase], took)
            steps.append(took)
    print(json.dumps({
        "name": name, "clean_us": sum(fastest) / len(fastest), "clean_worst_us": max(fastest),
        "p50_us": sorted(steps)[len(steps) // 2], "steps": len(steps), "precision": "f32",
        "version": torch.__version__,
    }))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--check", nargs=2, action="append", default=[],
                        metavar=("WEIGHTS", "EXPECT"), help="a golden case to compare with first")
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring, each peer")
    parser.add_argument("--only", choices=PEERS, action="append", help="one of them")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        for name in arguments.only or PEERS:
            for weights, expect in arguments.check:
                check(name, weights, expect)
            measure(name, arguments.model, arguments.seconds)


if __name__ == "__main__":
    main()
