/**
 * A program that only sleeps, a millisecond at a time, before every other thread of the machine, and prints how late it
 * woke: `atUs lateUs`, a line each. What holds up a thread of this rank holds up packets too, and is none of ours: a
 * virtual machine that was not given its cores, or the kernel itself. Ends with its parent.
 */
import { writeSync } from 'node:fs';

const SLEEP_MS = 1;
/** Less than this is what a busy machine does all the time. */
const TOLD_US = 3_000;
const LOOK_EVERY = 500;

const parent = process.ppid;
const never = new Int32Array(new SharedArrayBuffer(4));
const nowUs = () => Number(process.hrtime.bigint() / 1000n);

writeSync(1, 'ready\n');
for (let round = 0; ; round++) {
  const beganUs = nowUs();
  Atomics.wait(never, 0, 0, SLEEP_MS);
  const endedUs = nowUs();
  const lateUs = endedUs - beganUs - SLEEP_MS * 1000;
  if (lateUs >= TOLD_US) writeSync(1, `${beganUs} ${lateUs}\n`);
  if (round % LOOK_EVERY === 0 && process.ppid !== parent) break;
}
