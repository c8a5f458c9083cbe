// SPDX-License-Identifier: ISC
// node hostile.mjs PORT COUNT MS: packets that are nearly OSC, the same ones on every run, over UDP and
// TCP; clients that stop half-way; and the daemon still answers within MS.
import net from 'node:net';
import { Udp, Tcp, message, bundle, sized, slip } from './osc.mjs';

const [port, count, patience] = process.argv.slice(2).map(Number);
let failures = 0;

// A small generator of its own: xorshift32.
let state = 2463534242;
function random(below) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

const seeds = [
  message('/status'),
  message('/voice/1/gain', 'f', -6),
  message('/voice/*/{mute,run}', 'i', 1),
  message('/voice/1/seed', 'h', 1n << 62n),
  message('/voice/2/top_k', 'd', NaN),
  message('/model/info', 's', 'x'.repeat(200)),
  message('/dumpOSC', 'b', Buffer.alloc(33)),
  message('/voice/1/temperature', '[ff]', 1, 2),
  bundle(1n, message('/voice/1/mute', 'i', 0), bundle(1n, message('/voice/2/run', 'i', 1))),
  bundle(0xffffffffffffffffn, message('/voice/1/gain', 'f', -1)),
  message('/voice/' + '*a'.repeat(100) + '/gain', 'f', 0),
  bundle(1n, ...Array(200).fill(message('/nope'))),
];
// None of them may end the daemon or write a file.
const forbidden = /quit|rec|load/;

function mutated() {
  let packet = Buffer.from(seeds[random(seeds.length)]);
  for (let changes = random(6); changes > 0; --changes) {
    const at = random(packet.length);
    const kind = random(5);
    if (kind === 0) packet[at] = random(256);
    else if (kind === 1) packet[at] ^= 1 << random(8);
    else if (kind === 2) packet = packet.subarray(0, at + 1);
    else if (kind === 3 && (at & ~3) + 4 <= packet.length)
      packet.writeUInt32BE([0, 1, 0x7fffffff, 0xffffffff][random(4)], at & ~3);
    else packet = Buffer.concat([packet.subarray(0, at), Buffer.from([0, 0, 0, random(256)]),
      packet.subarray(at)]);
  }
  return forbidden.test(packet.toString('latin1')) ? seeds[0] : packet;
}

// UDP may lose a packet where the kernel's buffer is full of the flood: so it is asked again.
async function alive(after) {
  const client = await Udp.open(port);
  const again = setInterval(() => client.send(message('/status')), 200);
  await client.send(message('/status'));
  await client.until((r) => r.address === '/status.reply', patience).catch((error) => {
    ++failures;
    console.error(`after ${after}: no answer to /status (${error.message})`);
  });
  clearInterval(again);
  client.close();
}

async function floodUdp() {
  const client = await Udp.open(port);
  client.arrived = () => {};
  for (let i = 0; i < count; ++i) await client.send(mutated());
  client.close();
}

async function floodTcp(frame) {
  for (let i = 0; i < count; i += 20) {
    const client = await Tcp.open(port, frame);
    client.arrived = () => {};
    const packets = Array.from({ length: 20 }, () => frame(mutated()));
    let bytes = Buffer.concat(packets);
    if (random(4) === 0) bytes[random(bytes.length)] = random(256); // the framing itself
    if (random(4) === 0) bytes = bytes.subarray(0, random(bytes.length));
    const cut = random(bytes.length + 1);
    await client.raw(bytes.subarray(0, cut));
    await client.raw(bytes.subarray(cut));
    client.close();
  }
}

// Many connections that send half a packet, or nothing, and stay.
async function loiter() {
  const sockets = [];
  for (let i = 0; i < 80; ++i) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    if (i % 2) socket.write(sized(message('/status')).subarray(0, 1 + random(8)));
    sockets.push(socket);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  await alive('80 loitering connections');
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 300));
}

// Asks and asks and never reads.
async function refuseToRead() {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  const closed = new Promise((resolve) => socket.on('close', resolve));
  const many = Buffer.concat(Array(2000).fill(sized(message('/status'))));
  for (let i = 0; i < 40 && !socket.destroyed; ++i) {
    socket.write(many);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await alive('a client that does not read');
  socket.destroy();
  await closed;
}

async function sendGarbage() {
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\xff\xff\xff\xff', '\x00\x7f\xff\xff', '\xc0'.repeat(9000)]) {
    const client = await Tcp.open(port);
    await client.raw(Buffer.from(bytes, 'latin1'));
    client.close();
  }
}

for (const [what, part] of [
  [`${count} packets over UDP`, floodUdp],
  [`${count} packets over TCP`, () => floodTcp(sized)],
  [`${count} packets over SLIP`, () => floodTcp(slip)],
  ['garbage over TCP', sendGarbage],
  ['a client that does not read', refuseToRead],
  ['loitering connections', loiter],
]) {
  try {
    await part();
  } catch (error) {
    ++failures;
    console.error(`${what}: ${error.message}`);
  }
  await alive(what);
}
process.exit(failures ? 1 : 0);
