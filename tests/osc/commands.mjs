// SPDX-License-Identifier: ISC
// node commands.mjs PORT udp|udp6|tcp|slip: every command over one transport, as
// `cenoted --help-osc` promises it. The daemon under test plays two voices, and its media folder
// holds tiny.safetensors (a model) and garbage.safetensors (none).
import { Udp, Tcp, message, bundle, timeIn, show, slip } from './osc.mjs';

const [port, transport] = [Number(process.argv[2]), process.argv[3]];
const SLOW = 20000; // ms, for what loads files

const open = () =>
  transport === 'udp' ? Udp.open(port)
  : transport === 'udp6' ? Udp.open(port, '::1')
  : Tcp.open(port, transport === 'slip' ? slip : undefined);

let failures = 0;
function expect(what, ok, got) {
  if (ok) return;
  ++failures;
  console.error(`${transport}: ${what}: got ${got}`);
}

const client = await open();
const shown = (replies) => replies.map(show).join(' | ') || 'nothing';

// The one reply to a message, or undefined.
async function reply(packet, ms) {
  const replies = await client.ask(packet, ms);
  expect('one reply', replies.length === 1, shown(replies));
  return replies[0];
}

async function answers(packet, wanted, ms) {
  const replies = await client.ask(packet, ms);
  expect(`want ${wanted || 'nothing'}`, shown(replies) === (wanted || 'nothing'), shown(replies));
}

async function fails(packet, address, code, ms) {
  const replies = await client.ask(packet, ms);
  const [{ address: path, types, values } = {}] = replies;
  const ok = replies.length === 1 && path === '/fail' && types.startsWith('ssi') &&
    values[0] === address && values[1].length > 3 && values[2] === code;
  expect(`want /fail ${address} ... ${code}`, ok, shown(replies));
}

// A value set, and what is then answered when it is asked for.
async function becomes(address, types, value, wanted, ...more) {
  await answers(message(address, types, value, ...more), '');
  const got = await reply(message(address));
  const near = typeof wanted === 'number' ? Math.abs(Number(got?.values[0]) - wanted) < 1e-6
    : got?.values[0] === wanted;
  expect(`${address} ${types} ${value}: want ${wanted}`, near && got.address === address,
    got && show(got));
}

async function serverAnswers() {
  const status = await reply(message('/status'));
  expect('/status', status?.address === '/status.reply' && status.types === 'iiiiiffddiiifh',
    status && `${status.types} ${show(status)}`);
  expect('/status: voices and models', status?.values[3] === 2 && status.values[4] >= 1,
    show(status));
  expect('/status: rates', status?.values[7] > 0 && status.values[8] > 0, show(status));
  const version = await reply(message('/version'));
  expect('/version', version?.address === '/version.reply' && version.types[0] === 's',
    version && show(version));
  await answers(message('/sync', 'i', 7), '/synced 7');
  await answers(message('/sync', 'f', 8), '/synced 8'); // Pd has floats alone
  await answers(message('/dumpOSC', 'i', 1), '');
  await answers(message('/dumpOSC', 'i', 0), '');
}

async function voicesTakeEveryNumber() {
  const temperature = '/voice/1/temperature';
  await becomes(temperature, 'f', 0.5, 0.5);
  await becomes(temperature, 'd', 0.25, 0.25);
  await becomes(temperature, 'i', 2, 2);
  await becomes(temperature, 'h', 3, 3);
  await becomes(temperature, 'T', null, 1);
  await becomes(temperature, 'F', null, 0);
  await becomes('/voice/1/top_k', 'f', 12.6, 13);
  await becomes('/voice/1/top_k', 'd', 12.4, 12);
  await becomes('/voice/1/mute', 'T', null, 1);
  await becomes('/voice/1/mute', 'f', 0, 0);
  await becomes('/voice/2/run', 'i', 0, 0);
  await becomes('/voice/2/run', 'f', 1, 1);
  await becomes('/voice/1/top_p', 'f', 0.75, 0.75);
  await becomes('/voice/1/gain', 'i', -6, -6);
  await becomes('/voice/1/gain', 'fsi', -3, -3, 'more', 4); // extra arguments are ignored
  await answers(message('/voice/1/seed', 'h', 1n << 40n), '');
  const seed = await reply(message('/voice/1/seed'));
  expect('/voice/1/seed', seed?.values[0] === 1n << 40n, seed && show(seed));
  for (const types of ['', 'i', 'T']) await answers(message('/voice/1/reset', types, 1), '');
  await answers(message('/voice/1/reset', 'i', 0), ''); // a button let go
}

