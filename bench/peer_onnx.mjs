#!/usr/bin/env node
// SPDX-License-Identifier: ISC
// The step of a model in ONNX Runtime, on one thread, batch 1, in float32: a peer for the engine's
// own. A graph for each stack of blocks (down and up of each level, the deepest, the head with the
// last), the states going in and out; a stack runs when its level falls due, as in the engine. What
// lies between stacks (conv pools, 424 multiply-adds a step in the SC09 model) is done here. No
// sampler. First the logits are compared with a golden case.
//
// Usage: bench/peer_onnx.mjs FOLDER MODEL [--check WEIGHTS EXPECT]... [--seconds S]
// FOLDER has node_modules in it: (cd FOLDER && npm install --ignore-scripts onnxruntime-node).
// Prints one JSON object: name, clean_us (for each phase of the pooling period the fastest repeat,
// averaged over the phases), clean_worst_us (of the phase that costs most), p50_us, steps.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { Graph, f32 } from './onnx.mjs';

const TOLERANCE = 1e-3; // of golden/README.md

function leave(text, status) {
  console.error(`peer_onnx: ${text}`);
  process.exit(status);
}

function loadRuntime(folder) {
  const require = createRequire(resolve(folder, 'none.js'));
  try {
    return [require('onnxruntime-node'), require('onnxruntime-node/package.json').version];
  } catch (error) {
    return leave(`skipped, no onnxruntime-node in ${folder} (${error.code ?? error.message})`, 77);
  }
}

/// Tensors [shape, values] and configuration of a weights file.
function read(path) {
  const file = readFileSync(path);
  const size = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + size));
  const tensors = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [begin, end] = entry.data_offsets;
    const bytes = file.buffer.slice(file.byteOffset + 8 + size + begin,
      file.byteOffset + 8 + size + end);
    if (!['F32', 'I32'].includes(entry.dtype)) leave(`${path}: ${entry.dtype}, want F32`, 1);
    tensors[name] = { shape: entry.shape,
      values: entry.dtype === 'F32' ? new Float32Array(bytes) : new Int32Array(bytes) };
  }
  const metadata = header.__metadata__ ?? {};
  return { tensors, config: metadata.config ? JSON.parse(metadata.config) : null };
}

function refuseOthers(config) {
  const want = { unet: true, norm: 'layer', use_gating: true, use_temporal_cnn: false,
    input_transform: 'sine', ff_expand: 2, conv_pooling: true };
  const rnn = { block_type: 'rglru', only_real: false, input_norm: true, adaptive_d: false };
  const same = Object.entries(want).every(([k, v]) => config[k] === v)
    && Object.entries(rnn).every(([k, v]) => config.rnn[k] === v)
    && config.model_structure.flat().every((entry) => entry === 'rglru')
    && config.pool_features.every((n) => n === 1);
  if (!same) leave('only models of the SC09 kind', 1);
}

/// The layers of MODEL.md as nodes of a graph. Vectors are [1, n].
class Builder extends Graph {
  constructor(name, tensors, config) {
    super(name);
    this.tensors = tensors;
    this.config = config;
  }

  weight(name) {
    const { shape, values } = this.tensors[name];
    return this.constant(shape, values);
  }

