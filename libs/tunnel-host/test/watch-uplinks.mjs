/**
 * Watches uplinks in the network namespace it is started in, and prints every change as a JSON line.
 *
 *   node watch-uplinks.mjs STATE_FILE DEVICE...
 *
 * Ends in good order when standard input ends.
 */
import { StateFile } from '../dist/system/state-file.js';
import { UplinkWatch } from '../dist/system/uplink-watch.js';

const [stateFile, ...devices] = process.argv.slice(2);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const state = StateFile.claim(stateFile);
const watch = new UplinkWatch({
  wanted: devices.map((device) => ({ device })),
  families: [4, 6],
  exclude: ['cor0'],
  state,
  apply: async (uplinks, changed) => {
    print({ uplinks: uplinks.map(({ name }) => name), changed });
    return [];
  },
  onChange: (change) => print(change),
  onWarning: (warning) => print({ warning }),
});
await watch.start();
print('ready');
process.stdin.resume();
process.stdin.once('end', async () => {
  await watch.close();
  state.close();
});
