// SPDX-License-Identifier: ISC
// node tidal.mjs FILE PORT: what Tidal sends when its target is FILE's: a bundle for each event, with
// the time at which it is to be heard, and in it names and values, Tidal's own and the pattern's.
import { readFileSync } from 'node:fs';
import { Udp, message, bundle, timeIn, show } from './osc.mjs';

const [file, port] = process.argv.slice(2);
const text = readFileSync(file, 'utf8').replace(/^--.*$/gm, '');
const field = (pattern) => text.match(pattern)?.[1] ?? `no ${pattern}`;
let failures = 0;
function expect(what, wanted, got) {
  if (got === wanted) return;
  ++failures;
  console.error(`${what}: want ${wanted}, got ${got}`);
}

expect('oAddress', '127.0.0.1', field(/oAddress = "(.*)"/));
expect('oPort', '7770', field(/oPort = (\d+)/));
expect('oSchedule', 'BundleStamp', field(/oSchedule = Pre (\w+)/));
expect('oHandshake', 'False', field(/oHandshake = (\w+)/));
const address = field(/OSC "(.*)" \$ Named/);
const latency = Number(field(/oLatency = ([\d.]+)/));
expect('brackets', (text.match(/[({[]/g)).length, (text.match(/[)}\]]/g)).length);

const client = await Udp.open(Number(port));
const play = (types, ...pattern) => client.send(bundle(timeIn(latency),
  message(address, `sssfsfsf${types}`, '_id_', '1', 'cps', 0.5625, 'cycle', 12.25, 'delta', 0.4444,
    ...pattern)));
const until = async (wanted) => {
  const got = (await client.until((r) => wanted.test(show(r)) || r.address === '/fail', 15000)).at(-1);
  expect(String(wanted), true, wanted.test(show(got)) || show(got));
};

await client.ask(message('/notify', 'i', 1));
// d1 $ s "kick" # sustain 0.2 # pan 0.75
await play('sfsssf', 'pan', 0.75, 's', 'kick', 'sustain', 0.2);
await until(/^\/done \/dirt\/play [1-4]$/);
await until(/^\/voice\/[1-4]\/ended$/);
// d2 $ s "kick" # orbit 1 # sustain 0.1 # temperature 0.5, and a name that is unknown
await play('sisfsssfsf', 'orbit', 1, 'room', 0.5, 's', 'kick', 'sustain', 0.1, 'temperature', 0.5);
await until(/^\/done \/dirt\/play 2$/);
await until(/^\/voice\/2\/ended$/);
expect('temperature', '/voice/2/temperature 0.5',
  (await client.ask(message('/voice/2/temperature'))).map(show).at(-1));
client.close();
process.exit(failures ? 1 : 0);