async function valuesAreClamped() {
  await becomes('/voice/1/temperature', 'f', 9, 4);
  await becomes('/voice/1/temperature', 'f', -1, 0);
  await becomes('/voice/1/temperature', 'd', 1e300, 4);
  await becomes('/voice/1/top_k', 'i', 0, 1);
  await becomes('/voice/1/top_k', 'h', 1n << 60n, 256);
  await becomes('/voice/1/top_p', 'f', 7, 1);
  await becomes('/voice/1/gain', 'f', -500, -90);
  await becomes('/voice/1/gain', 'f', 500, 12);
}

async function wrongMessagesFail() {
  await fails(message('/nope'), '/nope', 1);
  await fails(message('/voice/1/nope', 'i', 1), '/voice/1/nope', 1);
  await fails(message('/'), '/', 1);
  await fails(message('/voice/3/gain', 'f', 0), '/voice/3/gain', 3);
  await fails(message('/voice/0/gain', 'f', 0), '/voice/0/gain', 3);
  await fails(message('/voice/99999999999999999999/gain'), '/voice/99999999999999999999/gain', 3);
  for (const value of [NaN, Infinity, -Infinity]) {
    await fails(message('/voice/1/temperature', 'f', value), '/voice/1/temperature', 2);
    await fails(message('/voice/1/top_k', 'd', value), '/voice/1/top_k', 2);
  }
  await fails(message('/voice/1/gain', 's', 'loud'), '/voice/1/gain', 2);
  await fails(message('/voice/1/gain', 'b', Buffer.from('abc')), '/voice/1/gain', 2);
  await fails(message('/voice/1/gain', 'N'), '/voice/1/gain', 2);
  await fails(message('/preset/load', 'i', 3), '/preset/load', 2);
  await fails(message('/model/load'), '/model/load', 2);
  await fails(message('/rec/start'), '/rec/start', 2);
}

async function patternsReachAll() {
  await answers(message('/voice/*/mute', 'i', 1), '');
  for (const n of [1, 2]) await answers(message(`/voice/${n}/mute`), `/voice/${n}/mute 1`);
  await answers(message('/voice/[1-2]/{mute,run}', 'i', 0), '');
  await answers(message('/voice/?/mute'), '/voice/1/mute 0 | /voice/2/mute 0');
  await answers(message('/voice/{1,2}/run', 'i', 1), '');
  await fails(message('/nothing/*'), '/nothing/*', 1);
}

async function bundlesArePlayedWhole() {
  const set = (n, value) => message(`/voice/${n}/gain`, 'f', value);
  const get = async (n) => (await reply(message(`/voice/${n}/gain`)))?.values[0];
  await answers(bundle(1n, set(1, -7), bundle(1n, set(2, -8))), '');
  expect('a bundle for now', (await get(1)) === -7 && (await get(2)) === -8, await get(1));
  await answers(bundle(timeIn(-1), set(1, -9)), ''); // past: at once
  expect('a bundle of the past', (await get(1)) === -9, await get(1));
  await answers(bundle(timeIn(0.2), set(1, -5)), ''); // the future: then
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect('a bundle of the future', (await get(1)) === -5, await get(1));
  await answers(bundle(1n), '');
  await answers(message('/voice/1/gain', '[f]', 0), '');
}

