// SPDX-License-Identifier: ISC
// Just enough of ONNX to write a graph: protobuf's wire format, and the messages of onnx.proto that
// hold a model of float32 tensors.

const utf8 = new TextEncoder();

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

// A message: fields in the order written, [number, value]. Numbers go as varint, text and bytes by
// length; `f32` marks a float.
export const f32 = (value) => ({ f32: value });

function message(fields) {
  const parts = [];
  for (const [number, value] of fields) {
    if (value === undefined) continue;
    if (typeof value === 'number' || typeof value === 'bigint') {
      parts.push(varint(number << 3), varint(value));
    } else if (value.f32 !== undefined) {
      const four = Buffer.alloc(4);
      four.writeFloatLE(value.f32);
      parts.push(varint((number << 3) | 5), four);
    } else {
      const bytes = typeof value === 'string' ? utf8.encode(value) : value;
      parts.push(varint((number << 3) | 2), varint(bytes.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

const FLOAT = 1;

function attribute(name, value) {
  const typed = typeof value === 'string' ? [[4, value], [20, 3]]
      : value.f32 !== undefined ? [[2, value], [20, 1]]
        : [[3, value], [20, 2]];
  return message([[1, name], ...typed]);
}

function valueInfo(name, shape) {
  const dims = shape.map((n) => [1, message([[1, n]])]);
  const type = message([[1, FLOAT], [2, message(dims)]]);
  return message([[1, name], [2, message([[1, type]])]]);
}

/// A graph under construction. `op` adds a node and gives its output's name (names, if `outputs` is
/// more than 1).
export class Graph {
  constructor(name) {
    this.name = name;
    this.nodes = [];
    this.initializers = [];
    this.inputs = [];
    this.outputs = [];
    this.count = 0;
  }

  fresh() {
    return `v${this.count++}`;
  }

  input(name, shape) {
    this.inputs.push(valueInfo(name, shape));
    return name;
  }

  constant(shape, values) {
    const name = this.fresh();
    const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push(
      message([...shape.map((n) => [1, n]), [2, FLOAT], [8, name], [9, raw]]));
    return name;
  }

  op(type, inputs, attributes = {}, outputs = 1) {
    const names = Array.from({ length: outputs }, () => this.fresh());
    this.nodes.push(message([
      ...inputs.map((name) => [1, name]), ...names.map((name) => [2, name]), [4, type],
      ...Object.entries(attributes).map(([key, value]) => [5, attribute(key, value)])]));
    return outputs === 1 ? names[0] : names;
  }

  /// `value` leaves the graph under the name `name`.
  output(name, value, shape) {
    this.nodes.push(message([[1, value], [2, name], [4, 'Identity']]));
    this.outputs.push(valueInfo(name, shape));
  }

  /// The bytes of the model.
  finish() {
    const graph = message([
      ...this.nodes.map((node) => [1, node]), [2, this.name],
      ...this.initializers.map((tensor) => [5, tensor]),
      ...this.inputs.map((info) => [11, info]), ...this.outputs.map((info) => [12, info])]);
    return message([[1, 10], [2, 'cenote'], [7, graph], [8, message([[1, ''], [2, 20]])]]);
  }
}