  dense(name, x) {
    return this.op('Gemm', [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)],
      { transB: 1 });
  }

  norm(name, x) {
    return this.op('LayerNormalization',
      [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)],
      { axis: -1, epsilon: f32(1e-6) });
  }

  /// sigmoid of a block-diagonal product, as a dense one with zeros: in this runtime that is faster
  /// than a batch of small ones.
  gate(name, u) {
    const { shape: [blocks, rows, cols], values } = this.tensors[`${name}.weight`];
    const dense = new Float32Array(blocks * rows * blocks * cols);
    for (let r = 0; r < blocks * rows; ++r)
      dense.set(values.subarray(r * cols, (r + 1) * cols),
        r * blocks * cols + Math.floor(r / rows) * cols);
    return this.op('Sigmoid', [this.op('Gemm', [
      u, this.constant([blocks * rows, blocks * cols], dense),
      this.constant([blocks * rows], this.tensors[`${name}.bias`].values)], { transB: 1 })]);
  }

  /// MODEL.md section 3; h is [1, 2K]. Gives the layer's output and the state after.
  rglru(name, n, h) {
    const { d_hidden: hidden, log_a_scale: scale } = this.config.rnn;
    const units = hidden / 2;
    const rate = this.tensors[`${name}.rnn.a_real`].values.map((a) => scale * Math.log1p(Math.exp(a)));
    const u = this.dense(`${name}.rnn.in`, n);
    const gateX = this.gate(`${name}.rnn.gate_x`, u);
    const gateA = this.gate(`${name}.rnn.gate_a`, u);
    const radius = this.op('Exp', [this.op('Mul', [gateA, this.constant([1, units], rate)])]);
    const phi = this.op('Mul', [gateA, this.weight(`${name}.rnn.a_imag`)]);
    const re = this.op('Mul', [radius, this.op('Cos', [phi])]);
    const im = this.op('Mul', [radius, this.op('Sin', [phi])]);
    const rest = this.op('Sub', [this.constant([], Float32Array.of(1)),
      this.op('Mul', [radius, radius])]);
    const gain = this.op('Mul', [gateX, this.op('Sqrt', [rest])]);
    const halves = { axis: 1, num_outputs: 2 };
    const [uRe, uIm] = this.op('Split', [u], halves, 2);
    const [hRe, hIm] = this.op('Split', [h], halves, 2);
    const times = (a, b) => this.op('Mul', [a, b]);
    const after = this.op('Concat', [
      this.op('Add', [this.op('Sub', [times(re, hRe), times(im, hIm)]), times(gain, uRe)]),
      this.op('Add', [this.op('Add', [times(re, hIm), times(im, hRe)]), times(gain, uIm)]),
    ], { axis: 1 });
    return [this.dense(`${name}.rnn.out`, after), after];
  }

  /// A residual block around layer(n).
  block(name, x, layer) {
    const n = this.norm(`${name}.norm`, x);
    const g = this.op('Gelu', [this.dense(`${name}.gate`, n)], { approximate: 'tanh' });
    const z = this.op('Mul', [layer(n), g]);
    return this.op('Add', [x, this.dense(`${name}.out`, z)]);
  }

  /// Inputs x and h0, h1, ...; outputs y and g0, g1, ...
  stack(name, pairs, last) {
    const { base_dim: width, rnn: { d_hidden: hidden } } = this.config;
    let x = this.input('x', [1, width]);
    for (let j = 0; j < pairs; ++j) {
      const h = this.input(`h${j}`, [1, hidden]);
      x = this.block(`${name}.${2 * j}`, x, (n) => {
        const [out, after] = this.rglru(`${name}.${2 * j}`, n, h);
        this.output(`g${j}`, after, [1, hidden]);
        return out;
      });
      const mlp = `${name}.${2 * j + 1}`;
      x = this.block(mlp, x, (n) => this.dense(`${mlp}.mlp`, n));
    }
    if (last) x = this.dense('head', this.norm('norm', x));
    this.output('y', x, [1, last ? 256 : width]);
    return this.finish();
  }
}

/// One stack: its session, and its states between runs.
class Stack {
  static async open(ort, bytes, pairs, config) {
    const stack = new Stack();
    stack.session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1,
      interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' });
    const { base_dim: width, rnn: { d_hidden: hidden } } = config;
    stack.x = new Float32Array(width);
    stack.feeds = { x: new ort.Tensor('float32', stack.x, [1, width]) };
    stack.pairs = pairs;
    for (let j = 0; j < pairs; ++j)
      stack.feeds[`h${j}`] = new ort.Tensor('float32', new Float32Array(hidden), [1, hidden]);
    return stack;
  }

  async run(x) {
    this.x.set(x);
    const result = await this.session.run(this.feeds);
    for (let j = 0; j < this.pairs; ++j) this.feeds[`h${j}`] = result[`g${j}`];
    return result.y.data;
  }
}

/// sine input: a row for each code.
function sineTable(width) {
  const half = width / 2;
  return Array.from({ length: 256 }, (_, code) => Float32Array.from({ length: width }, (_, k) => {
    const angle = code * 10000 ** (-(k % half) / half);
    return k < half ? Math.cos(angle) : Math.sin(angle);
  }));
}

