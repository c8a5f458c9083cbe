#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# The PyTorch port of the same model, given the same recordings, settings and minutes as
# bench/train_runs.sh gives the trainer: the peer to beat. It needs Debian's python3-torch, flac, a C compiler
# and the port (PORT, default ../shared/peers/torch; its kernels are built by its build.sh).
# usage: train_peer.py CENOTE DATA_SET MINUTES OUT.safetensors [plain|fused] [THREADS]
# It saves its state once a minute beside OUT and goes on from there.
import json
import math
import os
import pathlib
import subprocess
import sys
import time

root = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, os.environ.get("PORT", str(root / "../shared/peers/torch")))
import numpy as np  # noqa: E402
import torch  # noqa: E402
from model import AuthorAdamW, Flat, Model, init, make_cfg, save_file  # noqa: E402

cenote, data, minutes, out = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
fused = (sys.argv[5] if len(sys.argv) > 5 else "fused") == "fused"
torch.set_num_threads(int(sys.argv[6]) if len(sys.argv) > 6 else 2)
BATCH, LENGTH, PEAK, WARMUP = 2, 8000, 2.5e-3, 100  # cenote train --size small
state_path = out + ".state"


def codes_of(path):
    raw = subprocess.run(["flac", "-dcs", "--force-raw-format", "--endian=little", "--sign=signed", str(path)],
                         check=True, capture_output=True).stdout
    y = np.frombuffer(raw, "<i2").astype(np.float64) / 32768
    e = np.sign(y) * np.log(1 + 255 * np.abs(y + 1e-8)) / math.log(256)
    return torch.from_numpy(np.floor((256 - 0.01) * (e + 1) / 2 + 0.005).astype(np.int64))


clips = [codes_of(p) for p in sorted((data / "train").glob("*.flac"))]
weights = torch.tensor([float(len(c)) for c in clips])
cfg = make_cfg(base_dim=64, pool_temporal=[4, 4, 5], model_structure=[["rglru"] * 2] * 4,
               rnn=dict(d_hidden=128, n_diag_blocks=8), min_max_scaling=False)
model, flat = Model(cfg, fused, True), Flat(init(cfg, 0))
total = None


def rate(n):
    rise = PEAK * min(n / WARMUP, 1.0)
    if total is None or n < WARMUP:
        return rise
    return PEAK * 0.5 * (1 + math.cos(math.pi * (n - WARMUP) / (total - WARMUP)))


optimiser = AuthorAdamW(flat.v, b2=0.99, wd=1e-3, clip=1.0, ema=0.99, schedule=rate)
step, elapsed, mask_of = 0, 0.0, None
if os.path.exists(state_path):
    s = torch.load(state_path)
    flat.v.data.copy_(s["v"])
    optimiser.m, optimiser.s, optimiser.ema, optimiser.count = s["m"], s["s"], s["ema"], s["count"]
    step, elapsed, total = s["step"], s["elapsed"], s["total"]
begin = time.perf_counter() - elapsed
saved = time.perf_counter()
times = []


def save():
    torch.save(dict(v=flat.v.detach(), m=optimiser.m, s=optimiser.s, ema=optimiser.ema, count=optimiser.count,
                    step=step, elapsed=time.perf_counter() - begin, total=total), state_path)


def batch(n):
    g = torch.Generator().manual_seed(n)
    tok = torch.full((BATCH, LENGTH), 128, dtype=torch.int64)
    counts = torch.zeros((BATCH, LENGTH))
    for b in range(BATCH):
        c = clips[int(torch.multinomial(weights, 1, generator=g))]
        at = int(torch.randint(max(len(c) - LENGTH + 1, 1), (1,), generator=g))
        piece = c[at:at + LENGTH]
        tok[b, :len(piece)] = piece
        counts[b, :len(piece)] = 1
    return tok, counts


while total is None or step < total:
    start = time.perf_counter()
    tok, counts = batch(step)
    logits = model.logits(flat.dict(), tok, 0.0)
    each = torch.nn.functional.cross_entropy(logits.reshape(-1, 256), tok.reshape(-1), reduction="none")
    loss = (each * counts.reshape(-1)).sum() / counts.sum() / math.log(2)
    (grad,) = torch.autograd.grad(loss, flat.v)
    optimiser.step(flat.v, grad, loss.item())
    step += 1
    if step > 1:
        times.append(time.perf_counter() - start)
    if total is None and sum(times) > min(15.0, 3.0 * minutes):
        left = 60 * minutes - (time.perf_counter() - begin)
        total = step + max(1, int(left / sorted(times)[len(times) // 2]))
        print(f"{total} steps fit into {minutes:g} minutes", file=sys.stderr, flush=True)
    if time.perf_counter() - saved > 60:
        saved = time.perf_counter()
        save()
        print(f"step {step} of {total}: train {loss.item():.3f}", file=sys.stderr, flush=True)
save()
spent = (time.perf_counter() - begin) / 60
save_file(out, cfg, flat.dict(optimiser.ema), dict(name="peer"))


def bits(part):
    done = subprocess.run([cenote, "eval", out, str(data / part), "--json"], check=True, capture_output=True)
    return json.loads(done.stdout)["bits_per_sample"]


print(json.dumps(dict(name="peer", data=data.name, form="fused" if fused else "plain", steps=step, minutes=round(spent, 1),
                      samples_per_s=round(BATCH * LENGTH / sorted(times)[len(times) // 2]) if times else None,
                      valid_bits=bits("valid"), test_bits=bits("test"), torch=torch.__version__,
                      threads=torch.get_num_threads())))