async function modelsAndPresetsLoad() {
  const loaded = await reply(message('/model/load', 's', 'tiny.safetensors'), SLOW);
  expect('/model/load', loaded?.address === '/done' && loaded.types === 'ssiii' &&
    loaded.values[0] === '/model/load', loaded && show(loaded));
  const name = loaded?.values[1];
  const info = await reply(message('/model/info', 's', name));
  expect('/model/info', info?.address === '/model/info.reply' && info.values[0] === name &&
    info.values.length > 4 && info.values.length % 2 === 1, info && show(info));
  await fails(message('/model/info', 's', 'no such model'), '/model/info', 3);
  await fails(message('/model/load', 's', 'garbage.safetensors'), '/model/load', 5, SLOW);
  await fails(message('/model/load', 's', 'missing.safetensors'), '/model/load', 4, SLOW);
  const outside = await reply(message('/model/load', 's', '../../../../etc/passwd'), SLOW);
  expect('a file outside the media folder', outside?.address === '/fail', outside && show(outside));
  const preset = await reply(message('/preset/load', 's', 'starter'), SLOW);
  expect('/preset/load', preset?.address === '/done' && preset.values[0] === '/preset/load',
    preset && show(preset));
  const echoed = await reply(message('/preset/load', 'si', 'starter', 42), SLOW);
  expect('/preset/load with a number to echo',
    echoed?.address === '/done' && echoed.values.at(-1) === 42, echoed && show(echoed));
  const unknown = await reply(message('/preset/load', 's', 'no such preset'), SLOW);
  expect('an unknown preset', unknown?.address === '/fail' && [3, 4].includes(unknown.values[2]),
    unknown && show(unknown));
}

async function sampleClock() {
  return (await reply(message('/status'))).values.at(-1);
}

async function soundIsRecorded() {
  const file = `${transport}.wav`;
  const start = await reply(message('/rec/start', 's', file), SLOW);
  expect('/rec/start', start?.address === '/done' && start.values[0] === '/rec/start',
    start && show(start));
  await fails(message('/rec/start', 's', file), '/rec/start', 6, SLOW);
  const began = await sampleClock();
  for (let turn = 0; turn < 100 && await sampleClock() < began + 1000n; ++turn)
    await new Promise((resolve) => setTimeout(resolve, 100));
  const stop = await reply(message('/rec/stop'), SLOW);
  expect('/rec/stop', stop?.address === '/done' && stop.values[0] === '/rec/stop' &&
    String(stop.values[1]).endsWith(file) && stop.values[2] > 0n, stop && show(stop));
  const again = await reply(message('/rec/stop'), SLOW);
  expect('/rec/stop with nothing to stop', again?.address === '/fail', again && show(again));
  const outside = await reply(message('/rec/start', 's', '../outside.wav'), SLOW);
  expect('a recording outside the media folder', outside?.address === '/fail', outside && show(outside));
}

// Those who asked hear what others set, and not what they set themselves.
async function changesAreFedBack() {
  const other = await open();
  const done = await reply(message('/notify', 'i', 1));
  expect('/notify', done?.address === '/done' && done.types === 'sii' &&
    done.values[0] === '/notify', done && show(done));
  await other.ask(message('/voice/2/gain', 'f', 99));
  const heard = await client.until((r) => r.address === '/voice/2/gain').catch((e) => e.message);
  expect('feedback shows the clamped value', heard.at?.(-1)?.values?.[0] === 12, heard);
  await answers(message('/voice/2/gain', 'f', -1), '');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect('no feedback to whoever set it', client.replies.length === 0, shown(client.replies));
  await client.ask(message('/notify', 'i', 0));
  await other.ask(message('/voice/2/gain', 'f', -2));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect('no feedback after /notify 0', client.replies.length === 0, shown(client.replies));
  other.close();
}

for (const part of [serverAnswers, voicesTakeEveryNumber, valuesAreClamped, wrongMessagesFail,
  patternsReachAll, bundlesArePlayedWhole, modelsAndPresetsLoad, soundIsRecorded,
  changesAreFedBack]) {
  try {
    await part();
  } catch (error) {
    expect(part.name, false, error.message);
  }
}
client.close();
process.exit(failures ? 1 : 0);
