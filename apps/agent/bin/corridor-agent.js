#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --single-threaded-gc --no-memory-reducer --max-semi-space-size=1 --expose-gc --compact-on-every-full-gc --disable-warning=ExperimentalWarning
// Why the flags: as for corridor-tunnel, a collection that nothing asked for and helper threads that compete with the
// packets for the cores held packets up for 10 to 28 ms on a machine with two cores. One malloc arena, a small young
// generation and collections when nothing waits for them keep the agent under 90 MB (see the README). jose's
// Ed25519 is Web Crypto's, which Node 20 calls experimental in a line for every start.
import { main } from '../build/program/cli.js';

process.exitCode = await main(process.argv.slice(2));