class Model {
  static async open(ort, path) {
    const model = new Model();
    const { tensors, config } = read(path);
    refuseOthers(config);
    const pairs = config.model_structure.map((entries) => entries.length);
    const open = (name, i, last) => Stack.open(ort,
      new Builder(name, tensors, config).stack(name, pairs[i], last), pairs[i], config);
    const deepest = config.pool_temporal.length;
    model.factors = config.pool_temporal;
    model.period = model.factors.reduce((a, b) => a * b, 1);
    model.baseline = config.baseline;
    model.table = sineTable(config.base_dim);
    model.levels = [];
    for (let i = 0; i < deepest; ++i) {
      const pool = (kind) => tensors[`levels.${i}.${kind}`].values;
      model.levels.push({
        down: await open(`levels.${i}.down`, i, false), up: await open(`levels.${i}.up`, i, i === 0),
        factor: model.factors[i], downW: pool('downpool.weight'), downB: pool('downpool.bias'),
        upW: pool('uppool.weight'), upB: pool('uppool.bias'),
        sum: pool('downpool.bias').slice(), deep: null, phase: 0 });
    }
    model.deepest = await open(`levels.${deepest}.blocks`, deepest, deepest === 0);
    return model;
  }

  /// Logits for the next code.
  step(code) {
    return this.level(0, this.table[code]);
  }

  async level(i, x) {
    if (i === this.levels.length) return this.deepest.run(x);
    const level = this.levels[i];
    const { sum, factor, downW, upW, upB } = level;
    const y = await level.down.run(x);
    for (let c = 0; c < sum.length; ++c) sum[c] += downW[c * factor + level.phase] * y[c];
    level.phase = (level.phase + 1) % factor;
    if (level.phase === 0) { // the unit is complete: the level below runs in this step
      level.deep = await this.level(i + 1, sum);
      sum.set(level.downB);
    }
    const { deep, phase } = level;
    if (deep)
      for (let c = 0; c < sum.length; ++c) y[c] += upB[c] + upW[c * factor + phase] * deep[c];
    return level.up.run(y);
  }
}

async function check(ort, weights, expect) {
  const model = await Model.open(ort, weights);
  const { tensors: { tokens, logits } } = read(expect);
  let worst = 0;
  for (let t = 0; t < tokens.values.length; ++t) {
    const row = await model.step(t === 0 ? model.baseline : tokens.values[t - 1]);
    for (let k = 0; k < 256; ++k) {
      const off = Math.abs(row[k] - logits.values[256 * t + k]);
      worst = off <= worst ? worst : off; // NaN stays
    }
  }
  if (!(worst <= TOLERANCE)) leave(`a logit is ${worst} off the golden case ${weights}`, 1);
  console.error(`onnxruntime: logits within ${worst.toExponential(1)} of ${basename(weights)}`);
}

async function measure(ort, version, path, seconds) {
  const model = await Model.open(ort, path);
  const clock = () => Number(process.hrtime.bigint()) * 1e-3;
  for (let i = 0; i < 2 * model.period; ++i) await model.step(i % 256);
  const fastest = new Array(model.period).fill(Infinity);
  const steps = [];
  const begin = clock();
  while (clock() - begin < 1e6 * seconds || steps.length < 3 * model.period)
    for (let phase = 0; phase < model.period; ++phase) {
      const before = clock();
      await model.step((37 * steps.length) % 256);
      const took = clock() - before;
      fastest[phase] = Math.min(fastest[phase], took);
      steps.push(took);
    }
  steps.sort((a, b) => a - b);
  console.log(JSON.stringify({ name: 'onnxruntime',
    clean_us: fastest.reduce((a, b) => a + b) / fastest.length,
    clean_worst_us: Math.max(...fastest), p50_us: steps[steps.length >> 1], steps: steps.length,
    precision: 'f32', version: `onnxruntime-node ${version}` }));
}

const [folder, path, ...options] = process.argv.slice(2);
if (!path || path.startsWith('--'))
  leave('usage: peer_onnx.mjs FOLDER MODEL [--check WEIGHTS EXPECT]... [--seconds S]', 2);
const [ort, version] = loadRuntime(folder);
let seconds = 3;
while (options.length > 0) {
  const option = options.shift();
  if (option === '--seconds') seconds = Number(options.shift());
  else if (option === '--check') await check(ort, options.shift(), options.shift());
  else leave(`no option ${option}`, 2);
}
await measure(ort, version, path, seconds);
