#!/usr/bin/env -S node --single-threaded-gc --no-memory-reducer --max-semi-space-size=1 --expose-gc --disable-warning=ExperimentalWarning
// Why the flags: as for corridor-tunnel, a collection that nothing asked for and helper threads that compete with the
// packets for the cores held packets up for 10 to 28 ms on a machine with two cores. The small young generation and one
// collection after the start keep the agent under 90 MB (docs: apps/agent/README.md). jose's Ed25519 is Web Crypto's,
// which Node 20 calls experimental in a line for every start.
import { main } from '../dist/cli.js';

process.exitCode = await main(process.argv.slice(2));
