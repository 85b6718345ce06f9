/**
 * `accuracy`: how true the emulated links are. No tunnel: packets go straight over each link between the vehicle and
 * the gateway, at a given rate, and every one is checked against the time at which the model wanted it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { LinkSpec } from '@corridor/sim';
import { GATEWAY_OUTSIDE } from '../addresses.js';
import { Lab } from '../lab.js';
import { Remote } from '../thread/rpc.js';
import type { TrafficMethods } from '../traffic/thread.js';
import { parseArgs, wholeNumber } from './options.js';
import { mbps, ms, table } from './table.js';

const PACKET_BYTES = 1400;
const DELAY_US = 20_000;
/** The link itself must not be the limit, only the emulator. */
const HEADROOM = 1.25;

export async function accuracy(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, ['links', 'mbps', 'seconds']);
  const count = wholeNumber(parsed, 'links', 1, 1, 16);
  const rateBps = wholeNumber(parsed, 'mbps', 200, 1, 2000) * 1e6;
  const seconds = wholeNumber(parsed, 'seconds', 5, 1, 3600);
  const way = { rateBps: rateBps * HEADROOM, delayUs: DELAY_US, queueBytes: 1 << 20 };
  const links: LinkSpec[] = Array.from({ length: count }, (_, index) => ({ name: `w${index}`, up: way, down: way }));

  // A vehicle for each link: without a tunnel the kernel's routes choose, and they prefer the first.
  const lab = await Lab.create({ vehicles: count, links: (vehicle) => [links[vehicle]], tunnel: false });
  const udp = Remote.thread<TrafficMethods>(new URL('../traffic/thread.js', import.meta.url), 'accuracy', (error) => {
    throw error;
  });
  try {
    for (let vehicle = 0; vehicle < count; vehicle++) {
      await udp.call('add', {
        id: vehicle,
        fromNetns: lab.host('vehicle', vehicle).path,
        toNetns: lab.host('gateway').path,
        family: 4,
        address: GATEWAY_OUTSIDE.v4,
        port: 7000 + vehicle,
        bytes: PACKET_BYTES,
        intervalUs: (PACKET_BYTES * 8e6) / rateBps,
        dscp: 0,
      });
    }
    // The first moments run cold code: they say nothing about the rest.
    await delay(500);
    await lab.resetLateness();
    const before = await udp.call('figures');
    await delay(seconds * 1000);
    const after = await udp.call('figures');
    for (let vehicle = 0; vehicle < count; vehicle++) await udp.call('stop', vehicle);
    await delay(200);
    const [final, figures] = await Promise.all([udp.call('figures'), lab.links()]);

    const serialisedUs = (PACKET_BYTES * 8e6) / way.rateBps;
    const rows = final.map((flow, vehicle) => {
      const link = figures.find((one) => one.vehicle === vehicle && one.direction === 'up');
      const late = link?.latenessUs ?? flow.delay;
      const rate = ((after[vehicle].received - before[vehicle].received) * PACKET_BYTES * 8) / seconds;
      const extra = flow.delay.p50Us - DELAY_US - serialisedUs;
      return [
        ...[links[vehicle].name, mbps(rate), `${flow.sent}`, `${flow.sent - flow.received}`],
        ...[ms(late.p50Us), ms(late.p95Us), ms(late.p99Us), ms(late.maxUs), ms(extra)],
      ];
    });
    console.log(`${count} link(s), ${mbps(rateBps)} Mbit/s each in packets of ${PACKET_BYTES} bytes, ${seconds} s`);
    console.log('lateness: time of writing after the time that the model asked for, ms\n');
    const head = ['link', 'Mbit/s', 'sent', 'lost', 'late p50', 'p95', 'p99', 'max', 'delay beyond model p50'];
    console.log(table(head, rows));
    return 0;
  } finally {
    await udp.close();
    await lab.close();
  }
}
