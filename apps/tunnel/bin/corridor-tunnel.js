#!/usr/bin/env -S node --single-threaded-gc --no-memory-reducer
// Why the flags: a collection that nothing asked for, some eight seconds after the traffic began, and helper threads that
// compete with the packets for the cores, held packets up for 10 to 28 ms on a machine with two cores.
import { main } from '../dist/cli.js';

process.exitCode = await main(process.argv.slice(2));
