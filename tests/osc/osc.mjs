// SPDX-License-Identifier: ISC
// OSC for the checks, from the standard alone: nothing in here is shared with the daemon, so that a
// misreading on one side shows.
import dgram from 'node:dgram';
import net from 'node:net';

function text(string) {
  const bytes = Buffer.from(string);
  return Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))]);
}

function number(size, write, value) {
  const bytes = Buffer.alloc(size);
  bytes[write](value);
  return bytes;
}

const writers = {
  i: (v) => number(4, 'writeInt32BE', v),
  f: (v) => number(4, 'writeFloatBE', v),
  h: (v) => number(8, 'writeBigInt64BE', BigInt(v)),
  d: (v) => number(8, 'writeDoubleBE', v),
  t: (v) => number(8, 'writeBigUInt64BE', BigInt(v)),
  s: text,
  S: text,
  b: (v) => Buffer.concat([number(4, 'writeInt32BE', v.length), v, Buffer.alloc(-v.length & 3)]),
};

// message('/voice/1/gain', 'f', -6)
export function message(address, types = '', ...values) {
  const parts = [text(address), text(',' + types)];
  for (const type of types) if (writers[type]) parts.push(writers[type](values.shift()));
  return Buffer.concat(parts);
}

// 1n: now; else NTP time.
export function bundle(time, ...elements) {
  const parts = [text('#bundle'), writers.t(time)];
  for (const element of elements) parts.push(writers.i(element.length), element);
  return Buffer.concat(parts);
}

// NTP time so many seconds from now.
export function timeIn(seconds) {
  const ms = Date.now() + seconds * 1000;
  return ((BigInt(Math.floor(ms / 1000)) + 2208988800n) << 32n) |
    BigInt(Math.floor((ms % 1000) * 4294967.296));
}

export function parse(packet) {
  let at = 0;
  const string = () => {
    const end = packet.indexOf(0, at);
    const value = packet.toString('utf8', at, end);
    at = end + 4 - (end % 4);
    return value;
  };
  const take = (size, read) => packet[read]((at += size) - size);
  const address = string();
  const types = string().slice(1);
  const values = [];
  for (const type of types) {
    if (type === 'i') values.push(take(4, 'readInt32BE'));
    else if (type === 'f') values.push(take(4, 'readFloatBE'));
    else if (type === 'h') values.push(take(8, 'readBigInt64BE'));
    else if (type === 'd') values.push(take(8, 'readDoubleBE'));
    else if (type === 's') values.push(string());
    else throw new Error(`${address}: type ${type} in a reply`);
  }
  if (at !== packet.length) throw new Error(`${address}: ${packet.length - at} bytes too many`);
  return { address, types, values };
}

export function show(reply) {
  return [reply.address, ...reply.values].join(' ');
}

export function sized(packet) {
  return Buffer.concat([writers.i(packet.length), packet]);
}

export function slip(packet) {
  const bytes = [0xc0];
  for (const byte of packet) {
    if (byte === 0xc0) bytes.push(0xdb, 0xdc);
    else if (byte === 0xdb) bytes.push(0xdb, 0xdd);
    else bytes.push(byte);
  }
  return Buffer.from([...bytes, 0xc0]);
}

function unslip(bytes) {
  const packet = [];
  for (let i = 0; i < bytes.length; ++i)
    packet.push(bytes[i] !== 0xdb ? bytes[i] : bytes[++i] === 0xdc ? 0xc0 : 0xdb);
  return Buffer.from(packet);
}

// What a client has in hand: replies in order, and a way to wait for them.
class Client {
  replies = [];
  waiting = null;

  arrived(packet) {
    this.replies.push(parse(packet));
    this.waiting?.();
  }

  // All replies up to the one that `isLast` accepts, that one included; throws where it does not come.
  async until(isLast, ms = 3000) {
    const seen = [];
    const deadline = Date.now() + ms;
    for (;;) {
      while (this.replies.length) {
        const reply = this.replies.shift();
        seen.push(reply);
        if (isLast(reply)) return seen;
      }
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no reply in ${ms} ms; so far: ${seen.map(show).join(', ')}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiting = () => (clearTimeout(timer), resolve());
      });
      this.waiting = null;
    }
  }

  // Everything that a packet is answered by: /sync tells when that is all.
  syncs = 1000;
  async ask(packet, ms = 3000) {
    const id = ++this.syncs;
    await this.send(packet);
    await this.send(message('/sync', 'i', id));
    const seen = await this.until((r) => r.address === '/synced' && r.values[0] === id, ms);
    return seen.slice(0, -1);
  }
}

export class Udp extends Client {
  static async open(port, host = '127.0.0.1') {
    const client = new Udp();
    client.socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
    client.socket.on('message', (packet) => client.arrived(packet));
    client.socket.on('error', () => {});
    // Connected: replies count only if they come from the port written to.
    await new Promise((resolve, reject) =>
      client.socket.connect(port, host, (error) => (error ? reject(error) : resolve())));
    return client;
  }

  send(packet) {
    return new Promise((resolve) => this.socket.send(packet, resolve));
  }

  close() {
    this.socket.close();
  }
}

export class Tcp extends Client {
  static async open(port, frame = sized) {
    const client = new Tcp();
    client.frame = frame;
    client.bytes = Buffer.alloc(0);
    client.socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    client.closed = new Promise((resolve) => client.socket.on('close', resolve));
    client.socket.on('error', () => {});
    client.socket.on('data', (data) => client.cut(data));
    await new Promise((resolve, reject) => {
      client.socket.once('connect', resolve);
      client.socket.once('error', reject);
    });
    return client;
  }

  cut(data) {
    this.bytes = Buffer.concat([this.bytes, data]);
    for (;;) {
      if (this.frame === sized) {
        const size = this.bytes.length < 4 ? Infinity : this.bytes.readInt32BE();
        if (this.bytes.length < 4 + size) return;
        this.arrived(this.bytes.subarray(4, 4 + size));
        this.bytes = this.bytes.subarray(4 + size);
      } else {
        const end = this.bytes.indexOf(0xc0);
        if (end < 0) return;
        if (end > 0) this.arrived(unslip(this.bytes.subarray(0, end)));
        this.bytes = this.bytes.subarray(end + 1);
      }
    }
  }

  send(packet) {
    return this.raw(this.frame(packet));
  }

  raw(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, resolve));
  }

  close() {
    this.socket.destroy();
  }
}
