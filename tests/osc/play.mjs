// SPDX-License-Identifier: ISC
// node play.mjs PORT: a set as a musician's program plays it on four voices, every message answered
// as `cenoted --help-osc` says; and a bundle for later that is obeyed then, and whole.
import { Udp, message, bundle, timeIn, show } from './osc.mjs';

const client = await Udp.open(Number(process.argv[2]));
const SLOW = 15000; // ms, on a loaded machine
let failures = 0;

// The replies to a packet, as text; /sync comes before what a job or the sound answers.
async function hears(wanted, address, types, ...values) {
  const ends = (r) => r.address === '/fail' || (r.address === '/done' && r.values[0] === address);
  await client.send(message(address, types, ...values));
  const seen = await client.until(ends, SLOW);
  const got = show(seen.at(-1));
  if (wanted.test(got)) return;
  ++failures;
  console.error(`${address}: want ${wanted}, got ${got}`);
}

async function value(address) {
  await client.send(message(address));
  return (await client.until((r) => r.address === address, SLOW)).at(-1).values[0];
}

const done = (address, more = '') => new RegExp(`^/done ${address}${more}$`);

await client.send(message('/notify', 'i', 1));
await hears(done('/voice/1/slot/1/save'), '/voice/1/slot/1/save');
await hears(done('/voice/2/slot/kick/save'), '/voice/2/slot/kick/save', 'i', 1);
await hears(done('/rec/start', ' node\\.wav 0'), '/rec/start', 's', 'node.wav');
await hears(done('/trigger', ' [1-4]'), '/trigger', 'sf', 'kick', 0.1);
await client.until((r) => /^\/voice\/[1-4]\/ended$/.test(r.address), SLOW);
await hears(done('/trigger', ' [1-4]'), '/trigger', 'iff', 1, 0, -6);
await hears(/^\/fail \/trigger .*nobody.* 3$/, '/trigger', 's', 'nobody');
await hears(done('/voice/1/slot/kick/load'), '/voice/1/slot/kick/load');
await hears(done('/voice/1/morph'), '/voice/1/morph', 'isf', 1, 'kick', 0.25);
await hears(done('/voice/1/morph/x'), '/voice/1/morph/x', 'f', 0.75);
await hears(/^\/fail \/voice\/9\/morph .* 3$/, '/voice/9/morph', 'iif', 1, 1, 0);

// In 0.4 s two voices change together, and a third is played.
const ahead = Date.now();
await client.send(bundle(timeIn(0.4), message('/voice/1/gain', 'f', -7),
  message('/voice/2/gain', 'f', -8), message('/trigger', 's', 'kick')));
await client.until((r) => r.address === '/done' && r.values[0] === '/trigger', SLOW);
const took = Date.now() - ahead;
const after = [await value('/voice/1/gain'), await value('/voice/2/gain')];
if (took < 300 || after.join() !== '-7,-8') {
  ++failures;
  console.error(`a bundle for in 400 ms: after ${took} ms the gains are ${after}`);
}

await hears(done('/rec/stop', ' .*node\\.wav [1-9][0-9]*'), '/rec/stop');
client.close();
process.exit(failures ? 1 : 0);
