/** What of a bench this machine can do; the rest is left out, and said. */
import { congestionMissing, mptcpMissing, type Way } from './ground.js';

interface Wanted {
  readonly ways: readonly Way[];
  readonly congestions: readonly string[];
}

export function possibleWays({ ways, congestions }: Wanted): Wanted {
  const noMptcp = mptcpMissing();
  if (noMptcp !== undefined && ways.includes('mptcp')) process.stdout.write(`left out: ${noMptcp}\n`);
  const has = congestions.filter((name) => {
    const missing = congestionMissing(name);
    if (missing !== undefined) process.stdout.write(`left out: ${missing}\n`);
    return missing === undefined;
  });
  return { ways: ways.filter((way) => way !== 'mptcp' || noMptcp === undefined), congestions: has };
}
